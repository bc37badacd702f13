internal import CLinux

/// Validates UTF-8 that arrives in pieces (RFC 3629; RFC 6455 §8.1). Fails at the first byte that makes the text
/// invalid, whatever follows.
struct UTF8Validator {
    // Continuation bytes that must follow, and the range of the next one (RFC 3629 §4: narrower after E0, ED, F0, F4).
    private var wanted: UInt8 = 0
    private var low: UInt8 = 0x80
    private var high: UInt8 = 0xBF

    /// Whether the text may end here.
    var isComplete: Bool { wanted == 0 }

    /// Takes the next bytes; false if they cannot be part of valid UTF-8.
    mutating func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        let count = bytes.count
        var index = 0
        while index < count {
            if wanted == 0 {
                while index &+ 8 <= count, (base + index).loadUnaligned(as: UInt64.self) & 0x8080_8080_8080_8080 == 0 {
                    index &+= 8
                    if count &- index >= 128 { index &+= clinux_ascii_prefix(base + index, count &- index) }
                }
                while index < count, (base + index).load(as: UInt8.self) < 0x80 { index &+= 1 }
                guard index < count else { break }
                switch (base + index).load(as: UInt8.self) {
                case 0xC2...0xDF: (wanted, low, high) = (1, 0x80, 0xBF)
                case 0xE0: (wanted, low, high) = (2, 0xA0, 0xBF)
                case 0xE1...0xEC, 0xEE...0xEF: (wanted, low, high) = (2, 0x80, 0xBF)
                case 0xED: (wanted, low, high) = (2, 0x80, 0x9F)
                case 0xF0: (wanted, low, high) = (3, 0x90, 0xBF)
                case 0xF1...0xF3: (wanted, low, high) = (3, 0x80, 0xBF)
                case 0xF4: (wanted, low, high) = (3, 0x80, 0x8F)
                default: return false
                }
            } else {
                let byte = (base + index).load(as: UInt8.self)
                guard byte >= low, byte <= high else { return false }
                (low, high) = (0x80, 0xBF)
                wanted &-= 1
            }
            index &+= 1
        }
        return true
    }
}
