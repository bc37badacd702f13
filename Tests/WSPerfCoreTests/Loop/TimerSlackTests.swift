import Testing

@testable import WSPerfCore

@Suite struct TimerSlackTests {
    /// Messages that come due in 10 ms, the limit, and the slack that comes of it; microseconds.
    @Test(arguments: [
        (0, 250, 0), (1, 250, 0), (39, 250, 0), (40, 250, 0), (80, 250, 125), (200, 250, 200), (4000, 250, 247),
        (200, 1000, 950), (200, 0, 0), (10, 1000, 0),
    ])
    func growsWithTheRate(messages: UInt64, limit: UInt64, slack: UInt64) {
        var timer = TimerSlack(limit: limit * 1000, now: 5)
        timer.count(messages, now: 10_000_005)
        #expect(timer.current / 1000 == slack)
    }

    @Test func keepsUntilItsWindowIsOver() {
        var timer = TimerSlack(limit: 250_000, now: 0)
        timer.count(1_000, now: 1_000)
        #expect(timer.current == 0)
        timer.count(0, now: TimerSlack.window)
        let busy = timer.current
        #expect(busy > 240_000)
        timer.count(0, now: TimerSlack.window * 2 - 1)
        #expect(timer.current == busy)
        timer.count(0, now: TimerSlack.window * 2)
        #expect(timer.current == 0)
    }
}
