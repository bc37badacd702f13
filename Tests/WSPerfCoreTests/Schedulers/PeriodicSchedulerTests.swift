import Testing

@testable import WSPerfCore

@Suite struct PeriodicSchedulerTests {
    @Test func alignedBeginsAtOnce() {
        #expect(
            offsets(of: .periodic(every: .milliseconds(250), phase: .aligned), 5)
                == [0, 250_000_000, 500_000_000, 750_000_000, 1_000_000_000])
    }

    @Test(arguments: [(0, 834_028_286), (1, 5_736_496), (2, 875_324_540), (3, 272_038_793)] as [(UInt64, Int64)])
    func randomPhaseByConnection(stream: UInt64, phase: Int64) {
        #expect(
            offsets(of: .periodic(every: .seconds(1)), 3, seed: 1, stream: stream)
                == [phase, phase + 1_000_000_000, phase + 2_000_000_000])
    }

    @Test func randomPhasesCoverTheFirstIntervalEvenly() {
        let interval = 1_000_000_000.0
        let phases = (0..<10_000).map { stream in
            Double(offsets(of: .periodic(every: .seconds(1)), 1, seed: 5, stream: UInt64(stream))[0])
        }
        #expect(phases.allSatisfy { $0 >= 0 && $0 < interval })
        let mean = phases.reduce(0, +) / 10_000
        #expect(abs(mean - interval / 2) < 5 * interval / (12 * 10_000.0).squareRoot())
    }

    @Test(arguments: [PeriodicScheduler.Phase.random, .aligned], [Duration.zero, .seconds(-1), .nanoseconds(0)])
    func withoutIntervalAllIsDueAtOnce(phase: PeriodicScheduler.Phase, interval: Duration) {
        #expect(offsets(of: .periodic(every: interval, phase: phase), 4) == [0, 0, 0, 0])
    }

    @Test func oneNanosecond() {
        #expect(offsets(of: .periodic(every: .nanoseconds(1)), 4) == [0, 1, 2, 3])
    }

    @Test(arguments: [Duration.seconds(Int64.max), .nanoseconds(Int64.max), .nanoseconds(Int64.max / 2)])
    func absurdIntervalsSaturate(interval: Duration) {
        let aligned = offsets(of: .periodic(every: interval, phase: .aligned), 6)
        #expect(aligned == aligned.sorted())
        #expect(aligned[0] == 0 && aligned[5] == .max)
        let random = offsets(of: .periodic(every: interval), 6)
        #expect(random == random.sorted() && random[0] >= 0)
    }

    @Test func size() {
        #expect(MemoryLayout<PeriodicScheduler>.size == 16)
    }
}

/// The offsets of the first messages.
func offsets(
    of scheduler: some MessageScheduler, _ count: Int, seed: UInt64 = 42, stream: UInt64 = 3
) -> [Int64] {
    var scheduler = scheduler
    var random = SeededGenerator(seed: seed, stream: stream)
    var offsets: [Int64] = []
    while offsets.count < count, let message = scheduler.next(using: &random) { offsets.append(message.offset) }
    return offsets
}
