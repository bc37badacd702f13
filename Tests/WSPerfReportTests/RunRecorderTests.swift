import Foundation
import Testing
import WSPerfCore

@testable import WSPerfReport

@Suite("RunRecorder")
struct RunRecorderTests {
    private static let results = ["summary.json", "summary.txt", "timeline.csv"]

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
        #expect(try directory.names == ["journal.wsj", "plan.json", "summary.json", "summary.txt", "timeline.csv"])
        let written = try Self.results.map { try directory.bytes($0) }
        #expect(written[0] == Array(run.summary.json().utf8))
        #expect(written[1] == Array(run.text.utf8))

        for name in Self.results { try FileManager.default.removeItem(atPath: "\(directory.path)/\(name)") }
        let rebuilt = try RunRecorder.rebuild(RunDirectory(existing: directory.path))
        #expect(rebuilt == run)
        #expect(try Self.results.map { try directory.bytes($0) } == written)
    }

    @Test("reports what there was when the controller died, with everything else lost")
    func controllerDied() throws {
        let directory = try TemporaryDirectory()
        let recorder = record(Array(RunFixture.allWell.prefix(14)), in: directory)
        #expect(recorder.result == nil)
        #expect(try directory.names == ["journal.wsj", "plan.json"])
        let run = try RunRecorder.rebuild(RunDirectory(existing: directory.path))
        #expect(run.summary.invalidBecause.first == "the controller ended before the run did")
        #expect(run.exitStatus == 3 && run.kept && run.summary.end == nil)
        #expect(run.summary.elapsed == 2 * RunFixture.second)
        #expect(run.summary.connections.outcomes == [.succeeded: 30, .lost: 970])
    }

    @Test("says what of a journal is damaged")
    func damaged() throws {
        let directory = try TemporaryDirectory()
        _ = record(RunFixture.allWell, in: directory)
        let bytes = try directory.bytes("journal.wsj")
        try directory.write(bytes.dropLast(3), to: "journal.wsj")
        let run = try RunRecorder.rebuild(RunDirectory(existing: directory.path))
        #expect(run.summary.end == nil && run.summary.connections.outcomes == [.succeeded: 1000])
        #expect(run.summary.notices.count == 1)
        #expect(run.summary.notices.first?.contains("bytes of the journal are damaged") == true)
    }

    @Test("goes on and sums up when the disk is full, and says so once")
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
        #expect(run.summary == RunAccumulator.summary(of: RunFixture.allWell))
        #expect(warnings.count == 1 && warnings[0].contains("No space left on device"), "\(warnings)")
    }

    @Test("goes on and sums up when its directory disappears")
    func directoryGone() throws {
        let directory = try TemporaryDirectory()
        var warnings: [String] = []
        let path = "\(directory.path)/run"
        let recorder = RunRecorder(directory: try RunDirectory.prepare(path)) { warnings.append($0) }
        recorder.record(RunFixture.started())
        try FileManager.default.removeItem(atPath: path)
        recorder.record(.ended(.interrupted, elapsed: 1))
        let run = try #require(recorder.result)
        #expect(!run.kept && run.exitStatus == 130)
        #expect(warnings.count == 1 && warnings[0].contains("No such file or directory"))
    }

    @Test("does without a directory")
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
