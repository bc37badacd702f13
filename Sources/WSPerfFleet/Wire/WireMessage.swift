/// The parts of a message.
struct WireMessage: Sendable {
    var topic: String
    var envelope: [UInt8]
    /// Shared by all messages with the same body; nil if there is no third part.
    var body: SharedBytes?
}

/// Bytes that many messages share without copies.
final class SharedBytes: Sendable {
    let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// The first part of a message: its recipient. SUB sockets compare prefixes, and the slash at the end keeps one identity
/// from being a prefix of another.
enum Topic {
    /// Every peer.
    static let all = "all/"
    /// The controller.
    static let controller = "controller/"
    /// One listener or worker.
    static func peer(_ identity: String) -> String { "peer/\(identity)/" }
}
