/// What a payload generator knows about the message that it must fill.
public struct MessageContext: Sendable {
    /// The connection's index in the whole run, 0 ..< planned connections.
    public var connection: Int
    /// The message's index on its connection, from 0.
    public var index: Int
    /// What the scheduler returned for this message.
    public var scheduled: ScheduledMessage
    /// The intended send time: nanoseconds of the machine's monotonic clock (`CLOCK_MONOTONIC`). The response time
    /// counts from here, however late the message is sent. `WallClock` converts it to the time of day.
    public var intended: UInt64

    public init(connection: Int, index: Int, scheduled: ScheduledMessage, intended: UInt64 = 0) {
        self.connection = connection
        self.index = index
        self.scheduled = scheduled
        self.intended = intended
    }
}

/// Chooses the kind, length and bytes of each message.
///
/// The engine keeps one value per event loop, which makes the messages of all connections of that loop. For each
/// message it calls `kind`, `length` and `fill` in a row, with no other message in between. So a generator that must
/// write a message to know its length can do that in `length`, keep the bytes, and copy them in `fill`:
///
/// ```swift
/// struct Readings: PayloadGenerator {
///     var text: [UInt8] = []
///     mutating func kind(for message: MessageContext) -> MessageKind { .text }
///     mutating func length(for message: MessageContext, using random: inout SeededGenerator) -> Int {
///         let value = random.nextInteger(in: 0...999)
///         text = Array("{\"sequence\":\(message.index),\"sent\":\(message.intended),\"value\":\(value)}".utf8)
///         return text.count
///     }
///     mutating func fill(
///         _ payload: inout PayloadBuffer, for message: MessageContext, using random: inout SeededGenerator
///     ) {
///         payload.append(contentsOf: text)
///     }
/// }
/// ```
///
/// If the schedule sets the kind or the length (a replayed log does), the engine still calls `kind` and `length`, but
/// ignores their answers: `payload.capacity` is the length to use.
///
/// A connection may refuse a message because its socket is full. Then `fill` is not called. When the connection takes
/// messages again, the engine calls all three again, after messages of other connections, and with the same random
/// numbers. So derive the bytes of a message from its `MessageContext` and `random`, not from the number of calls: then
/// a seed gives the same bytes on every run.
///
/// `fill` must write exactly `payload.capacity` bytes, and a length must be from 0 to `LengthDistribution.limit`. A
/// generator that breaks these rules ends the connection with the outcome `payload_error`, and `LoadResult.problems`
/// says what it did. Missing bytes are sent as ASCII zeros; bytes that do not fit are dropped. A message of kind
/// `.text` must be filled with valid UTF-8, which the engine does not check. `PayloadConformance` (WSPerfTesting)
/// checks all of this.
public protocol PayloadGenerator: Sendable {
    /// Text or binary.
    mutating func kind(for message: MessageContext) -> MessageKind
    /// The payload's length in bytes.
    mutating func length(for message: MessageContext, using random: inout SeededGenerator) -> Int
    /// Writes the payload into `payload`, whose capacity is the message's length.
    mutating func fill(_ payload: inout PayloadBuffer, for message: MessageContext, using random: inout SeededGenerator)
}

/// The two kinds of WebSocket data message (RFC 6455 §5.6). The raw value is the frame's opcode.
public enum MessageKind: UInt8, Sendable, Hashable, Codable, CaseIterable {
    /// UTF-8 text, opcode 1.
    case text = 1
    /// Arbitrary bytes, opcode 2.
    case binary = 2
}
