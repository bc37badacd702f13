internal import CLinux

/// Fills payloads with random text or bytes, at little more than the cost of a copy.
///
/// Two pools, one of random text and one of random bytes, are made once from the seed. Each message is a piece of a
/// pool from a random place, XORed with a key of 32 random bytes that repeats. In text, the key changes only the lower
/// three bits of each character. The alphabet consists of whole groups of eight characters, so the result is always
/// text.
///
/// Why: 16 KiB of text take 0.2 µs, and a plain copy takes 0.1 µs. To draw all six bits of each character would need
/// three more vector instructions and twice the time. A copy without the XOR is no faster, and a compressor that sees
/// two messages from the same place would find one in the other. With the XOR it finds nothing, because the keys of
/// both messages would have to agree in several successive bytes. (Two messages from the same place do share the order
/// of the groups: three of the six bits of each character, but not three whole characters in a row, except by chance.)
/// Not cryptographic.
struct RandomBytes: Sendable {
    /// Bytes of one message between two draws of a place in the pool.
    private static let run = 16 << 10
    /// Longer messages start at a cache line, so wide reads do not cross a line.
    private static let long = 1 << 10

    /// `run` places, `run` bytes from each place, and what the last read of a short message reads beyond its end.
    static let poolSize = 2 * run + 8

    private let texts: SharedArray<UInt8>
    private let bytes: SharedArray<UInt8>

    init(seed: UInt64) {
        var random = SeededGenerator(seed: seed, stream: SeededGenerator.Stream.payloadPool)
        let pool = (0..<Self.poolSize).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        bytes = SharedArray(pool)
        texts = SharedArray(pool.map(Self.character))
    }

    /// 64 printable characters, `0` to `W` and `` ` `` to `w`, without the quotation mark and the backslash, so that
    /// the text can be part of a JSON string. They form eight groups of eight; the members of a group differ in the
    /// lower three bits.
    private static func character(_ bits: UInt8) -> UInt8 {
        let value = bits & 63
        return value + 0x30 + (value < 40 ? 0 : 8)
    }

    /// Fills the rest of `payload`. Draws two numbers for each 16 KiB or part of it.
    @inline(__always)
    func fill(_ payload: inout PayloadBuffer, _ kind: MessageKind, using random: inout SeededGenerator) {
        payload.withUnsafeFreeBytes { free in
            guard let destination = free.baseAddress else { return 0 }
            let pool = kind == .text ? texts.base : bytes.base
            let mask: UInt64 = kind == .text ? 0x0707_0707_0707_0707 : .max
            var done = 0
            while done < free.count {
                let length = min(free.count &- done, Self.run)
                let (x, y) = (random.next(), random.next())
                // 14 bits, because 2¹⁴ is `run`. Without the multiplication, messages from the same place would share
                // bytes of the key.
                var place = Int(truncatingIfNeeded: (x &* 0x9E37_79B9_7F4A_7C15) &>> 50)
                if length >= Self.long { place &= ~63 }
                // Unsafe code: `destination` has room for `free.count` bytes, and `done` of them are written. From each
                // place, `run` + 8 bytes of the pool are readable.
                clinux_random_bytes(destination + done, pool + place, length, x, y, mask)
                done &+= length
            }
            return done
        }
    }
}
