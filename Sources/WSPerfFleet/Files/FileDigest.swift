internal import COpenSSL
internal import Glibc
internal import WSPerfCore

/// The SHA-256 of bytes that come a piece at a time, by OpenSSL.
///
/// Invariant: `context` is a valid digest context from `init` to `deinit`. Confined to one thread.
final class FileDigest {
    private let context: OpaquePointer?

    init() {
        context = EVP_MD_CTX_new()
        EVP_DigestInit_ex(context, EVP_sha256(), nil)
    }

    deinit { EVP_MD_CTX_free(context) }

    func update(_ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    }

    /// The digest of all bytes so far, in hexadecimal. Nothing may follow.
    func finish() -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        // A SHA-256 has 32 bytes.
        let isDone = EVP_DigestFinal_ex(context, &digest, nil) == 1
        precondition(isDone, "OpenSSL has no SHA-256")
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// The digest of a file's first `size` bytes.
    ///
    /// - Returns: Nil, with the reason in `errno`, if it cannot be read; `errno` is 0 if it has fewer bytes.
    static func digest(of descriptor: Int32, size: Int) -> String? {
        let digest = FileDigest()
        var place = 0
        while place < size {
            guard let bytes = read(descriptor, place..<min(size, place + (1 << 20))) else { return nil }
            digest.update(bytes)
            place += bytes.count
        }
        return digest.finish()
    }

    /// Reads exactly these bytes of a file.
    ///
    /// - Returns: Nil, with the reason in `errno`, if it cannot be read; `errno` is 0 if it has fewer bytes.
    static func read(_ descriptor: Int32, _ range: Range<Int>) -> [UInt8]? {
        guard let bytes = FileBytes.read(descriptor, at: range.lowerBound, count: range.count) else { return nil }
        errno = 0
        return bytes.count == range.count ? bytes : nil
    }
}
