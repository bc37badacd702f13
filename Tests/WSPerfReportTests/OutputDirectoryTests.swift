import Foundation
import Testing
import WSPerfCore

@testable import WSPerfReport

@Suite("OutputDirectory")
struct OutputDirectoryTests {
    /// A directory for everything, and the one that the user names.
    private let temporary: TemporaryDirectory
    private var path: String { "\(temporary.path)/r" }

    init() throws { temporary = try TemporaryDirectory() }

    private func record(_ events: [RunEvent], in directory: RunDirectory) {
        let recorder = RunRecorder(directory: directory, plan: (text: "p", name: "plan.yaml")) { Issue.record("\($0)") }
        for event in events { recorder.record(event) }
    }

    /// All files with their contents.
    private func files(_ path: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            files[name] = try Data(contentsOf: URL(filePath: "\(path)/\(name)"))
        }
        return files
    }

    private func anEarlierRun() throws -> [String: Data] {
        record(RunFixture.allWell, in: try OutputDirectory(path).begin())
        return try files(path)
    }

    @Test("is made if there is none, also its parents, and goes away if the run never begins")
    func new() throws {
        let deep = "\(temporary.path)/a/b"
        do {
            let output = try OutputDirectory(deep)
            #expect(FileManager.default.fileExists(atPath: deep))
            withExtendedLifetime(output) {}
        }
        #expect(!FileManager.default.fileExists(atPath: deep))
        record(RunFixture.allRefused, in: try OutputDirectory(deep).begin())
        #expect(try files(deep).count == 8)
    }

    @Test("keeps an earlier run until the load of the new one begins")
    func replaced() throws {
        let earlier = try anEarlierRun()
        do { _ = try OutputDirectory(path) }
        #expect(try files(path) == earlier, "the new run never began")

        let output = try OutputDirectory(path)
        let beside = try output.begin()
        record([RunFixture.started()], in: beside)
        #expect(beside.path != path)
        #expect(try files(path) == earlier, "the new run waits for listeners")
        #expect(output.replace() == RunDirectory(existing: path))
        #expect(try Set(files(path).keys) == ["journal.wsj", "plan.yaml"])
        #expect(try temporary.names == ["r"])
        #expect(output.replace() == RunDirectory(existing: path) && output.putAside() == RunDirectory(existing: path))
    }

    @Test("keeps an earlier run for good if the new one has no load")
    func putAside() throws {
        let earlier = try anEarlierRun()
        for _ in 0..<2 {
            let output = try OutputDirectory(path)
            record([RunFixture.started(), .ended(.incomplete, elapsed: 1)], in: try output.begin())
            #expect(output.putAside() == RunDirectory(existing: "\(path).incomplete"))
            #expect(try files(path) == earlier)
            #expect(try temporary.names == ["r", "r.incomplete"])
        }
        // A stranger of that name is left alone.
        try FileManager.default.removeItem(atPath: "\(path).incomplete")
        try temporary.write([1], to: "r.incomplete")
        let output = try OutputDirectory(path)
        _ = try output.begin()
        #expect(output.putAside() == RunDirectory(existing: "\(path).incomplete-2"))
        #expect(try temporary.bytes("r.incomplete") == [1])
    }

    @Test("is of one run at a time, and says whose")
    func locked() throws {
        _ = try anEarlierRun()
        let output = try OutputDirectory(path)
        func expectInUse() {
            #expect(throws: RunDirectoryError.inUse(path: path, by: getpid())) { try OutputDirectory(path) }
        }
        expectInUse()
        _ = try output.begin()
        expectInUse()
        _ = output.replace()
        expectInUse()
        #expect(DirectoryLock.holder(path) == getpid())
        let error = RunDirectoryError.inUse(path: "r", by: 7)
        #expect(error.description == "r is in use by a run of process 7: name another directory, or wait for that run")
        withExtendedLifetime(output) {}
    }

    @Test("removes what a killed run has left beside it, and nothing else")
    func remains() throws {
        _ = try anEarlierRun()
        for (name, file) in [(".r.new-1", "journal.wsj"), (".r.new-2", "thesis.tex"), (".rr.new-1", "journal.wsj")] {
            try FileManager.default.createDirectory(
                atPath: "\(temporary.path)/\(name)", withIntermediateDirectories: false)
            try temporary.write([1], to: "\(name)/\(file)")
        }
        do { _ = try OutputDirectory(path) }
        #expect(try temporary.names == [".r.new-2", ".rr.new-1", "r"])
    }

    @Test("may be a link to a directory")
    func link() throws {
        _ = try anEarlierRun()
        try FileManager.default.createSymbolicLink(
            atPath: "\(temporary.path)/link", withDestinationPath: path)
        let output = try OutputDirectory("\(temporary.path)/link")
        record(RunFixture.allRefused, in: try output.begin())
        _ = output.replace()
        #expect(try temporary.names == ["link", "r"])
        #expect(try String(contentsOfFile: "\(path)/summary.txt", encoding: .utf8).contains("200 refused"))
    }

    @Test(
        "is refused, and nothing in it changes, if it contains anything else",
        arguments: [
            ["notes.txt"], ["journal.wsj", "summary.json", "thesis.tex"], ["plan.yaml"], ["journal.wsj", "more/"],
        ])
    func occupied(names: [String]) throws {
        for name in names {
            if name.hasSuffix("/") {
                try FileManager.default.createDirectory(
                    atPath: "\(temporary.path)/\(name)", withIntermediateDirectories: true)
            } else {
                try temporary.write([1], to: name)
            }
        }
        let before = try temporary.names
        let error = try #require(throws: RunDirectoryError.self) { _ = try OutputDirectory(temporary.path) }
        guard case .occupied = error else {
            Issue.record("\(error)")
            return
        }
        #expect(try temporary.names == before)
    }

    @Test("is unwritable where the system refuses", arguments: ["/dev/null/x", "/proc/wsperf", ""])
    func unwritable(path: String) throws {
        let error = try #require(throws: RunDirectoryError.self) { _ = try OutputDirectory(path) }
        guard case .unwritable = error else {
            Issue.record("\(error)")
            return
        }
    }
}

@Suite("Rebuilding a run")
struct RunRebuildTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        let recorder = RunRecorder(directory: RunDirectory(existing: directory.path)) { Issue.record("\($0)") }
        for event in RunFixture.allWell { recorder.record(event) }
    }

    private func rebuild(force: Bool = false) throws -> (run: RecordedRun, warnings: [String]) {
        var warnings: [String] = []
        let run = try RunRecorder.rebuild(RunDirectory(existing: directory.path), force: force) { warnings.append($0) }
        return (run, warnings)
    }

    private func cut(_ bytes: Int) throws {
        try directory.write(directory.bytes("journal.wsj").dropLast(bytes), to: "journal.wsj")
    }

    @Test("does not replace results that say more than the journal", arguments: [40, 3])
    func poorer(bytes: Int) throws {
        let names = ["summary.json", "summary.txt", "timeline.csv"]
        let complete = try names.map { try directory.bytes($0) }
        try cut(bytes)
        let (run, warnings) = try rebuild()
        #expect(warnings.count == 1 && warnings[0].contains("summary.json says more than the journal and was kept"))
        #expect(run.summary.invalidBecause == ["the end of the journal is damaged, so this is not the whole run"])
        #expect(run.exitStatus == 3)
        #expect(try names.map { try directory.bytes($0) } == complete)
        #expect(try directory.bytes("summary.rebuilt.json") == Array(run.summary.json().utf8))
        #expect(try directory.bytes("summary.rebuilt.txt") == Array(run.text.utf8))

        let forced = try rebuild(force: true)
        #expect(forced.warnings == [])
        #expect(try directory.bytes("summary.json") == Array(run.summary.json().utf8))
        // The directory is still one of a run, so another may take its place.
        _ = try OutputDirectory(directory.path)
    }

    @Test("says that the end is missing if exactly the last record is")
    func lastRecord() throws {
        try cut(8 + (RunFixture.allWell.last?.record.count ?? 0))
        let (run, warnings) = try rebuild()
        #expect(run.summary.invalidBecause == ["the end of the journal is missing, so this is not the whole run"])
        #expect(warnings.count == 1)
    }

    @Test("replaces results that say less")
    func richer() throws {
        let whole = try directory.bytes("journal.wsj")
        try cut(5000)
        let forced = try rebuild(force: true).run
        #expect(forced.summary.end == nil)
        try directory.write(whole, to: "journal.wsj")
        let (run, warnings) = try rebuild()
        #expect(run.summary.isValid && warnings == [])
        #expect(try directory.bytes("summary.json") == Array(run.summary.json().utf8))
    }

    @Test("writes nothing while the run is going on")
    func live() throws {
        try cut(5000)
        let before = try directory.names
        let complete = try directory.bytes("summary.json")
        let lock = try DirectoryLock.take(directory.path)
        let (run, warnings) = try rebuild()
        withExtendedLifetime(lock) {}
        #expect(run.summary.invalidBecause.first == "the run has not ended yet")
        #expect(warnings.count == 1 && warnings[0].contains("still going on (process \(getpid()))"))
        #expect(try directory.names == before && directory.bytes("summary.json") == complete)
    }

    @Test("takes all runs of a sweep's directory")
    func sweep() throws {
        let parent = try TemporaryDirectory()
        let series = try RunSeries(
            (1...11).map { RunSeries.Entry(name: "n\($0)", plan: "p") }, output: parent.path, isQuiet: true,
            isSilent: true)
        for (index, events) in [RunFixture.allWell, RunFixture.allRefused].enumerated() {
            for event in events { series.record(index, event) }
        }
        #expect(series.finish() == 0)
        let text = try String(contentsOfFile: "\(parent.path)/comparison.txt", encoding: .utf8)
        #expect(text.hasSuffix("not run: n3, n4, n5, n6, n7, n8, n9, n10, n11\n"))
        let json = try directoryJSON(parent)
        #expect(json["runs"]?.elements?.count == 2 && json["not_run"]?.elements?.count == 9)
        for name in ["comparison.txt", "1-n1/summary.json", "2-n2/summary.json"] {
            try FileManager.default.removeItem(atPath: "\(parent.path)/\(name)")
        }
        let (runs, comparison) = try RunSeries.rebuild(parent.path)
        #expect(runs.map(\.summary.connections.succeeded) == [1000, 0])
        #expect(comparison?.text() == text)
        #expect(try String(contentsOfFile: "\(parent.path)/comparison.txt", encoding: .utf8) == text)
        #expect(FileManager.default.fileExists(atPath: "\(parent.path)/2-n2/summary.json"))
    }

    private func directoryJSON(_ directory: TemporaryDirectory) throws -> PlanNode {
        try PlanNode(json: directory.bytes("comparison.json"))
    }
}

extension PlanNode {
    fileprivate var elements: [PlanNode]? {
        if case .sequence(let elements) = content { elements } else { nil }
    }
}

@Suite("Console", .timeLimit(.minutes(1)))
struct ConsoleTests {
    /// All that comes out of a pipe, read on a thread of its own.
    private static func reading(_ pipe: Pipe) -> AsyncStream<Data> {
        AsyncStream { continuation in
            Thread.detachNewThread {
                continuation.yield(pipe.fileHandleForReading.readDataToEndOfFile())
                continuation.finish()
            }
        }
    }

    @Test("never waits for a reader: offers are dropped, the rest waits, up to a limit")
    func blocked() async throws {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        let reader: AsyncStream<Data>
        do {
            let console = Console()
            let line = String(repeating: "x", count: 999) + "\n"
            // More than a pipe takes, and then more than may wait.
            for _ in 0..<200 { console.write(line, to: descriptor) }
            console.offer("offered\n", to: descriptor)
            for _ in 0..<2000 { console.write(line, to: descriptor) }
            console.finish(patience: 10)
            reader = Self.reading(pipe)
            console.finish(patience: 60_000)
            console.write("last\n", to: descriptor)
            console.finish(patience: 60_000)
        }
        try pipe.fileHandleForWriting.close()
        let text = String(decoding: await reader.first { _ in true } ?? Data(), as: UTF8.self)
        #expect(!text.contains("offered"))
        #expect(text.hasSuffix(" texts were dropped, because this output was blocked)\nlast\n"))
        #expect(text.utf8.count > Console.limit && text.utf8.count < 2 * Console.limit)
    }

    @Test("writes everything in order once there is a reader")
    func order() async throws {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        let expected = (0..<30_000).map { "line \($0)\n" }.joined()
        let reader = Self.reading(pipe)
        do {
            let console = Console()
            for number in 0..<30_000 { console.write("line \(number)\n", to: descriptor) }
            console.finish(patience: 60_000)
        }
        try pipe.fileHandleForWriting.close()
        #expect(await reader.first { _ in true } ?? Data() == Data(expected.utf8))
    }

    @Test("goes on without a reader")
    func broken() throws {
        signal(SIGPIPE, SIG_IGN)
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        let console = Console()
        for _ in 0..<1000 {
            console.write(String(repeating: "x", count: 1000), to: pipe.fileHandleForWriting.fileDescriptor)
        }
        console.finish(patience: 60_000)
    }
}
