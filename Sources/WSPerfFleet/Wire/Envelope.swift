/// The second part of a message: sender, session, run and content.
struct Envelope<Content: Sendable>: Sendable {
    /// The controller's session; empty in a hello to a controller that is not known yet.
    var session: String
    /// The run that the message belongs to, if any.
    var run: String?
    /// The sender's identity.
    var sender: String
    /// Counts the sender's messages: 1, 2, 3, …
    var sequence: UInt64
    var content: Content
}

/// The readable part of a message with another protocol version.
struct ForeignEnvelope: Sendable, Hashable {
    var version: Int
    var sender: String
    /// The text of a refusal.
    var message: String?
    /// The sender's software version, if the message contains it.
    var software: String?
}

/// A received message after decoding.
enum Received<Content: Sendable>: Sendable {
    case message(Envelope<Content>, body: [UInt8])
    /// From a peer of another protocol version.
    case foreign(ForeignEnvelope)
    /// Not a message of this protocol. It is counted and dropped.
    case unreadable(UnreadableMessage)
}

/// Why a message was dropped, and the parts of it that are readable. All text is printable.
struct UnreadableMessage: Sendable, Hashable, CustomStringConvertible {
    /// The rule that it breaks: "data.pid is missing".
    var offence: String
    var sender: String?
    var session: String?
    var type: WireType?

    init(_ offence: String) { self.offence = offence }

    var description: String {
        (type.map { "'\($0.rawValue)' message" } ?? "message") + (sender.map { " from \($0)" } ?? "") + ": \(offence)"
    }
}
