/// How much later than a deadline a loop may wake.
///
/// A slightly later wake sends all messages that came due meanwhile in one batch. This costs less processor time but
/// delays them, and pays only if messages come due close together. With `n` messages due within the allowed slack, the
/// loop takes (n − 1) / n of it, and none if at most one is due.
///
/// If the plan sets no limit (`auto`), the slack must also be needed. The loop estimates how busy it would be if each
/// message had its own wake, from the processor time that a message takes without slack, which it measures again once a
/// second. Up to an eighth of the time there is no slack; from there to a fifth it grows to `automaticLimit`.
///
/// Pure; all times are nanoseconds of one clock.
struct TimerSlack {
    /// How long messages are counted before the slack changes.
    static let window: UInt64 = 8_000_000
    /// The most slack that `auto` takes.
    static let automaticLimit: UInt64 = 400_000
    /// How often `auto` measures again what a message costs without slack, in windows.
    static let windowsBetweenTrials = 125

    /// The most slack that may be taken.
    private let limit: UInt64
    private let isAutomatic: Bool
    /// The slack to take now.
    private(set) var current: UInt64 = 0
    private var counted: UInt64 = 0
    private var began: UInt64 = 0
    private var workedBefore: UInt64 = 0
    /// Processor time per message sent without slack, nanoseconds; 0 while unknown.
    private var costAlone = 0.0
    private var windows = 0

    /// - Parameter limit: The plan's `timer_slack`; nil is `auto`.
    init(limit: UInt64?) {
        self.limit = limit ?? Self.automaticLimit
        isAutomatic = limit == nil
    }

    /// Counts `messages` that came due and were sent, up to `now`. True when it is time to `adapt`.
    @inline(__always)
    mutating func count(_ messages: UInt64, now: UInt64) -> Bool {
        counted &+= messages
        return now &- began >= Self.window
    }

    /// Sets `current` from what has been counted. `worked` is the processor time that the loop's thread has used so
    /// far, without the time it spent awake waiting.
    mutating func adapt(now: UInt64, worked: UInt64) {
        let elapsed = max(1, now &- began)
        let work = worked.since(workedBefore)
        let rate = Double(counted) / Double(elapsed)
        let due = rate * Double(limit)
        var slack = due > 1 ? Double(limit) * (due - 1) / due : 0
        if isAutomatic {
            slack *= need(rate: rate, work: work)
            windows += 1
            if windows >= Self.windowsBetweenTrials {
                windows = 0
                slack = 0
            }
        }
        current = UInt64(slack)
        began = now
        workedBefore = worked
        counted = 0
    }

    /// 0 if the loop has time to spare, 1 if it would be busy a fifth of its time or more.
    private mutating func need(rate: Double, work: UInt64) -> Double {
        if current == 0, counted > 0 {
            let cost = Double(work) / Double(counted)
            costAlone = costAlone == 0 ? cost : costAlone + (cost - costAlone) / 4
        }
        let utilisation = rate * costAlone
        return min(max((utilisation - 0.125) / 0.075, 0), 1)
    }
}
