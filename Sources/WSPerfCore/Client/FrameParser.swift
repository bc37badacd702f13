/// Parses a server's byte stream into messages and control frames (RFC 6455 §5) and validates it.
///
/// Payloads of data messages are counted, validated and dropped; only their first bytes are kept, and only on request.
/// The parser has a buffer only while something small (a header, a control frame, a wanted prefix) spans two reads. It
/// is a pure state machine: bytes in, events out.
struct FrameParser: ~Copyable {
    enum Event {
        /// All bytes have been consumed.
        case needsMore
        /// A message is complete; `prefix` is its beginning, empty unless prefixes are wanted, and valid until the next call.
        case message(MessageKind, length: Int, prefix: UnsafeRawBufferPointer)
        /// The payload is valid until the next call.
        case ping(UnsafeRawBufferPointer)
        case pong(UnsafeRawBufferPointer)
        /// `.noStatus` if the frame has no code.
        case close(CloseCode)
        /// The server broke the protocol; the code says how. Parse nothing more.
        case violation(CloseCode)
    }

    /// Data that spans two reads. Allocated when needed, freed when not.
    private struct Straddle {
        var header: (UInt64, UInt16) = (0, 0)
        var headerCount = 0
        // Up to 125 bytes of a control frame's payload, and up to MessageTag.longest bytes of a message's start: both
        // at once if a control frame comes between the fragments of a message.
        var control = (SIMD8<UInt64>(), SIMD8<UInt64>())
        var controlCount = 0
        var prefix = SIMD8<UInt64>()
        var prefixCount = 0
    }

    // Invariant: nil or initialised, owned by this value.
    private var straddle: UnsafeMutablePointer<Straddle>?
    private var remaining: UInt64 = 0
    private var messageLength: UInt64 = 0
    private let limit: UInt64
    private var utf8 = UTF8Validator()
    /// The message being received; 0 if none.
    private var kind: UInt8 = 0
    private var opcode = FrameOpcode.continuation
    private var isFinal = false
    private var isInPayload = false
    /// How many first bytes of each message to hand out, at most 64.
    private let wantedPrefix: UInt8

    init(maxMessageSize: Int, wantedPrefix: Int = 0) {
        limit = UInt64(maxMessageSize)
        self.wantedPrefix = UInt8(clamping: min(wantedPrefix, 64))
    }

    deinit {
        straddle?.deinitialize(count: 1)
        straddle?.deallocate()
    }

    /// Consumes bytes from `cursor` up to `end` until there is something to report.
    mutating func next(_ cursor: inout UnsafeRawPointer, _ end: UnsafeRawPointer) -> Event {
        if straddle != nil, !isInPayload { dropStraddleIfEmpty() }
        while true {
            if !isInPayload {
                let available = end - cursor
                if available == 0 { return .needsMore }
                if straddle == nil || straddle.unsafelyUnwrapped.pointee.headerCount == 0 {
                    // The whole header is here, as it nearly always is.
                    let second = available > 1 ? (cursor + 1).load(as: UInt8.self) : 0
                    let size = Self.headerSize(second)
                    if available >= 2, available >= size {
                        let violation = takeHeader(cursor, second)
                        cursor += size
                        if let violation { return .violation(violation) }
                    } else {
                        keepHeader(&cursor, end)
                        return .needsMore
                    }
                } else {
                    guard let event = completeHeader(&cursor, end) else { continue }
                    return event
                }
            }
            if opcode.isControl {
                guard let event = takeControl(&cursor, end) else { return .needsMore }
                return event
            }
            if let event = takeData(&cursor, end) { return event }
            if isInPayload { return .needsMore }
        }
    }

    // MARK: - Header

    private static func headerSize(_ second: UInt8) -> Int {
        switch second & 0x7F {
        case 126: 4
        case 127: 10
        default: 2
        }
    }

    /// Reads a whole header; returns the close code of a violation, if there is one.
    private mutating func takeHeader(_ bytes: UnsafeRawPointer, _ second: UInt8) -> CloseCode? {
        let first = bytes.load(as: UInt8.self)
        opcode = FrameOpcode(rawValue: first & 0x0F)
        isFinal = first & 0x80 != 0
        // No extension was negotiated, so the reserved bits must be zero; and a server never masks (§5.1).
        guard first & 0x70 == 0, second & 0x80 == 0 else { return .protocolError }
        let short = second & 0x7F
        switch short {
        case 126:
            remaining = UInt64(UInt16(bigEndian: (bytes + 2).loadUnaligned(as: UInt16.self)))
            guard remaining > 125 else { return .protocolError }
        case 127:
            remaining = UInt64(bigEndian: (bytes + 2).loadUnaligned(as: UInt64.self))
            guard remaining > 0xFFFF, remaining >> 63 == 0 else { return .protocolError }
        default:
            remaining = UInt64(short)
        }
        switch opcode {
        case .text, .binary:
            guard kind == 0 else { return .protocolError }
            kind = opcode.rawValue
            messageLength = 0
        case .continuation:
            guard kind != 0 else { return .protocolError }
        case .close, .ping, .pong:
            guard isFinal, short < 126 else { return .protocolError }
        default:
            return .protocolError
        }
        if !opcode.isControl {
            guard remaining <= limit, messageLength <= limit - remaining else { return .messageTooBig }
            messageLength += remaining
        }
        isInPayload = true
        return nil
    }

    private mutating func keepHeader(_ cursor: inout UnsafeRawPointer, _ end: UnsafeRawPointer) {
        let kept = straddling()
        let count = end - cursor
        withUnsafeMutableBytes(of: &kept.pointee.header) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: cursor, count: count))
        }
        kept.pointee.headerCount = count
        cursor = end
    }

    /// Adds bytes to a kept header. Nil when it is complete and valid; parsing then continues.
    private mutating func completeHeader(_ cursor: inout UnsafeRawPointer, _ end: UnsafeRawPointer) -> Event? {
        let kept = straddling()
        while true {
            let violation: CloseCode?? = withUnsafeMutableBytes(of: &kept.pointee.header) { header in
                let have = kept.pointee.headerCount
                if have >= 2, have == Self.headerSize(header[1]) {
                    return .some(takeHeader(UnsafeRawPointer(header.baseAddress.unsafelyUnwrapped), header[1]))
                }
                return nil
            }
            if let violation {
                kept.pointee.headerCount = 0
                dropStraddleIfEmpty()
                return violation.map { .violation($0) }
            }
            guard cursor < end else { return .needsMore }
            withUnsafeMutableBytes(of: &kept.pointee.header) {
                $0[kept.pointee.headerCount] = cursor.load(as: UInt8.self)
            }
            kept.pointee.headerCount += 1
            cursor += 1
        }
    }

    // MARK: - Payload

    private mutating func takeControl(_ cursor: inout UnsafeRawPointer, _ end: UnsafeRawPointer) -> Event? {
        let size = Int(remaining)
        let held = straddle.map { $0.pointee.controlCount } ?? 0
        if held == 0, end - cursor >= size {
            let payload = UnsafeRawBufferPointer(start: cursor, count: size)
            cursor += size
            isInPayload = false
            return control(payload)
        }
        let kept = straddling()
        let count = min(end - cursor, size - held)
        let target = UnsafeMutableRawPointer(kept) + Self.controlOffset
        (target + held).copyMemory(from: cursor, byteCount: count)
        cursor += count
        guard held + count == size else {
            kept.pointee.controlCount = held + count
            return nil
        }
        // Its storage is kept until the next straddle ends, so the event's payload stays valid until the next call.
        kept.pointee.controlCount = 0
        isInPayload = false
        return control(UnsafeRawBufferPointer(start: target, count: size))
    }

    private static var controlOffset: Int { MemoryLayout<Straddle>.offset(of: \.control) ?? 0 }
    private static var prefixOffset: Int { MemoryLayout<Straddle>.offset(of: \.prefix) ?? 0 }

    private func control(_ payload: UnsafeRawBufferPointer) -> Event {
        switch opcode {
        case .ping: return .ping(payload)
        case .pong: return .pong(payload)
        default: break
        }
        // §5.5.1: the body is empty, or a code and a UTF-8 reason.
        if payload.isEmpty { return .close(.noStatus) }
        guard payload.count >= 2 else { return .violation(.protocolError) }
        let code = CloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
        guard code.isValidOnWire else { return .violation(.protocolError) }
        var reason = UTF8Validator()
        guard reason.take(UnsafeRawBufferPointer(rebasing: payload[2...])), reason.isComplete else {
            return .violation(.invalidPayload)
        }
        return .close(code)
    }

    /// Consumes the part of a data frame that has arrived; nil unless a message is complete or invalid.
    private mutating func takeData(_ cursor: inout UnsafeRawPointer, _ end: UnsafeRawPointer) -> Event? {
        let count = Int(min(remaining, UInt64(end - cursor)))
        let start = cursor
        if kind == FrameOpcode.text.rawValue, count > 0 {
            guard utf8.take(UnsafeRawBufferPointer(start: cursor, count: count)) else {
                return .violation(.invalidPayload)
            }
        }
        cursor += count
        remaining -= UInt64(count)
        let isWhole = isFinal && remaining == 0 && UInt64(count) == messageLength
        if wantedPrefix > 0, !isWhole { keepPrefix(start, count) }
        guard remaining == 0 else { return nil }
        isInPayload = false
        guard isFinal else { return nil }

        guard let kind = MessageKind(rawValue: kind) else { return .violation(.protocolError) }
        if kind == .text, !utf8.isComplete { return .violation(.invalidPayload) }
        self.kind = 0
        let length = Int(messageLength)
        guard wantedPrefix > 0 else {
            return .message(kind, length: length, prefix: UnsafeRawBufferPointer(start: nil, count: 0))
        }
        if isWhole {
            return .message(kind, length: length, prefix: UnsafeRawBufferPointer(start: start, count: count))
        }
        let kept = straddling()
        let prefix = UnsafeRawBufferPointer(
            start: UnsafeMutableRawPointer(kept) + Self.prefixOffset, count: kept.pointee.prefixCount)
        kept.pointee.prefixCount = 0
        return .message(kind, length: length, prefix: prefix)
    }

    private mutating func keepPrefix(_ start: UnsafeRawPointer, _ count: Int) {
        let kept = straddling()
        let held = kept.pointee.prefixCount
        let taken = min(count, Int(wantedPrefix) - held)
        guard taken > 0 else { return }
        (UnsafeMutableRawPointer(kept) + Self.prefixOffset + held).copyMemory(from: start, byteCount: taken)
        kept.pointee.prefixCount = held + taken
    }

    // MARK: - Straddle

    private mutating func straddling() -> UnsafeMutablePointer<Straddle> {
        if let straddle { return straddle }
        let made = UnsafeMutablePointer<Straddle>.allocate(capacity: 1)
        made.initialize(to: Straddle())
        straddle = made
        return made
    }

    private mutating func dropStraddleIfEmpty() {
        guard let held = straddle, held.pointee.headerCount == 0, held.pointee.controlCount == 0,
            held.pointee.prefixCount == 0
        else { return }
        held.deinitialize(count: 1)
        held.deallocate()
        straddle = nil
    }
}
