import Testing

@testable import WSPerfCore

@Suite struct TimerSlackTests {
    /// Messages that come due in 10 ms, the plan's limit, and the resulting slack; microseconds.
    @Test(arguments: [
        (0, 250, 0), (1, 250, 0), (39, 250, 0), (40, 250, 0), (80, 250, 125), (200, 250, 200), (4000, 250, 247),
        (200, 1000, 950), (200, 0, 0), (10, 1000, 0),
    ])
    func growsWithTheRate(messages: UInt64, limit: UInt64, slack: UInt64) {
        var timer = TimerSlack(limit: limit * 1000)
        timer.adapt(now: 1_000_000_000, worked: 0)
        do {
            let isOver = timer.count(messages, now: 1_010_000_000)
            #expect(isOver)
        }
        timer.adapt(now: 1_010_000_000, worked: 10_000_000)
        #expect(timer.current / 1000 == slack)
    }

    @Test func countsForAWindow() {
        var timer = TimerSlack(limit: 250_000)
        do {
            let isOver = timer.count(1_000, now: TimerSlack.window - 1)
            #expect(!isOver)
        }
        do {
            let isOver = timer.count(0, now: TimerSlack.window)
            #expect(isOver)
        }
        timer.adapt(now: TimerSlack.window, worked: 0)
        #expect(timer.current > 240_000)
        do {
            let isOver = timer.count(0, now: TimerSlack.window * 2 - 1)
            #expect(!isOver)
        }
        do {
            let isOver = timer.count(0, now: TimerSlack.window * 2)
            #expect(isOver)
        }
        timer.adapt(now: TimerSlack.window * 2, worked: 0)
        #expect(timer.current == 0)
    }

    /// Messages a second, what each costs with its own wake (µs), and the automatic slack (µs). There is none while the
    /// loop would be busy less than an eighth of its time.
    @Test(arguments: [
        (1_000, 30.0, 0), (4_000, 30, 0), (5_000, 20, 0), (10_000, 15, 100), (20_000, 10, 350), (40_000, 20, 375),
    ])
    func automaticFollowsUtilisation(rate: Int, cost: Double, expected: Int) {
        var timer = TimerSlack(limit: nil)
        var (now, worked) = (UInt64(1), UInt64(0))
        for _ in 0..<100 {
            let messages = UInt64(rate / 100)
            // Messages that share a wake cost half as much.
            let each = timer.current == 0 ? cost : cost / 2
            now += 10_000_000
            worked += UInt64(Double(messages) * each * 1000)
            do {
                let isOver = timer.count(messages, now: now)
                #expect(isOver)
            }
            timer.adapt(now: now, worked: worked)
        }
        #expect(abs(Int(timer.current / 1000) - expected) <= 2)
    }

    /// The cost of a message without slack is measured again, so that a busy minute is forgotten.
    @Test func automaticForgets() {
        var timer = TimerSlack(limit: nil)
        var (now, worked) = (UInt64(1), UInt64(0))
        func run(_ windows: Int, cost: UInt64) {
            for _ in 0..<windows {
                now += 10_000_000
                worked += 80 * cost
                _ = timer.count(80, now: now)
                timer.adapt(now: now, worked: worked)
            }
        }
        run(100, cost: 100_000)
        #expect(timer.current > 200_000)
        run(TimerSlack.windowsBetweenTrials * 12, cost: 10_000)
        #expect(timer.current == 0)
    }
}
