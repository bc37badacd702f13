/// How a log's file has the bytes of a payload.
enum RecordedWriting: UInt8, Sendable, BitwiseCopyable {
    /// As they are.
    case plain
    /// As a JSON string with escapes (RFC 8259 §7).
    case escaped
    /// As base64 (RFC 4648 §4) in a JSON string.
    case base64
}

extension PayloadBuffer {
    /// Writes a recorded payload of `length` bytes that begins at `place`, or as much as fits; text is cut at the end of a
    /// character. The parser has checked that the file has these bytes.
    mutating func append(
        _ source: SharedArray<UInt8>, at place: Int, length: Int, _ writing: RecordedWriting, _ kind: MessageKind
    ) {
        if writing == .plain { return append(source, place..<place + length, kind) }
        withUnsafeFreeBytes { free in
            var writer = RecordedWriter(free: free, wanted: min(length, free.count))
            switch writing {
            case .plain: break
            case .escaped: writer.unescape(source, from: place)
            case .base64: writer.decode(source, from: place)
            }
            if kind == .text, writer.wanted < length { writer.cutToCharacter() }
            return writer.count
        }
    }
}

/// Writes at most `wanted` bytes to `free`.
///
/// Unsafe code: `wanted` is at most the size of `free`, and each write is preceded by a check against it.
private struct RecordedWriter {
    let free: UnsafeMutableRawBufferPointer
    let wanted: Int
    var count = 0

    init(free: UnsafeMutableRawBufferPointer, wanted: Int) {
        self.free = free
        self.wanted = wanted
    }

    @inline(__always)
    private mutating func put(_ byte: UInt8) {
        guard count < wanted else { return }
        free[count] = byte
        count &+= 1
    }

    mutating func unescape(_ source: SharedArray<UInt8>, from place: Int) {
        var index = place
        while count < wanted, index < source.count {
            let byte = source[index]
            index &+= 1
            guard byte == UInt8(ascii: "\\"), index < source.count else {
                put(byte)
                continue
            }
            let letter = source[index]
            index &+= 1
            guard letter == UInt8(ascii: "u") else {
                put(JSONScanner.unescaped(letter) ?? letter)
                continue
            }
            var scalar = Self.unit(source, &index)
            if scalar & 0xFC00 == 0xD800, index + 6 <= source.count, source[index] == UInt8(ascii: "\\") {
                index += 2
                let low = Self.unit(source, &index)
                scalar = 0x10000 + (scalar & 0x3FF) << 10 + low & 0x3FF
            }
            guard put(scalar: scalar) else { return }
        }
    }

    /// Writes a character if all of it fits.
    private mutating func put(scalar: UInt32) -> Bool {
        let size = scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4
        guard count + size <= wanted else { return false }
        // RFC 3629 §3.
        switch size {
        case 1: put(UInt8(scalar))
        case 2: put(UInt8(0xC0 | scalar >> 6))
        case 3: put(UInt8(0xE0 | scalar >> 12))
        default: put(UInt8(0xF0 | scalar >> 18 & 0x07))
        }
        for place in stride(from: 6 * (size - 2), through: 0, by: -6) {
            put(UInt8(0x80 | scalar >> UInt32(place) & 0x3F))
        }
        return true
    }

    /// Four hex digits.
    private static func unit(_ source: SharedArray<UInt8>, _ index: inout Int) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 where index < source.count {
            unit = unit << 4 | UInt32(JSONScanner.hexadecimal(source[index]) ?? 0)
            index &+= 1
        }
        return unit
    }

    mutating func decode(_ source: SharedArray<UInt8>, from place: Int) {
        var index = place
        var bits: UInt32 = 0
        var held: UInt32 = 0
        while count < wanted, index < source.count {
            var byte = source[index]
            index &+= 1
            if byte == UInt8(ascii: "\\"), index < source.count {
                byte = source[index]
                index &+= 1
                if byte == UInt8(ascii: "u") { byte = UInt8(truncatingIfNeeded: Self.unit(source, &index)) }
            }
            guard let digit = Self.digit(byte) else { return }
            bits = bits << 6 | digit
            held &+= 6
            if held >= 8 {
                held &-= 8
                put(UInt8(truncatingIfNeeded: bits >> held))
            }
        }
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte &- UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte &- UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte &- UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }

    /// Drops an incomplete character at the end.
    mutating func cutToCharacter() {
        var lead = count
        // A byte of the form 10xxxxxx continues a character (RFC 3629 §3).
        while lead > 0, free[lead - 1] & 0xC0 == 0x80 { lead -= 1 }
        guard lead > 0 else { return }
        let first = free[lead - 1]
        let size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        if count - (lead - 1) < size { count = lead - 1 }
    }
}
