/// The two kinds of WebSocket data message (RFC 6455 §5.6). The raw value is the frame's opcode.
public enum MessageKind: UInt8, Sendable, Hashable, Codable, CaseIterable {
    /// UTF-8 text, opcode 1.
    case text = 1
    /// Arbitrary bytes, opcode 2.
    case binary = 2
}
