/// How much later than a deadline a loop may wake, by how many messages came due lately.
///
/// A wake that comes a little later finds the messages that came due meanwhile and sends them in one batch. That pays only
/// where there are some: with `n` messages due in the whole of the allowed slack, (n − 1) / n of it is taken, and nothing
/// where no more than one is. Pure; all times are nanoseconds of one clock.
struct TimerSlack {
    /// Over how long messages are counted before the slack changes.
    static let window: UInt64 = 8_000_000

    /// The most that may be taken: the plan's `timer_slack`.
    let limit: UInt64
    /// What is to be taken now.
    private(set) var current: UInt64 = 0
    private var counted: UInt64 = 0
    private var began: UInt64

    init(limit: UInt64, now: UInt64) {
        self.limit = limit
        began = now
    }

    /// Counts `messages` that came due and were sent, up to `now`.
    mutating func count(_ messages: UInt64, now: UInt64) {
        counted &+= messages
        let elapsed = now &- began
        guard elapsed >= Self.window else { return }
        let due = Double(counted) * Double(limit) / Double(elapsed)
        current = due > 1 ? UInt64(Double(limit) * (due - 1) / due) : 0
        began = now
        counted = 0
    }
}
