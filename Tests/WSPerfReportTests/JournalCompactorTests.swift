import Foundation
import Testing
import WSPerfCore

@testable import WSPerfReport

@Suite("A journal of hours", .timeLimit(.minutes(2)))
struct JournalCompactorTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// So much at the end stays detailed here.
    private static let detailed: UInt64 = 20 * RunFixture.second
    private static let quarter = RunFixture.second / 4

    /// What a worker did in a quarter of a second.
    private static func quarter(_ number: UInt64, of worker: Int) -> LoadStatistics {
        var statistics = LoadStatistics()
        if number == 1 {
            statistics.started = 2
            statistics.opened = 2
        }
        statistics.sent = 3 + number % 5
        statistics.received = statistics.sent
        for message in 0..<statistics.sent {
            let time = 100_000 * (1 + (number * 7919 + message * 104_729 + UInt64(worker)) % 5000)
            statistics.rttResponse.record(time)
            statistics.rttService.record(time / 2)
        }
        return statistics
    }

    /// Two workers, with four snapshots a second. The second one misses one now and then, and dies at the end.
    private static func events(_ seconds: UInt64) -> [RunEvent] {
        func snapshot(_ worker: Int, _ number: UInt64, final: Bool = false, _ statistics: LoadStatistics) -> RunEvent {
            .snapshot(
                worker: "w\(worker)",
                EncodedSnapshot(
                    Snapshot(sequence: number, elapsed: number * quarter, isFinal: final, statistics: statistics)))
        }
        var events = [RunFixture.started(RunFixture.plan(machines: 1, processes: 2, instances: 2))]
        events += (0..<2).map { .workerReady(RunFixture.worker($0)) }
        let count = 4 * seconds
        for number in 1...count {
            var last = quarter(number, of: 0)
            if number == count { last.outcomes = [.succeeded: 2] }
            events.append(snapshot(0, number, final: number == count, last))
            if number % 50 != 0 { events.append(snapshot(1, number, quarter(number, of: 1))) }
            if number == count / 3 { events.append(.notice("a third")) }
        }
        events.append(.workerEnded(worker: "w1", WorkerEnd(lost: true, signal: 9, reason: "killed by signal 9")))
        events.append(.workerEnded(worker: "w0", WorkerEnd(lost: false, status: 0, reason: "finished")))
        return events + [.ended(.finished, elapsed: seconds * RunFixture.second)]
    }

    private func read(_ name: String) throws -> [RunEvent] {
        let reader = try JournalReader(path: "\(directory.path)/\(name)")
        var events: [RunEvent] = []
        while let event = reader.next() { events.append(event) }
        #expect(reader.droppedBytes == 0)
        return events
    }

    private func compact(_ events: [RunEvent], seconds: UInt64) throws -> [RunEvent] {
        let journal = try RunJournal(path: "\(directory.path)/whole")
        for event in events { try journal.append(event) }
        let output = try RunJournal(path: "\(directory.path)/compact")
        var compactor = try JournalCompactor(
            "\(directory.path)/whole", to: output, newest: seconds * RunFixture.second, detailed: Self.detailed)
        try compactor.copy(first: journal.size) { true }
        return try read("compact")
    }

    @Test("gives the same results after it has been compacted", arguments: [15, 60, 150] as [UInt64])
    func same(seconds: UInt64) throws {
        let events = Self.events(seconds)
        let compact = try compact(events, seconds: seconds)
        let (before, after) = (RunAccumulator.summary(of: events), RunAccumulator.summary(of: compact))
        #expect(before.statistics == after.statistics && before.connections == after.connections)
        #expect(before.workers == after.workers && before.notices == after.notices)
        #expect(before.invalidBecause == after.invalidBecause && before.end == after.end)
        func figures(_ row: TimelineRow) -> [UInt64] {
            [row.second, row.width, row.opened, row.open, row.sent, row.received, row.errors, row.unsent]
        }
        #expect(before.timeline.map(figures) == after.timeline.map(figures))
        func times(_ row: TimelineRow) -> [UInt64?] { [row.rttMedian, row.rttP99] }
        #expect(before.timeline.map(times) == after.timeline.map(times))
        // Four snapshots of the older time are one record.
        let snapshots = compact.count { if case .snapshot = $0 { true } else { false } }
        let old = seconds < 20 ? 0 : seconds - 20
        let expected = Int(8 * (seconds - old) + 2 * old)
        #expect(abs(snapshots - expected) <= Int(seconds) / 4 + 4, "\(snapshots), not \(expected)")

        // It can be compacted again.
        let again = RunAccumulator.summary(of: try self.compact(compact, seconds: seconds))
        #expect(again.statistics == after.statistics && again.timeline == after.timeline)
        #expect(again.workers == after.workers)
    }

    @Test("is compacted while it grows, and rebuilds to the same totals")
    func live() throws {
        var warnings: [String] = []
        let recorder = RunRecorder(
            directory: RunDirectory(existing: directory.path), compactingAt: 20_000, detailed: Self.detailed
        ) {
            warnings.append($0)
        }
        var shrunk = 0
        var last = 0
        for event in Self.events(150) {
            recorder.record(event)
            for _ in 0..<1000 where recorder.isCompacting { usleep(1000) }
            let size = try FileManager.default.attributesOfItem(atPath: "\(directory.path)/journal.wsj")[.size] as? Int
            if let size, size < last { shrunk += 1 }
            last = size ?? 0
        }
        let run = try #require(recorder.result)
        #expect(warnings == [] && run.kept && shrunk > 0)
        let rebuilt = try RunRecorder.rebuild(RunDirectory(existing: directory.path))
        #expect(rebuilt.summary.statistics == run.summary.statistics)
        #expect(rebuilt.summary.connections == run.summary.connections)
        #expect(rebuilt.summary.timeline.map(\.sent) == run.summary.timeline.map(\.sent))
        #expect(
            try directory.names == [
                "journal.wsj", "junit.xml", "report.html", "summary.json", "summary.md", "summary.txt", "timeline.csv",
            ])
    }

    @Test("stays as it is if there is no room for a copy")
    func noRoom() throws {
        try FileManager.default.createSymbolicLink(
            atPath: "\(directory.path)/.journal.wsj.new", withDestinationPath: "/dev/full")
        let recorder = RunRecorder(
            directory: RunDirectory(existing: directory.path), compactingAt: 20_000, detailed: Self.detailed
        ) {
            Issue.record("\($0)")
        }
        for event in Self.events(60) { recorder.record(event) }
        let run = try #require(recorder.result)
        #expect(run.kept)
        #expect(try RunRecorder.rebuild(RunDirectory(existing: directory.path)) == run)
    }
}
