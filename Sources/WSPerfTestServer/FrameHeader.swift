import NIOCore

/// Opcodes of RFC 6455 §5.2.
enum Opcode {
    static let continuation: UInt8 = 0
    static let text: UInt8 = 1
    static let binary: UInt8 = 2
    static let close: UInt8 = 8
    static let ping: UInt8 = 9
    static let pong: UInt8 = 10
}

/// The header of one frame that a client sent (RFC 6455 §5.2).
struct FrameHeader {
    var isFinal: Bool
    /// RSV1, RSV2 and RSV3 as the bits 4, 2 and 1.
    var reserved: UInt8
    var opcode: UInt8
    var isMasked: Bool
    /// The masking key, its bytes in memory order.
    var key: UInt32
    /// Bytes before the payload.
    var headerLength: Int
    /// Bytes of payload; `Int.max` if the most significant bit of the length is set, which is not allowed.
    var length: Int

    var isControl: Bool { opcode & 0x8 != 0 }

    /// Reads the frame header at the start of `buffer`; nil if more bytes are needed.
    init?(_ buffer: ByteBuffer) {
        let start = buffer.readerIndex
        guard let first = buffer.getInteger(at: start, as: UInt16.self) else { return nil }
        isFinal = first & 0x8000 != 0
        reserved = UInt8(truncatingIfNeeded: first >> 12 & 0x7)
        opcode = UInt8(truncatingIfNeeded: first >> 8 & 0xF)
        isMasked = first & 0x80 != 0
        switch first & 0x7F {
        case 126:
            guard let extended = buffer.getInteger(at: start + 2, as: UInt16.self) else { return nil }
            length = Int(extended)
            headerLength = 4
        case 127:
            guard let extended = buffer.getInteger(at: start + 2, as: UInt64.self) else { return nil }
            length = Int(clamping: extended)
            headerLength = 10
        case let short:
            length = Int(short)
            headerLength = 2
        }
        key = 0
        if isMasked {
            guard let key = buffer.getInteger(at: start + headerLength, endianness: .host, as: UInt32.self) else {
                return nil
            }
            self.key = key
            headerLength += 4
        }
    }
}

extension ByteBuffer {
    /// Appends the header of an unmasked frame.
    mutating func writeFrameHeader(isFinal: Bool = true, reserved: UInt8 = 0, opcode: UInt8, length: Int) {
        let first = UInt16(isFinal ? 0x80 : 0) | UInt16(reserved & 7) << 4 | UInt16(opcode & 0xF)
        switch length {
        case ..<126: writeInteger(first << 8 | UInt16(length))
        case ..<65_536: writeInteger(UInt32(first << 8 | 126) << 16 | UInt32(length))
        default:
            writeInteger(first << 8 | 127)
            writeInteger(UInt64(length))
        }
    }

    /// Appends a whole unmasked frame.
    mutating func writeFrame(isFinal: Bool = true, reserved: UInt8 = 0, opcode: UInt8, _ payload: ByteBuffer) {
        writeFrameHeader(isFinal: isFinal, reserved: reserved, opcode: opcode, length: payload.readableBytes)
        writeImmutableBuffer(payload)
    }

    /// Appends a close frame; without a body if `code` is 0. Cuts `reason` to the length that a control frame allows.
    mutating func writeCloseFrame(code: UInt16, reason: String = "") {
        guard code != 0 else { return writeFrameHeader(opcode: Opcode.close, length: 0) }
        var text = Array(reason.utf8.prefix(123))
        while !text.isEmpty, String(validating: text, as: UTF8.self) == nil { text.removeLast() }
        writeFrameHeader(opcode: Opcode.close, length: 2 + text.count)
        writeInteger(code)
        writeBytes(text)
    }
}
