/// How much earlier than a deadline a loop asks to be woken, so that it is awake when the deadline comes.
///
/// A thread that sleeps until a deadline wakes after it: tens of microseconds late if the processor has gone to sleep
/// too. Every response time would include that delay. So the loop measures how late it wakes, asks to be woken that
/// much earlier, and polls the sockets for the rest of the time, usually 10 to 20 µs. This is limited to 1 / `share` of
/// the loop's time, so that many deadlines don't keep a processor busy with waiting.
///
/// Pure; all times are nanoseconds of one clock.
struct WakeLead {
    /// The longest lead: a machine that wakes a thread later than this is busy, and waiting does not help.
    static let limit: UInt64 = 100_000
    /// At most 1 / `share` of the loop's time is spent awake before deadlines.
    static let share: UInt64 = 5
    /// How much of that time may be saved up.
    static let mostCredit: UInt64 = 1_000_000

    private var lead: UInt64 = 0
    private var credit = mostCredit
    private var creditAsOf: UInt64 = 0

    /// How much earlier to wake for a deadline; 0 if the loop has spent its share of time awake before deadlines.
    mutating func current(now: UInt64) -> UInt64 {
        credit = min(Self.mostCredit, credit + now.since(creditAsOf) / Self.share)
        creditAsOf = now
        return credit > lead ? lead : 0
    }

    /// The loop woke this much later than it had asked for. The lead follows the 80th percentile.
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
