internal import COpenSSL

/// Base64 as in RFC 4648 §4: padded, without line feeds or stray bits.
enum Base64 {
    /// Writes the text of `bytes`, and a zero byte after it, to `text`.
    static func encode(_ bytes: UnsafeRawBufferPointer, to text: UnsafeMutableRawPointer) {
        // Reads `bytes.count` bytes and writes 4 for every 3 begun, and the zero.
        _ = EVP_EncodeBlock(text.assumingMemoryBound(to: UInt8.self), bytes.baseAddress, Int32(bytes.count))
    }

    /// Appends the bytes that `text` stands for to `bytes`, unless it is not base64. At most 1 GiB.
    static func append(_ text: [UInt8], to bytes: inout [UInt8]) -> Bool {
        guard !text.isEmpty else { return true }
        guard text.count % 4 == 0, text.count <= 1 << 30 else { return false }
        // OpenSSL reads the padding as zeros, wherever it is. It also drops white space at both ends, and then returns
        // less.
        let padding = text.suffix(2).count { $0 == UInt8(ascii: "=") }
        guard (text.firstIndex(of: UInt8(ascii: "=")) ?? text.endIndex) == text.endIndex - padding else { return false }
        let start = bytes.count
        let count = text.count / 4 * 3
        bytes.append(contentsOf: repeatElement(0, count: count))
        let decoded = bytes.withUnsafeMutableBytes { bytes in
            text.withUnsafeBytes { text in
                // Reads the text, and writes at most 3 bytes for every 4 of it.
                EVP_DecodeBlock(
                    bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self) + start,
                    text.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self), Int32(text.count))
            }
        }
        guard decoded == count, bytes.suffix(padding).allSatisfy({ $0 == 0 }) else { return false }
        bytes.removeLast(padding)
        return true
    }
}
