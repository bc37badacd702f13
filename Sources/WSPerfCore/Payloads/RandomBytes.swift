internal import CLinux

/// Fills payloads with random text or bytes, at hardly more than the cost of copying them.
///
/// A pool of random text and one of random bytes are made once, from the seed. Each message is cut from its pool at a
/// random place and XORed with 32 random bytes of its own, over and over. In text these bytes change the lower three bits of
/// each character only: the alphabet consists of whole groups of eight, so the result needs no further step to be text.
///
/// Why it is done this way: 16 KiB of text take 0.2 µs, of which 0.1 are what copying takes. Drawing all six bits of a
/// character anew takes three more vector instructions, and twice as long. Cutting alone, without the XOR, is no faster, and
/// a compressor that sees two messages from the same place would find one in the other. As it is it finds nothing: for
/// bytes to repeat, the keys of both messages must agree in a row. (What two messages from the same place do share is the
/// order of the groups: three of the six bits of each character, but never three whole characters in a row, except by
/// chance.) Not cryptographic.
struct RandomBytes: Sendable {
    /// Bytes of one message that are filled before a new place in the pool is drawn.
    private static let run = 16 << 10
    /// Messages so long begin at the beginning of a cache line: reads in wide registers cross none.
    private static let long = 1 << 10

    /// `run` places, `run` bytes from each on, and what is read beyond the end of a short message.
    static let poolSize = 2 * run + 8

    private let texts: SharedArray<UInt8>
    private let bytes: SharedArray<UInt8>

    init(seed: UInt64) {
        var random = SeededGenerator(seed: seed, stream: SeededGenerator.Stream.payloadPool)
        let pool = (0..<Self.poolSize).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        bytes = SharedArray(pool)
        texts = SharedArray(pool.map(Self.character))
    }

    /// 64 printable characters, `0` to `W` and `` ` `` to `w`: neither the quotation mark nor the backslash, so that the text
    /// may stand in a JSON string as it is. They are eight groups of eight, and those of one differ in the lower three bits.
    private static func character(_ bits: UInt8) -> UInt8 {
        let value = bits & 63
        return value + 0x30 + (value < 40 ? 0 : 8)
    }

    /// Writes all that is free of `payload`, and draws two numbers for each 16 KiB begun.
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
                // 14 bits, because 2¹⁴ is `run`. Multiplied, so that messages from the same place do not have a byte of the
                // key in common.
                var place = Int(truncatingIfNeeded: (x &* 0x9E37_79B9_7F4A_7C15) &>> 50)
                if length >= Self.long { place &= ~63 }
                // Unsafe code: `destination` has room for `free.count` bytes, of which `done` are written; from each place on
                // `run` + 8 bytes of the pool are readable.
                clinux_random_bytes(destination + done, pool + place, length, x, y, mask)
                done &+= length
            }
            return done
        }
    }
}
