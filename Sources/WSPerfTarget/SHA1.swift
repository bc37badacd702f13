/// SHA-1 (FIPS 180-4), which the opening handshake asks for (RFC 6455 §4.2.2). It protects nothing here.
enum SHA1 {
    /// The digest of `message`, 20 bytes.
    static func digest(_ message: [UInt8]) -> [UInt8] {
        var padded = message
        padded.append(0x80)
        while padded.count % 64 != 56 { padded.append(0) }
        let bits = UInt64(message.count) &* 8
        for shift in stride(from: 56, through: 0, by: -8) { padded.append(UInt8(truncatingIfNeeded: bits &>> shift)) }

        var state: (UInt32, UInt32, UInt32, UInt32, UInt32) =
            (0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0)
        var words = [UInt32](repeating: 0, count: 80)
        for block in stride(from: 0, to: padded.count, by: 64) {
            for t in 0..<16 {
                let at = block + 4 * t
                words[t] =
                    UInt32(padded[at]) << 24 | UInt32(padded[at + 1]) << 16 | UInt32(padded[at + 2]) << 8
                    | UInt32(padded[at + 3])
            }
            for t in 16..<80 {
                words[t] = rotate(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], by: 1)
            }
            var (a, b, c, d, e) = state
            for t in 0..<80 {
                let mix: UInt32
                switch t {
                case 0..<20: mix = ((b & c) | (~b & d)) &+ 0x5A82_7999
                case 20..<40: mix = (b ^ c ^ d) &+ 0x6ED9_EBA1
                case 40..<60: mix = ((b & c) | (b & d) | (c & d)) &+ 0x8F1B_BCDC
                default: mix = (b ^ c ^ d) &+ 0xCA62_C1D6
                }
                (a, b, c, d, e) = (rotate(a, by: 5) &+ mix &+ e &+ words[t], a, rotate(b, by: 30), c, d)
            }
            state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d, state.4 &+ e)
        }
        return [state.0, state.1, state.2, state.3, state.4].flatMap { word in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> UInt32($0)) }
        }
    }

    @inline(__always)
    private static func rotate(_ word: UInt32, by count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
}

/// The value of `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key` (RFC 6455 §4.2.2), in base64.
func acceptKey(for key: [UInt8]) -> [UInt8] {
    let digest = SHA1.digest(key + Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8))
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
