/// How much earlier than a deadline a loop asks to be woken, so that it is awake when the deadline comes.
///
/// A thread that sleeps until a deadline runs some time after it: tens of microseconds on a machine whose processor has gone
/// to sleep too. That would be part of every response time. So the loop measures how late it wakes, asks for that much
/// earlier, and looks at the sockets again and again for the rest of the time, usually 10 to 20 µs. This is limited to
/// `share` of the loop's time, so that many deadlines do not keep a processor busy with waiting.
///
/// Pure; all times are nanoseconds of one clock.
struct WakeLead {
    /// The most that it grows to: a machine that wakes a thread later than this is busy, and waiting does not help.
    static let limit: UInt64 = 100_000
    /// Of the loop's time at most 1 / `share` is spent awake before deadlines.
    static let share: UInt64 = 5
    /// What of that time may be saved up.
    static let mostCredit: UInt64 = 1_000_000

    private var lead: UInt64 = 0
    private var credit = mostCredit
    private var creditAsOf: UInt64 = 0

    /// How much earlier to wake for a deadline; 0 where the loop has been awake before deadlines for long enough.
    mutating func current(now: UInt64) -> UInt64 {
        credit = min(Self.mostCredit, credit + now.since(creditAsOf) / Self.share)
        creditAsOf = now
        return credit > lead ? lead : 0
    }

    /// The loop woke this much later than it had asked for. Follows the 80th percentile of that.
    mutating func woke(late: UInt64) {
        if late > lead {
            lead = min(Self.limit, lead + max(2_000, (min(late, Self.limit) - min(lead, late)) / 8))
        } else {
            lead -= min(lead, 500)
        }
    }

    /// The loop was awake for this long although nothing was due.
    mutating func waitedAwake(_ time: UInt64) { credit -= min(credit, time) }
}
