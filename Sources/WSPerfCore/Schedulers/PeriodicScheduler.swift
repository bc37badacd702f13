/// A message every interval.
///
/// ```swift
/// let scheduler = PeriodicScheduler(every: .milliseconds(250))    // or: .periodic(every: .milliseconds(250))
/// ```
public struct PeriodicScheduler: MessageScheduler, Hashable {
    public typealias Phase = PeriodicOptions.Phase

    /// Nanoseconds.
    private let interval: Int64
    /// The next message's offset, nanoseconds; negative until the random phase is drawn.
    private var offset: Int64

    /// A message every `interval` of the monotonic clock, exact to the nanosecond. With an interval of zero or less,
    /// every message is due at once; use that only with another limit, such as `in_flight`.
    public init(every interval: Duration, phase: Phase = .random) {
        self.interval = max(0, interval.nanoseconds)
        offset = phase == .random && self.interval > 0 ? -1 : 0
    }

    public mutating func next(using random: inout SeededGenerator) -> ScheduledMessage? {
        if offset < 0 { offset = Int64(random.nextInteger(in: 0...Int(interval - 1))) }
        let message = ScheduledMessage(offset: offset)
        offset = offset.addingSaturating(interval)
        return message
    }

    public mutating func count(
        through last: Int64, atMost limit: UInt64, using random: inout SeededGenerator
    ) -> UInt64 {
        guard interval > 0 else { return 0 }
        if offset < 0 { offset = Int64(random.nextInteger(in: 0...Int(interval - 1))) }
        return offset > last ? 0 : min(limit, UInt64((last - offset) / interval) + 1)
    }
}

extension MessageScheduler where Self == PeriodicScheduler {
    /// A message every `interval`; see `PeriodicScheduler`.
    public static func periodic(every interval: Duration, phase: PeriodicScheduler.Phase = .random) -> Self {
        PeriodicScheduler(every: interval, phase: phase)
    }
}

extension Int64 {
    /// The sum, or the largest value if the sum overflows. `other` must not be negative.
    @inline(__always)
    func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    /// The nearest `Int64`; 0 for NaN.
    @inline(__always)
    init(saturating value: Double) {
        // 2⁶³ is the smallest Double that is too large.
        if value < 0x1p63 {
            self = value > -0x1p63 ? Int64(value.rounded()) : .min
        } else {
            self = value.isNaN ? 0 : .max
        }
    }
}
