import COpenSSL

/// The value of `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key` (RFC 6455 §4.2.2), in base64.
func acceptKey(for key: [UInt8]) -> [UInt8] {
    let salted = key + Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)
    var digest = [UInt8](repeating: 0, count: 20)
    // Reads `salted.count` bytes and writes the 20 of the digest.
    _ = SHA1(salted, salted.count, &digest)
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(28)
    // 20 bytes are six groups of three and a rest of two, so the last character is the one `=`.
    for at in stride(from: 0, to: 18, by: 3) {
        let group = Int(digest[at]) << 16 | Int(digest[at + 1]) << 8 | Int(digest[at + 2])
        for shift in [18, 12, 6, 0] { text.append(alphabet[group >> shift & 63]) }
    }
    let rest = Int(digest[18]) << 16 | Int(digest[19]) << 8
    for shift in [18, 12, 6] { text.append(alphabet[rest >> shift & 63]) }
    text.append(UInt8(ascii: "="))
    return text
}
