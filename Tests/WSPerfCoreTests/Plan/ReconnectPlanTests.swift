import Testing

@testable import WSPerfCore

@Suite struct ReconnectPlanTests {
    private func plan(initial: Duration = .seconds(1), max: Duration = .seconds(30)) -> ReconnectPlan {
        var plan = ReconnectPlan()
        plan.initial = initial
        plan.max = max
        return plan
    }

    /// A connection that was open for as long as the longest wait starts over; one that dies before that goes on.
    @Test(
        arguments: [
            (made: 0, open: 0, counts: 0), (7, 0, 7), (7, 1, 7), (7, 29_999_999_999, 7), (7, 30_000_000_000, 0),
            (7, .max, 0), (.max, 0, .max),
        ] as [(UInt32, UInt64, UInt32)])
    func startsOver(made: UInt32, open: UInt64, counts: UInt32) {
        #expect(plan().startsOverAfter == .seconds(30))
        #expect(plan().attempts(made: made, openFor: open) == counts)
    }

    /// What a connection that holds for `open` milliseconds each time comes to: its waits, until it gives up.
    @Test(
        arguments: [
            (open: [5, 5, 5, 5, 5], waits: [10, 20, 40, 40]),
            (open: [5, 5, 40, 5, 5, 5, 5, 5], waits: [10, 20, 10, 20, 40, 40]),
            (open: [100, 100, 100, 100, 100, 100], waits: [10, 10, 10, 10, 10, 10]),
        ] as [([UInt64], [UInt64])])
    func waitsAndLimitStartAgain(open: [UInt64], waits: [UInt64]) {
        let plan = plan(initial: .milliseconds(10), max: .milliseconds(40))
        var attempts: UInt32 = 0
        var waited: [UInt64] = []
        for open in open {
            attempts = plan.attempts(made: attempts, openFor: open * 1_000_000)
            if attempts == 4 { break }
            attempts += 1
            waited.append(plan.wait(before: Int(attempts)) / 1_000_000)
        }
        #expect(waited == waits)
    }

    @Test(
        arguments: [(0, 0), (1, 1), (2, 3), (5, 31), (6, 61), (8, 121), (1_000_000, 31 + 30 * 999_995)]
            as [(Int, Double)])
    func totalWait(count: Int, seconds: Double) {
        #expect(plan().totalWait(before: count) == seconds)
    }
}
