/// One message that a scheduler wants to send.
public struct ScheduledMessage: Sendable, Hashable {
    /// The intended send time: nanoseconds of the monotonic clock after the connection opened. Never negative, and
    /// never less than the previous message's offset.
    public var offset: Int64
    // Negative stands for nil. With `kind` this makes four words, so even an optional message is returned in registers.
    private var storedLength: Int
    private var storedEntry: Int
    /// Text or binary, if the schedule sets it; nil leaves it to the payload generator.
    public var kind: MessageKind?

    /// - Parameters:
    ///   - offset: The intended send time, nanoseconds after the connection opened.
    ///   - length: Negative counts as nil.
    ///   - kind: Text or binary; nil leaves it to the payload generator.
    ///   - entry: Negative counts as nil.
    public init(offset: Int64, length: Int? = nil, kind: MessageKind? = nil, entry: Int? = nil) {
        self.offset = offset
        self.kind = kind
        storedLength = max(-1, length ?? -1)
        storedEntry = max(-1, entry ?? -1)
    }

    /// The payload's length in bytes, if the schedule sets it (a replayed log does); nil leaves it to the payload
    /// generator.
    public var length: Int? {
        get { storedLength < 0 ? nil : storedLength }
        set { storedLength = max(-1, newValue ?? -1) }
    }

    /// The index of this message's entry in a replayed log; nil for schedules that replay nothing.
    public var entry: Int? {
        get { storedEntry < 0 ? nil : storedEntry }
        set { storedEntry = max(-1, newValue ?? -1) }
    }
}

/// Decides when a connection's messages are sent.
///
/// The engine keeps one value of the conforming type per connection and asks it for one message at a time. A scheduler
/// is pure: it reads no clock, never sleeps, and takes all randomness from the generator it is given. So the same seed
/// reproduces a run.
///
/// ```swift
/// /// Two messages close together, then a pause.
/// struct BurstScheduler: MessageScheduler {
///     var sent = 0
///     mutating func next(using random: inout SeededGenerator) -> ScheduledMessage? {
///         defer { sent += 1 }
///         return ScheduledMessage(offset: Int64(sent / 2) * 1_000_000_000 + Int64(sent % 2) * 5_000_000)
///     }
/// }
/// ```
public protocol MessageScheduler: Sendable {
    /// The next message of this connection; nil when the sequence is over. The engine stops asking once the plan's
    /// `messages` have been sent or its `duration` is over.
    mutating func next(using random: inout SeededGenerator) -> ScheduledMessage?

    /// How many further messages the sequence has up to and including `offset`, at most `limit`. Called when a
    /// connection's sending ends, to count messages that were due and not sent; the scheduler is not used afterwards.
    ///
    /// Implement it if the scheduler can compute the number. The default implementation calls `next` up to 65,536 times
    /// and extrapolates the rest from the time that these messages cover.
    mutating func count(through offset: Int64, atMost limit: UInt64, using random: inout SeededGenerator) -> UInt64
}

extension MessageScheduler {
    public mutating func count(
        through offset: Int64, atMost limit: UInt64, using random: inout SeededGenerator
    ) -> UInt64 {
        var count: UInt64 = 0
        var (first, last) = (Int64(0), Int64(0))
        while count < min(limit, 65_536) {
            guard let message = next(using: &random), message.offset <= offset else { return count }
            count += 1
            if count == 1 { first = message.offset }
            last = message.offset
        }
        // If all of them are due at once, the rest cannot be extrapolated.
        guard count < limit, last > first else { return count }
        let whole = Double(count) * Double(offset - first) / Double(last - first)
        return min(limit, UInt64(whole))
    }
}
