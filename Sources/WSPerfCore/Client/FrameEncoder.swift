internal import CLinux

/// Builds client frames (RFC 6455 §5.2): writes the header before a payload that is already in place, and masks the
/// payload.
enum FrameEncoder {
    /// The longest client header: 2 + 8 + 4 bytes.
    static let longestHeader = 14

    /// Writes the header of an unfragmented, masked frame so that it ends where `payload` begins, masks the payload, and
    /// returns the frame's bytes.
    ///
    /// Invariant (the caller's): there are `longestHeader` writable bytes before `payload`, and `length` initialised
    /// bytes from `payload` on.
    static func frame(
        _ opcode: FrameOpcode, payload: UnsafeMutableRawPointer, length: Int, key: UInt32
    ) -> UnsafeRawBufferPointer {
        clinux_mask(payload, length, key)
        (payload - 4).storeBytes(of: key, as: UInt32.self)
        let start: UnsafeMutableRawPointer
        let short: UInt8
        switch length {
        case ..<126:
            start = payload - 6
            short = UInt8(truncatingIfNeeded: length)
        case ..<65_536:
            start = payload - 8
            short = 126
            (start + 2).storeBytes(of: UInt16(truncatingIfNeeded: length).bigEndian, as: UInt16.self)
        default:
            start = payload - 14
            short = 127
            (start + 2).storeBytes(of: UInt64(length).bigEndian, as: UInt64.self)
        }
        start.storeBytes(of: 0x80 | opcode.rawValue, as: UInt8.self)
        (start + 1).storeBytes(of: 0x80 | short, as: UInt8.self)
        return UnsafeRawBufferPointer(start: start, count: payload - start + length)
    }
}

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
