/// A message as its parts.
struct WireMessage: Sendable {
    var topic: String
    var envelope: [UInt8]
    /// Shared between all messages that carry the same; nil where there is no third part.
    var body: SharedBytes?
}

/// Bytes that many messages carry without a copy each.
final class SharedBytes: Sendable {
    let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }
}
