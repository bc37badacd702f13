/// One message a scheduler wants sent.
public struct ScheduledMessage: Sendable, Hashable {
    /// The intended send time: nanoseconds of the monotonic clock after the connection opened. Never negative and never
    /// less than that of the message before it.
    public var offset: Int64
    // Below zero for nil: four words with `kind`, and their optional, are returned in registers.
    private var storedLength: Int
    private var storedEntry: Int
    /// Text or binary, where the schedule dictates it; nil leaves it to the payload generator.
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

    /// The payload's length in bytes, where the schedule dictates it (a replayed log does); nil leaves it to the
    /// payload generator.
    public var length: Int? {
        get { storedLength < 0 ? nil : storedLength }
        set { storedLength = max(-1, newValue ?? -1) }
    }

    /// Which entry of a replayed log this is; nil for schedules that replay nothing.
    public var entry: Int? {
        get { storedEntry < 0 ? nil : storedEntry }
        set { storedEntry = max(-1, newValue ?? -1) }
    }
}

/// Says when a connection's messages are meant to be sent.
///
/// The engine keeps one value of the conforming type per connection and asks it for one message at a time. A scheduler
/// is pure: it reads no clock and never sleeps, and all its randomness comes from the generator it is given, so that a
/// run is reproduced by its seed.
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
    /// The next message of this connection; nil when the sequence is over. The engine stops asking by itself once the
    /// plan's `messages` have been sent or its `duration` is over.
    mutating func next(using random: inout SeededGenerator) -> ScheduledMessage?

    /// How many further messages the sequence has up to and including `offset`, `limit` at most. Asked when a connection's
    /// sending ends, for what was due and not sent; nothing is asked of this scheduler afterwards.
    ///
    /// A scheduler that can work it out may implement it. What is given otherwise asks `next` up to 65,536 times and takes
    /// the rest in proportion to the time that these cover.
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
        // Where all of them are due at once there is no telling how many more are.
        guard count < limit, last > first else { return count }
        let whole = Double(count) * Double(offset - first) / Double(last - first)
        return min(limit, UInt64(whole))
    }
}
