internal import CLinux

/// Fills payloads with random text or bytes at little more than the cost of copying.
///
/// One pool of random text and one of random bytes are made from the seed. Each message is cut from its pool at a
/// random place and XORed with its own 32 random bytes, repeated. In text, this changes only the lower three bits of
/// each character. The alphabet consists of whole groups of eight, so the result is still text.
///
/// The reason is speed: 16 KiB of text take 0.2 µs, and copying alone takes 0.1. Drawing all six bits of a character
/// anew takes three more vector instructions and twice as long. Cutting without the XOR is no faster, and then a
/// compressor that sees two messages from the same place would find one in the other. With the XOR it finds nothing:
/// bytes repeat only where the keys of both messages agree at several consecutive bytes. (Two messages from the same
/// place do share the order of the groups: three of the six bits of each character, but never three whole characters in
/// a row, except by chance.) Not cryptographic.
struct RandomBytes: Sendable {
    /// A message draws a new place in the pool after this many bytes.
    private static let run = 16 << 10
    /// Messages of this length or more start at a cache line, so that wide register reads cross no line boundary.
    private static let long = 1 << 10

    /// `run` possible places, `run` bytes from each of them, and the bytes that are read beyond the end of a short
    /// message.
    static let poolSize = 2 * run + 8

    private let texts: SharedArray<UInt8>
    private let bytes: SharedArray<UInt8>

    init(seed: UInt64) {
        var random = SeededGenerator(seed: seed, stream: SeededGenerator.Stream.payloadPool)
        let pool = (0..<Self.poolSize).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        bytes = SharedArray(pool)
        texts = SharedArray(pool.map(Self.character))
    }

    /// 64 printable characters, `0` to `W` and `` ` `` to `w`. They exclude the quotation mark and the backslash, so
    /// the text needs no escaping in a JSON string. They form eight groups of eight; the characters of one group differ
    /// in the lower three bits.
    private static func character(_ bits: UInt8) -> UInt8 {
        let value = bits & 63
        return value + 0x30 + (value < 40 ? 0 : 8)
    }

    /// Fills all free bytes of `payload`, and draws two numbers for each 16 KiB or part of it.
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
                // 14 bits, because 2¹⁴ is `run`. The multiplication keeps messages from the same place from sharing a
                // byte of the key.
                var place = Int(truncatingIfNeeded: (x &* 0x9E37_79B9_7F4A_7C15) &>> 50)
                if length >= Self.long { place &= ~63 }
                // Unsafe code: `destination` has room for `free.count` bytes, of which `done` are written; the pool has
                // `run` + 8 readable bytes from each place on.
                clinux_random_bytes(destination + done, pool + place, length, x, y, mask)
                done &+= length
            }
            return done
        }
    }
}
