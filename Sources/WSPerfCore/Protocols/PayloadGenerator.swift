/// Describes the message that a payload generator makes.
public struct MessageContext: Sendable {
    /// The connection's index in the whole run, from 0 to the planned connections − 1.
    public var connection: Int
    /// The message's index on its connection, from 0.
    public var index: Int
    /// What the scheduler says about this message.
    public var scheduled: ScheduledMessage
    /// When the message is due: nanoseconds of the machine's monotonic clock (`CLOCK_MONOTONIC`). The response time
    /// starts here, even if the message is sent late. `WallClock` converts it to the time of day.
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
/// The engine keeps one value per event loop. It makes the messages of all connections of the loop. For each message
/// the engine calls `kind`, then `length`, then `fill`, without calls for other messages in between. So if the length
/// is only known once the message is written, write it in `length`, keep the bytes, and copy them in `fill`:
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
/// ignores what they return: `payload.capacity` is the length.
///
/// A connection whose socket is full may refuse a message. Then the engine does not call `fill`. When the connection
/// accepts messages again, the engine calls all three methods again with the same random numbers, possibly after
/// messages of other connections. So derive the bytes of a message from its `MessageContext` and `random` alone, not
/// from the number of calls. Then a seed gives the same bytes on every run.
///
/// A length is from 0 to `LengthDistribution.limit`, and `fill` must write exactly `payload.capacity` bytes. Otherwise
/// the connection ends with the outcome `payload_error`, and `LoadResult.problems` describes the fault. Missing bytes
/// are sent as ASCII zeros; bytes that do not fit are dropped. A message of kind `.text` must be valid UTF-8; the
/// engine does not check it. `PayloadConformance` (WSPerfTesting) checks all of this.
public protocol PayloadGenerator: Sendable {
    /// Text or binary.
    mutating func kind(for message: MessageContext) -> MessageKind
    /// The payload's length in bytes.
    mutating func length(for message: MessageContext, using random: inout SeededGenerator) -> Int
    /// Writes the payload. The buffer's capacity is the message's length.
    mutating func fill(_ payload: inout PayloadBuffer, for message: MessageContext, using random: inout SeededGenerator)
}

/// The two kinds of WebSocket data message (RFC 6455 §5.6). The raw value is the frame's opcode.
public enum MessageKind: UInt8, Sendable, Hashable, Codable, CaseIterable {
    /// UTF-8 text, opcode 1.
    case text = 1
    /// Arbitrary bytes, opcode 2.
    case binary = 2
}
