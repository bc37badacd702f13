import Testing

@testable import WSPerfCore

@Suite struct SchedulerPoolTests {
    /// Counts how many of its kind are alive, so that slots that are freed too often, or never, show.
    private final class Witness: Sendable {
        let count: Counter
        init(_ count: Counter) {
            self.count = count
            count.add(1)
        }
        deinit { count.add(-1) }
    }

    private final class Counter: @unchecked Sendable {
        // Touched by one test's thread only.
        private(set) var value = 0
        func add(_ change: Int) { value += change }
    }

    private struct Countdown: MessageScheduler {
        let witness: Witness
        var left: Int64
        mutating func next(using random: inout SeededGenerator) -> ScheduledMessage? {
            guard left > 0 else { return nil }
            left -= 1
            return ScheduledMessage(offset: left)
        }
    }

    @Test func slotsAreIndependent() {
        let counter = Counter()
        var random = SeededGenerator(seed: 1, stream: 1)
        do {
            let pool: SchedulerPool = TypedSchedulerPool(capacity: 3) { connection, _ in
                Countdown(witness: Witness(counter), left: Int64(connection))
            }
            pool.start(slot: 2, connection: 2, random: &random)
            pool.start(slot: 0, connection: 5, random: &random)
            #expect(counter.value == 2)
            #expect(pool.next(slot: 2, random: &random)?.offset == 1)
            #expect(pool.next(slot: 0, random: &random)?.offset == 4)
            #expect(pool.next(slot: 2, random: &random)?.offset == 0)
            #expect(pool.next(slot: 2, random: &random) == nil)
            #expect(pool.next(slot: 0, random: &random)?.offset == 3)
            pool.stop(slot: 2)
            pool.stop(slot: 2)
            pool.stop(slot: 1)
            #expect(counter.value == 1)
            pool.start(slot: 2, connection: 1, random: &random)
            #expect(pool.next(slot: 2, random: &random)?.offset == 0)
            #expect(counter.value == 2)
        }
        #expect(counter.value == 0)
    }

    @Test func randomNumbersAreTheConnections() {
        let pool = TypedSchedulerPool(capacity: 1) { _, random in
            PeriodicScheduler(every: .nanoseconds(Int64(random.next() >> 8)), phase: .aligned)
        }
        var random = SeededGenerator(seed: 9, stream: 4)
        var same = random
        pool.start(slot: 0, connection: 0, random: &random)
        _ = pool.next(slot: 0, random: &random)
        #expect(pool.next(slot: 0, random: &random)?.offset == Int64(same.next() >> 8))
        #expect(random == same)
    }

    @Test func emptyPools() {
        var random = SeededGenerator(seed: 1, stream: 1)
        _ = TypedSchedulerPool(capacity: 0) { _, _ in PeriodicScheduler(every: .seconds(1)) }
        let none = SchedulerPool()
        none.start(slot: 0, connection: 0, random: &random)
        #expect(none.next(slot: 0, random: &random) == nil)
        none.stop(slot: 0)
    }

    @Test(arguments: [-1, 3, 4])
    func slotsOutsideAreTraps(slot: Int) async {
        // Once per kind of misuse, each in a process of its own.
        await #expect(processExitsWith: .failure) { [slot] in
            var random = SeededGenerator(seed: 1, stream: 1)
            let pool = TypedSchedulerPool(capacity: 3) { _, _ in PeriodicScheduler(every: .seconds(1)) }
            pool.start(slot: slot, connection: 0, random: &random)
        }
        await #expect(processExitsWith: .failure) { [slot] in
            var random = SeededGenerator(seed: 1, stream: 1)
            let pool = TypedSchedulerPool(capacity: 3) { _, _ in PeriodicScheduler(every: .seconds(1)) }
            _ = pool.next(slot: slot, random: &random)
        }
    }

    @Test func stepOfAFreeSlotIsATrap() async {
        await #expect(processExitsWith: .failure) {
            var random = SeededGenerator(seed: 1, stream: 1)
            let pool = TypedSchedulerPool(capacity: 3) { _, _ in PeriodicScheduler(every: .seconds(1)) }
            _ = pool.next(slot: 0, random: &random)
        }
    }
}
