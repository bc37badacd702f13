/// Fills payloads with random text or bytes at the speed of copying them.
///
/// A pool of random bytes is made once; each message is cut from it at a random place and combined, 16 bytes at a time,
/// with a random word of the message's own that steps from block to block. So no two messages are alike, and the window
/// of a compressor that sees them one after the other finds nothing to repeat. Not cryptographic.
struct RandomBytes: Sendable {
    /// Bytes of one message that are filled before a new place in the pool is drawn.
    private static let run = 16 << 10
    private static let block = 16

    /// `run` places to start from with `run` bytes, and a block, from each on.
    static let poolSize = 2 * run + block

    private let pool: SharedArray<UInt8>

    init(seed: UInt64) {
        var random = SeededGenerator(seed: seed, stream: SeededGenerator.Stream.payloadPool)
        self.init(pool: (0..<Self.poolSize).map { _ in UInt8(truncatingIfNeeded: random.next()) })
    }

    /// With a pool of `poolSize` bytes.
    init(pool: [UInt8]) {
        precondition(pool.count == Self.poolSize, "a pool of \(pool.count) bytes")
        self.pool = SharedArray(pool)
    }

    /// Writes all that is free of `payload`, and draws two numbers for each 16 KiB begun.
    @inline(__always)
    func fill(_ payload: inout OutputRawSpan, _ kind: MessageKind, using random: inout SeededGenerator) {
        payload.appendAll { destination, count in
            switch kind {
            case .text: write(count, to: destination, using: &random, TextBlock.self)
            case .binary: write(count, to: destination, using: &random, BinaryBlock.self)
            }
        }
    }

    /// Unsafe code: writes `destination[0 ..< count]` only, whose memory the caller vouches for; reads the pool from
    /// `place` < `run` on, at most `length` ≤ `run` bytes or, for shorter messages, one block.
    private func write<Mapping: BlockMapping>(
        _ count: Int,
        to destination: UnsafeMutableRawPointer,
        using random: inout SeededGenerator,
        _: Mapping.Type
    ) {
        var destination = destination
        var remaining = count
        while remaining > 0 {
            let length = min(remaining, Self.run)
            let seed = SIMD2(random.next(), random.next())
            // Its highest 14 bits: 2¹⁴ is `run`.
            let place = Int(truncatingIfNeeded: seed.x &>> 50)
            let source = UnsafeRawPointer(pool.base + place)
            var word = seed
            var done = 0
            while done &+ Self.block <= length {
                let fresh = Mapping.map(source.block(at: done) ^ word)
                destination.storeBytes(of: fresh, toByteOffset: done, as: SIMD2<UInt64>.self)
                word &+= Self.step
                done &+= Self.block
            }
            if done < length {
                if length >= Self.block {
                    // The last block overlaps the one before it.
                    let last = length &- Self.block
                    let fresh = Mapping.map(source.block(at: last) ^ word)
                    destination.storeBytes(of: fresh, toByteOffset: last, as: SIMD2<UInt64>.self)
                } else {
                    let fresh = Mapping.map(source.block(at: 0) ^ word)
                    destination.storePrefix(length, of: fresh)
                }
            }
            destination += length
            remaining &-= length
        }
    }

    /// Odd, so that the words of a message do not repeat.
    private static var step: SIMD2<UInt64> { SIMD2(0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9) }
}

/// What random bits become in a payload. Arithmetic of whole words, which becomes vector instructions; comparisons of
/// SIMD lanes do not.
private protocol BlockMapping {
    static func map(_ bits: SIMD2<UInt64>) -> SIMD2<UInt64>
}

private enum BinaryBlock: BlockMapping {
    @inline(__always)
    static func map(_ bits: SIMD2<UInt64>) -> SIMD2<UInt64> { bits }
}

/// 64 printable characters, `0` to `p` without the backslash, so that the text may stand in a JSON string as it is.
private enum TextBlock: BlockMapping {
    @inline(__always)
    static func map(_ bits: SIMD2<UInt64>) -> SIMD2<UInt64> {
        let values = bits & SIMD2(repeating: 0x3F3F_3F3F_3F3F_3F3F)
        // The highest bit of each byte tells whether its value is 44 or more, where the backslash would come. No byte
        // of these sums reaches 256, so none carries into the next.
        let beyond = (values &+ SIMD2(repeating: 0x5454_5454_5454_5454)) & SIMD2(repeating: 0x8080_8080_8080_8080)
        return values &+ SIMD2(repeating: 0x3030_3030_3030_3030) &+ (beyond &>> SIMD2(repeating: 7))
    }
}

extension UnsafeRawPointer {
    @inline(__always)
    fileprivate func block(at offset: Int) -> SIMD2<UInt64> {
        loadUnaligned(fromByteOffset: offset, as: SIMD2<UInt64>.self)
    }
}

extension UnsafeMutableRawPointer {
    /// Stores the first `count` < 16 bytes of a block, in pieces that overlap.
    @inline(__always)
    fileprivate func storePrefix(_ count: Int, of block: SIMD2<UInt64>) {
        if count >= 8 {
            storeBytes(of: block.x, as: UInt64.self)
            storeBytes(of: block.y, toByteOffset: count &- 8, as: UInt64.self)
        } else if count >= 4 {
            storeBytes(of: UInt32(truncatingIfNeeded: block.x), as: UInt32.self)
            storeBytes(of: UInt32(truncatingIfNeeded: block.x &>> 32), toByteOffset: count &- 4, as: UInt32.self)
        } else {
            for index in 0..<count {
                let byte = UInt8(truncatingIfNeeded: block.x &>> UInt64(8 * index))
                storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
            }
        }
    }
}
