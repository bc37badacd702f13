import NIOCore

extension ByteBuffer {
    /// Appends `count` bytes of `source`, starting at `index`, XORed with the mask `key` (RFC 6455 §5.3). The key's
    /// bytes are in memory order.
    ///
    /// `index` and `count` must lie within the readable bytes of `source`. One pass, 32 bytes at a time.
    mutating func writeUnmasked(_ source: ByteBuffer, at index: Int, count: Int, key: UInt32) {
        let start = index - source.readerIndex
        precondition(start >= 0 && count >= 0 && start + count <= source.readableBytes, "outside the source")
        // Unsafe: `from` has `count` readable bytes by the precondition, `to` at least as many writable ones by
        // `minimumWritableBytes`; every access below is at an offset whose end is at most `count`. The two buffers are
        // distinct: `source` is a copy, and `self` is inout, so they share no storage while `self` is written.
        source.withUnsafeReadableBytes { readable in
            _ = self.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { writable in
                guard count > 0, let from = readable.baseAddress?.advanced(by: start), let to = writable.baseAddress
                else { return 0 }
                let word = UInt64(key) << 32 | UInt64(key)
                let wide = SIMD4<UInt64>(repeating: word)
                var at = 0
                while at &+ 32 <= count {
                    let block = from.loadUnaligned(fromByteOffset: at, as: SIMD4<UInt64>.self)
                    to.storeBytes(of: block ^ wide, toByteOffset: at, as: SIMD4<UInt64>.self)
                    at &+= 32
                }
                while at &+ 8 <= count {
                    let block = from.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                    to.storeBytes(of: block ^ word, toByteOffset: at, as: UInt64.self)
                    at &+= 8
                }
                // `at` is a multiple of 8, so the rest begins with the key's first byte in memory.
                var rest = word.littleEndian
                while at < count {
                    let byte = from.load(fromByteOffset: at, as: UInt8.self)
                    to.storeBytes(of: byte ^ UInt8(truncatingIfNeeded: rest), toByteOffset: at, as: UInt8.self)
                    rest >>= 8
                    at &+= 1
                }
                return count
            }
        }
    }
}
