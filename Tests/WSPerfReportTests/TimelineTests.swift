import Testing
import WSPerfCore

@testable import WSPerfReport

@Suite("Timeline")
struct TimelineTests {
    private let second: UInt64 = 1_000_000_000

    @Test("puts a snapshot into the second that has most of it, however late it is")
    func alignment() {
        var timeline = Timeline()
        timeline.add(RunFixture.statistics(opened: 5, messages: 3), from: 0, to: second + 90_000_000)
        timeline.add(RunFixture.statistics(messages: 4), from: second + 90_000_000, to: 2 * second + 1)
        timeline.add(
            RunFixture.statistics(messages: 5, outcomes: [.succeeded: 2, .reset: 1]), from: 2 * second + 1,
            to: 2 * second + 9)
        let rows = timeline.rows
        #expect(rows.map(\.second) == [0, 1, 2])
        #expect(rows.map(\.sent) == [3, 4, 5])
        #expect(rows.map(\.open) == [5, 5, 2])
        #expect(rows.map(\.errors) == [0, 0, 1])
        #expect(rows.allSatisfy { $0.width == 1 && $0.rttMedian != nil })
    }

    @Test("stays bounded, loses nothing, and keeps true percentiles when it merges entries")
    func merging() {
        var timeline = Timeline()
        var all = Histogram()
        var opened: UInt64 = 0
        let samples = (0..<5).map { RunFixture.statistics(opened: 1, messages: 2, seed: $0) }
        for index in stride(from: 0, to: UInt64(3 * Timeline.maximumEntries), by: 5) {
            let statistics = samples[Int(index % 4)]
            timeline.add(statistics, from: index * second, to: (index + 1) * second)
            opened += 1
            if index / 4 == 100 { all += statistics.rttResponse }
        }
        let rows = timeline.rows
        #expect(timeline.width == 4 && rows.count <= Timeline.maximumEntries)
        #expect(rows.reduce(0) { $0 + $1.sent } == opened * 2)
        #expect(rows.last?.open == opened)
        #expect(rows[100].second == 400 && rows[100].width == 4)
        #expect(rows[100].rttMedian == all.coarsened().percentile(50))
        #expect(rows[100].rttP99 == all.coarsened().percentile(99))
    }

    @Test("keeps exact percentiles of old seconds in little memory")
    func coarse() throws {
        var timeline = Timeline()
        var exact: [Histogram] = []
        var generator = SeededGenerator(seed: 7, stream: 0)
        for index in 0..<150 as Range<UInt64> {
            var statistics = LoadStatistics()
            for _ in 0..<2000 { statistics.rttResponse.record(.random(in: 20_000...20_000_000, using: &generator)) }
            timeline.add(statistics, from: index * second, to: (index + 1) * second)
            exact.append(statistics.rttResponse)
        }
        #expect(timeline.rows.map(\.rttMedian) == exact.map { $0.percentile(50) })
        #expect(timeline.rows.map(\.rttP99) == exact.map { $0.percentile(99) })
        // A minute's as they are, the others coarser.
        #expect(timeline.packedBytes < 60 * 6000 + 90 * 1500, "\(timeline.packedBytes)")
        // One that changes after all.
        var late = LoadStatistics()
        late.rttResponse.record(30_000_000)
        timeline.add(late, from: second, to: 2 * second)
        let expected = try #require(exact[1].percentile(50))
        let median = try #require(timeline.rows[1].rttMedian)
        #expect(median >= expected && median <= expected + expected / 60)
    }

    @Test("counts unsent messages when the sending ended, also after entries are merged")
    func unsent() {
        var timeline = Timeline()
        for index in 0..<UInt64(Timeline.maximumEntries + 10) {
            var statistics = LoadStatistics()
            statistics.unsent = index < 4 ? index + 1 : 0
            timeline.add(statistics, from: index * second, to: (index + 1) * second)
        }
        #expect(timeline.rows.prefix(3).map(\.unsent) == [3, 7, 0])
        #expect(timeline.rows[0].csv == "0,2,0,0,0,0,0,,,3,,,,0,0,,,,")
    }

    @Test("copes with any time")
    func hostileTimes() {
        var timeline = Timeline()
        timeline.add(RunFixture.statistics(opened: 1), from: 5, to: 2)
        timeline.add(RunFixture.statistics(messages: 1), from: 0, to: .max)
        timeline.add(RunFixture.statistics(messages: 1), from: .max, to: .max)
        #expect(timeline.rows.count <= Timeline.maximumEntries)
        #expect(timeline.rows.reduce(0) { $0 + $1.sent } == 2)
    }

    @Test("adds a late snapshot to a second that is already packed")
    func late() {
        var timeline = Timeline()
        for index in 0..<20 as Range<UInt64> {
            timeline.add(
                RunFixture.statistics(messages: 10, seed: index), from: index * second, to: (index + 1) * second)
        }
        timeline.add(RunFixture.statistics(messages: 10, seed: 77), from: 2 * second, to: 3 * second)
        var expected = RunFixture.statistics(messages: 10, seed: 2).rttResponse
        expected += RunFixture.statistics(messages: 10, seed: 77).rttResponse
        #expect(timeline.rows[2].sent == 20 && timeline.rows[2].rttP99 == expected.percentile(99))
    }

    @Test("leaves out the open connections of a lost worker, until it returns")
    func lostWorker() {
        var accumulator = RunAccumulator()
        for event in RunFixture.beginning + (0..<4).map({ RunFixture.snapshots($0)[0] }) { accumulator.fold(event) }
        #expect(accumulator.summary().timeline.last?.open == 1000)
        accumulator.fold(.workerEnded(worker: "w3", WorkerEnd(lost: true, reason: "silent for 5 s")))
        accumulator.fold(RunFixture.snapshots(0)[1])
        #expect(accumulator.summary().timeline.last?.open == 720)
        accumulator.fold(RunFixture.snapshots(3)[1])
        #expect(accumulator.summary().timeline.last?.open == 940)
    }
}
