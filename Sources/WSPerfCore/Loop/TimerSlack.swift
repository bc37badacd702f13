/// How much later than a deadline a loop may wake.
///
/// A wake that comes a little later finds the messages that came due meanwhile and sends them in one batch, which costs
/// less processor time but delays them. That pays only where messages come due close together: with `n` messages due in
/// the whole of the allowed slack, (n − 1) / n of it is taken, and nothing where no more than one is.
///
/// Without a limit of the plan's (`auto`) it must also be needed: the loop estimates how busy it would be if each message
/// had a wake of its own, from what a message cost while there was no slack, which it tries again once a second. Up to a
/// quarter of the time there is no slack; from there to half of the time it grows to `automaticLimit`.
///
/// Pure; all times are nanoseconds of one clock.
struct TimerSlack {
    /// Over how long messages are counted before the slack changes.
    static let window: UInt64 = 8_000_000
    /// The most that `auto` takes.
    static let automaticLimit: UInt64 = 400_000
    /// How often `auto` measures again what a message costs without slack, in windows.
    static let windowsBetweenTrials = 125

    /// The most that may be taken.
    private let limit: UInt64
    private let isAutomatic: Bool
    /// What is to be taken now.
    private(set) var current: UInt64 = 0
    private var counted: UInt64 = 0
    private var began: UInt64 = 0
    private var waitedBefore: UInt64 = 0
    /// Busy time for each message sent without slack, nanoseconds; 0 while it is not known.
    private var costAlone = 0.0
    private var windows = 0

    /// - Parameter limit: The plan's `timer_slack`; nil is `auto`.
    init(limit: UInt64?) {
        self.limit = limit ?? Self.automaticLimit
        isAutomatic = limit == nil
    }

    /// Counts `messages` that came due and were sent, up to `now`. `waited` is how long the loop has waited in its life for something to do.
    mutating func count(_ messages: UInt64, now: UInt64, waited: UInt64) {
        counted &+= messages
        let elapsed = now &- began
        guard elapsed >= Self.window else { return }
        let busy = elapsed.since(waited &- waitedBefore)
        let rate = Double(counted) / Double(elapsed)
        let due = rate * Double(limit)
        var slack = due > 1 ? Double(limit) * (due - 1) / due : 0
        if isAutomatic {
            slack *= need(rate: rate, busy: busy)
            windows += 1
            if windows >= Self.windowsBetweenTrials {
                windows = 0
                slack = 0
            }
        }
        current = UInt64(slack)
        began = now
        waitedBefore = waited
        counted = 0
    }

    /// 0 where the loop has time to spare, 1 where it would be busy half of its time or more.
    private mutating func need(rate: Double, busy: UInt64) -> Double {
        if current == 0, counted > 0 {
            let cost = Double(busy) / Double(counted)
            costAlone = costAlone == 0 ? cost : costAlone + (cost - costAlone) / 4
        }
        let utilisation = rate * costAlone
        return min(max((utilisation - 0.25) * 4, 0), 1)
    }
}
