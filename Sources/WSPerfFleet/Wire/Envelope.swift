/// The second part of a message: who says it, in which session and run, and what.
struct Envelope<Content: Sendable>: Sendable {
    /// The controller's session; empty in a hello to a controller not yet known.
    var session: String
    /// The run this belongs to, where it belongs to one.
    var run: String?
    /// The sender's identity.
    var sender: String
    /// Counts all that the sender has sent: 1, 2, 3, …
    var sequence: UInt64
    var content: Content
}

/// A message of another protocol version: all that can be understood of it.
struct ForeignEnvelope: Sendable, Hashable {
    var version: Int
    var sender: String
    /// The text of a refusal.
    var message: String?
    /// The sender's software version, where it said so.
    var software: String?
}

/// What became of received bytes.
enum Received<Content: Sendable>: Sendable {
    case message(Envelope<Content>, body: [UInt8])
    /// From a peer of another protocol version.
    case foreign(ForeignEnvelope)
    /// A stranger's bytes; to be counted and dropped.
    case unreadable
}
