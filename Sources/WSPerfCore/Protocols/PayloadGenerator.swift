/// What a payload generator is told of the message it is to fill.
public struct MessageContext: Sendable {
    /// The connection's index in the whole run, 0 ..< planned connections.
    public var connection: Int
    /// The message's index on its connection, from 0.
    public var index: Int
    /// What the scheduler said of this message.
    public var scheduled: ScheduledMessage

    public init(connection: Int, index: Int, scheduled: ScheduledMessage) {
        self.connection = connection
        self.index = index
        self.scheduled = scheduled
    }
}

/// Chooses the kind, length and bytes of each message.
///
/// The engine keeps one value per event loop. `kind` and `length` are asked for once per message, then `fill` is given
/// exactly that many bytes of the outgoing buffer to write: it must append `length` bytes. Whatever it leaves unwritten
/// goes out as ASCII zeros. A message of kind `.text` must be filled with valid UTF-8.
public protocol PayloadGenerator: Sendable {
    /// Text or binary, asked for when the scheduler dictates neither.
    mutating func kind(for message: MessageContext) -> MessageKind
    /// The payload's length in bytes, asked for when the scheduler dictates none.
    mutating func length(for message: MessageContext, using random: inout SeededGenerator) -> Int
    /// Writes the payload into `payload`, whose capacity is the chosen length.
    mutating func fill(_ payload: inout OutputRawSpan, for message: MessageContext, using random: inout SeededGenerator)
}
