import Foundation
import Synchronization
import Testing

/// A process of one of the built executables or of any other program. Its output goes to files, so it never waits for a
/// reader.
final class Executable: Sendable {
    /// The directory of the built executables: that of the test bundle.
    static var directory: String {
        let own =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        var directory = URL(fileURLWithPath: own).deletingLastPathComponent()
        while directory.path != "/", !FileManager.default.isExecutableFile(atPath: directory.path + "/wsperf-listener")
        {
            directory.deleteLastPathComponent()
        }
        return directory.path
    }

    let pid: Int32
    private let name: String
    private let output: String
    private let ended: AsyncStream<Int32>
    private let result = Mutex<Int32?>(nil)

    /// Open for as long as this process lives, for programs that end when their stdin closes.
    private let input: Pipe?

    /// Starts `name` (of the built ones, unless it is a path) within `folder`, where its output goes too. Its stdin is
    /// /dev/null, or with `endsWithUs` a pipe that closes when this process ends, however it ends.
    init(
        _ name: String, _ arguments: [String], in folder: TestFolder, at directory: String? = nil,
        endsWithUs: Bool = false
    ) throws {
        self.name = name
        input = endsWithUs ? Pipe() : nil
        output = folder.path + "/" + UUID().uuidString
        for suffix in ["out", "err"] { try Data().write(to: URL(fileURLWithPath: "\(output).\(suffix)")) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: name.hasPrefix("/") ? name : Self.directory + "/" + name)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory ?? folder.path)
        if let input { process.standardInput = input } else { process.standardInput = FileHandle.nullDevice }
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output + ".out"))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: output + ".err"))
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        ended = stream
        process.terminationHandler = { process in
            continuation.yield(
                process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus)
            continuation.finish()
        }
        try process.run()
        pid = process.processIdentifier
        folder.own(pid)
    }

    var standardOutput: String { text("out") }
    var standardError: String { text("err") }

    private func text(_ suffix: String) -> String {
        (try? String(contentsOfFile: "\(output).\(suffix)", encoding: .utf8)) ?? ""
    }

    func send(_ signal: Int32) { kill(pid, signal) }

    /// How it ended: its exit status, or its signal's negative. One that does not end in time is killed.
    func status(within limit: Duration = .seconds(90)) async throws -> Int32 {
        if let known = result.withLock({ $0 }) { return known }
        let watchdog = Task { [pid, name] in
            try await Task.sleep(for: limit)
            Issue.record("\(name) did not end within \(limit)")
            kill(pid, SIGKILL)
        }
        defer { watchdog.cancel() }
        for await status in ended { result.withLock { $0 = status } }
        return try #require(result.withLock { $0 })
    }

    /// Waits until the process has written this to stderr.
    func waitForError(_ text: String, within limit: Duration = .seconds(60)) async throws {
        try await eventually("\(name) writes '\(text)'", within: limit) { self.standardError.contains(text) }
    }

    /// Whether there is such a process that is not a zombie.
    static func isRunning(_ pid: Int32) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return false }
        return !status.contains("State:\tZ")
    }

    /// The process that launched this one.
    static func parent(of pid: Int32) -> Int32? {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return nil }
        return status.split(separator: "\n").first { $0.hasPrefix("PPid:") }.flatMap {
            Int32($0.dropFirst(5).trimmingCharacters(in: .whitespaces))
        }
    }
}

/// Looks until something is so that there is no event for.
func eventually(
    _ what: String, within limit: Duration = .seconds(60), _ condition: () -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("not within \(limit): \(what)")
            return
        }
        try await Task.sleep(for: .milliseconds(50))
    }
}

/// A directory for one test, and the processes that must not outlive the test.
final class TestFolder: Sendable {
    let path: String
    private let processes = Mutex<[Int32]>([])

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("wsperf-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    func own(_ pid: Int32) { processes.withLock { $0.append(pid) } }

    func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
        return "\(path)/\(name)"
    }

    deinit {
        for pid in processes.withLock({ $0 }) where Executable.parent(of: pid) == getpid() {
            kill(pid, SIGCONT)
            kill(pid, SIGKILL)
        }
        try? FileManager.default.removeItem(atPath: path)
    }
}
