/// One message that a scheduler wants sent.
public struct ScheduledMessage: Sendable, Hashable {
    /// The intended send time: nanoseconds of the monotonic clock since the connection opened. Never negative, and
    /// never less than the previous message's.
    public var offset: Int64
    // Below zero means nil. Four words with `kind`, and an optional of them, fit into registers as a return value.
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

    /// The index of the log's entry; nil for a schedule that does not replay a log.
    public var entry: Int? {
        get { storedEntry < 0 ? nil : storedEntry }
        set { storedEntry = max(-1, newValue ?? -1) }
    }
}

/// Decides when a connection sends its messages.
///
/// The engine keeps one value of the conforming type per connection and asks it for one message at a time. A scheduler
/// is pure: it reads no clock and never sleeps. All its randomness comes from the generator that it gets, so the seed
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
    /// The next message of this connection; nil at the end of the sequence. The engine stops asking when the plan's
    /// `messages` are sent or its `duration` is over.
    mutating func next(using random: inout SeededGenerator) -> ScheduledMessage?

    /// The number of messages that follow, up to and including `offset`, but at most `limit`. The engine asks once,
    /// when the connection stops sending, to count the messages that were due but not sent. It does not use the
    /// scheduler after that.
    ///
    /// A scheduler that can compute the number may implement this method. The default implementation asks `next` up to
    /// 65,536 times and extrapolates from the time that these messages cover.
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
        // If all of them are due at once, their times do not tell how many follow.
        guard count < limit, last > first else { return count }
        let whole = Double(count) * Double(offset - first) / Double(last - first)
        return min(limit, UInt64(whole))
    }
}
