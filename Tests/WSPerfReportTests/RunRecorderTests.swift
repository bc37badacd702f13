import Foundation
import Testing
import WSPerfCore

@testable import WSPerfReport

@Suite("RunRecorder")
struct RunRecorderTests {
    private static let results = [
        "junit.xml", "report.html", "summary.json", "summary.md", "summary.txt", "timeline.csv",
    ]

    private func record(_ events: [RunEvent], in directory: TemporaryDirectory) -> RunRecorder {
        let recorder = RunRecorder(
            directory: RunDirectory(existing: directory.path), plan: (text: "a plan\n", name: "plan.json"),
            warn: { Issue.record("warned: \($0)") })
        for event in events { recorder.record(event) }
        return recorder
    }

    @Test(
        "keeps a run, and rebuilds it from its journal byte for byte",
        arguments: [
            RunFixture.allWell, RunFixture.oneKilled, RunFixture.allRefused,
            [RunFixture.started(), .ended(.incomplete, elapsed: 1)],
            RunFixture.allWell.dropLast() + [.notice("two\nlines \u{1b}[2J"), .ended(.interrupted, elapsed: 3)],
        ])
    func rebuild(events: [RunEvent]) throws {
        let directory = try TemporaryDirectory()
        let run = try #require(record(events, in: directory).result)
        #expect(run.kept && run.summary == RunAccumulator.summary(of: events))
        #expect(try directory.names == ["journal.wsj", "junit.xml", "plan.json"] + Self.results.dropFirst())
        let written = try Self.results.map { try directory.bytes($0) }
        #expect(written[2] == Array(run.summary.json().utf8))
        #expect(written[4] == Array(run.text.utf8))

        for name in Self.results { try FileManager.default.removeItem(atPath: "\(directory.path)/\(name)") }
        let rebuilt = try RunRecorder.rebuild(RunDirectory(existing: directory.path))
        #expect(rebuilt == run)
        #expect(try Self.results.map { try directory.bytes($0) } == written)
    }

    @Test("reports what arrived before the controller died, and everything else as lost")
    func controllerDied() throws {
        let directory = try TemporaryDirectory()
        let recorder = record(Array(RunFixture.allWell.prefix(14)), in: directory)
        #expect(recorder.result == nil)
        #expect(try directory.names == ["journal.wsj", "plan.json"])
        let run = try RunRecorder.rebuild(RunDirectory(existing: directory.path))
        #expect(run.summary.invalidBecause.first == "the controller ended before the run did")
        #expect(run.exitStatus == 3 && run.kept && run.summary.end == nil)
        #expect(run.summary.elapsed == 2 * RunFixture.second + 210_000_000)
        #expect(run.summary.connections.outcomes == [.succeeded: 30, .lost: 970])
    }

    @Test("says how much of a journal is damaged")
    func damaged() throws {
        let directory = try TemporaryDirectory()
        _ = record(RunFixture.allWell, in: directory)
        let bytes = try directory.bytes("journal.wsj")
        try directory.write(bytes.dropLast(3), to: "journal.wsj")
        try FileManager.default.removeItem(atPath: "\(directory.path)/summary.json")
        let run = try RunRecorder.rebuild(RunDirectory(existing: directory.path))
        #expect(run.summary.invalidBecause == ["the end of the journal is damaged, so this is not the whole run"])
        #expect(run.summary.end == nil && run.summary.connections.outcomes == [.succeeded: 1000])
        #expect(run.summary.notices.count == 1)
        #expect(run.summary.notices.first?.contains("bytes of the journal are damaged") == true)
    }

    /// A snapshot's body with more fields than this version knows, as another version may write them.
    private static let newer: [UInt8] = {
        func field(_ name: String, _ kind: UInt8, _ value: [UInt8]) -> [UInt8] {
            [UInt8(name.utf8.count)] + Array(name.utf8) + [kind, UInt8(value.count)] + value
        }
        let outcomes: [UInt8] = [1, 9] + Array("succeeded".utf8) + [2]
        return [2, 1, 1, 1, 3, 6] + field("a_new_counter", 1, [7])
            + field("a_new_histogram", 4, [1, 0, 5, 5, 5, 25, 1, 0, 1])
            + field("a_new_kind", 77, [1, 2, 3]) + field("outcomes", 3, outcomes) + field("sent", 1, [42])
            + field("started", 1, [2])
    }()

    @Test("names the figures of another version that this version does not know, also from the journal")
    func unknownFields() throws {
        let directory = try TemporaryDirectory()
        let snapshot = try EncodedSnapshot(decoding: Self.newer)
        let recorder = record(
            [
                RunFixture.started(RunFixture.plan(machines: 1, processes: 1, instances: 2)),
                .workerReady(RunFixture.worker(0)), .snapshot(worker: "w0", snapshot),
                .workerEnded(worker: "w0", WorkerEnd(lost: false, reason: "")), .ended(.finished, elapsed: 1),
            ], in: directory)
        let run = try #require(recorder.result)
        #expect(run.summary.statistics.sent == 42 && run.summary.connections.outcomes == [.succeeded: 2])
        #expect(run.summary.isValid)
        #expect(
            run.summary.notices == [
                "workers of another version measured figures that this version does not know and leaves out: "
                    + "a_new_counter, a_new_histogram, a_new_kind"
            ])
        // The journal holds the bytes as they came, with what this version does not know.
        #expect(try directory.bytes("journal.wsj").firstRange(of: Self.newer) != nil)
        #expect(try RunRecorder.rebuild(RunDirectory(existing: directory.path)) == run)
    }

    @Test("names a bounded number of unknown fields")
    func manyUnknownFields() throws {
        var body: [UInt8] = [2, 1, 1, 1, 3, 0xe8, 0x07]
        for number in 1000..<2000 { body += [5] + Array("x\(number)".utf8) + [1, 1, 1] }
        let summary = RunAccumulator.summary(of: [
            RunFixture.started(RunFixture.plan(machines: 1, processes: 1, instances: 2)),
            .workerReady(RunFixture.worker(0)), .snapshot(worker: "w0", try EncodedSnapshot(decoding: body)),
        ])
        let notice = try #require(summary.notices.first)
        #expect(summary.notices.count == 1 && notice.hasSuffix("x1017, x1018 and others"), "\(notice)")
    }

    @Test("names the version of snapshots in a journal that it cannot read")
    func otherVersion() throws {
        let directory = try TemporaryDirectory()
        _ = record(RunFixture.allWell, in: directory)
        var bytes = Array(try directory.bytes("journal.wsj"))
        let body = try #require(RunFixture.allWell.firstIndex { if case .snapshot = $0 { true } else { false } })
        // The first snapshot's record is made again with a body of version 1.
        guard case .snapshot(_, let snapshot) = RunFixture.allWell[body] else { return }
        let start = try #require(bytes.firstRange(of: snapshot.bytes)?.lowerBound)
        bytes[start] = 1
        let record = RunFixture.allWell[body].record.count
        let content = Array(bytes[start + snapshot.bytes.count - record..<start + snapshot.bytes.count])
        var checksum: [UInt8] = []
        checksum.append(littleEndian: CRC32.checksum(content))
        bytes.replaceSubrange(
            start + snapshot.bytes.count - record - 4..<start + snapshot.bytes.count - record, with: checksum)
        try directory.write(bytes, to: "journal.wsj")
        let run = try RunRecorder.rebuild(RunDirectory(existing: directory.path), force: true)
        let notice = try #require(run.summary.notices.first)
        #expect(run.summary.notices.count == 1 && notice.contains("version 1 is not known, only 2"), "\(notice)")
    }

    @Test("goes on and sums up when the disk is full, and warns once")
    func diskFull() throws {
        let directory = try TemporaryDirectory()
        var warnings: [String] = []
        // A journal on a device that is always full.
        #expect(throws: RunDirectoryError.self) { try RunJournal(path: "/dev/full") }
        try FileManager.default.createSymbolicLink(
            atPath: "\(directory.path)/journal.wsj", withDestinationPath: "/dev/full")
        let recorder = RunRecorder(directory: RunDirectory(existing: directory.path)) { warnings.append($0) }
        for event in RunFixture.allWell { recorder.record(event) }
        let run = try #require(recorder.result)
        #expect(!run.kept && run.exitStatus == 4 && run.summary.isValid)
        #expect(run.summary.statistics == RunAccumulator.summary(of: RunFixture.allWell).statistics)
        // The process's exit status is in the file too.
        let written = try PlanNode(json: directory.bytes("summary.json"))
        #expect(written["run"]?["exit"]?.text == "4" && written["run"]?["valid"]?.text == "true")
        #expect(warnings.count == 1 && warnings[0].contains("No space left on device"), "\(warnings)")
    }

    @Test("goes on and sums up when its directory disappears")
    func directoryGone() throws {
        let directory = try TemporaryDirectory()
        var warnings: [String] = []
        let path = "\(directory.path)/run"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let recorder = RunRecorder(directory: RunDirectory(existing: path)) { warnings.append($0) }
        recorder.record(RunFixture.started())
        try FileManager.default.removeItem(atPath: path)
        recorder.record(.ended(.interrupted, elapsed: 1))
        let run = try #require(recorder.result)
        #expect(!run.kept && run.exitStatus == 130)
        #expect(warnings.count == 1 && warnings[0].contains("No such file or directory"))
    }

    @Test("works without a directory")
    func nowhere() throws {
        let recorder = RunRecorder(directory: nil) { Issue.record("warned: \($0)") }
        for event in RunFixture.oneKilled { recorder.record(event) }
        let run = try #require(recorder.result)
        #expect(!run.kept && run.exitStatus == 3)
    }

    @Test("takes nothing after the last event")
    func afterTheEnd() throws {
        let directory = try TemporaryDirectory()
        let recorder = record(RunFixture.allWell, in: directory)
        let bytes = try directory.bytes("journal.wsj")
        recorder.record(.notice("too late"))
        #expect(try directory.bytes("journal.wsj") == bytes)
    }
}
