/// A WebSocket frame's opcode (RFC 6455 §5.2).
struct FrameOpcode: RawRepresentable, Hashable, Sendable {
    let rawValue: UInt8

    static let continuation = FrameOpcode(rawValue: 0x0)
    static let text = FrameOpcode(rawValue: 0x1)
    static let binary = FrameOpcode(rawValue: 0x2)
    static let close = FrameOpcode(rawValue: 0x8)
    static let ping = FrameOpcode(rawValue: 0x9)
    static let pong = FrameOpcode(rawValue: 0xA)

    var isControl: Bool { rawValue & 0x8 != 0 }
}
