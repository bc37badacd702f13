/// What a payload generator is told of the message it is to fill.
public struct MessageContext: Sendable {
    /// The connection's index in the whole run, 0 ..< planned connections.
    public var connection: Int
    /// The message's index on its connection, from 0.
    public var index: Int
    /// What the scheduler said of this message.
    public var scheduled: ScheduledMessage
    /// When the message was meant to go out: nanoseconds of the machine's monotonic clock (`CLOCK_MONOTONIC`). The response
    /// time counts from here, however late the message is sent. `WallClock` converts it to the time of day.
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
/// The engine keeps one value per event loop, which makes the messages of all the loop's connections. For each message it
/// calls `kind`, then `length`, then at once `fill`, with nothing of another message in between. So a generator that must
/// write a message to know how long it is can do that in `length`, keep the bytes, and copy them in `fill`:
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
/// Where the schedule dictates the kind or the length (a replayed log does), the engine calls `kind` and `length` all the
/// same, and their answers do not count: `payload.capacity` is the length in force.
///
/// A connection may refuse a message because its socket is full. Then `fill` is not called, and when the connection takes
/// messages again, the engine asks for all three again, after messages of other connections, and with the same random
/// numbers. So let the bytes of a message follow from its `MessageContext` and `random`, not from how often something was called:
/// then a seed gives the same bytes on every run.
///
/// `fill` must write exactly `payload.capacity` bytes, and a length is 0 to `LengthDistribution.limit`. A generator that does
/// otherwise ends the connection with the outcome `payload_error`, and `LoadResult.problems` says what it did; missing bytes
/// go out as ASCII zeros, those that do not fit are dropped. A message of kind `.text` must be filled with valid UTF-8, which
/// the engine does not check. `PayloadConformance` (WSPerfTesting) checks all of this.
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
