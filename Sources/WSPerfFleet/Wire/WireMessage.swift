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
