/// What `match: tagged` puts at the start of each payload to recognise its reply: 24 bytes, written as they are in a
/// binary message, and as 48 lower-case hexadecimal digits in a text message.
///
/// Big-endian: the run's nonce (64 bits, so that another run's replies are not mistaken for this one's), the
/// connection's index in the run (64), the message's index on its connection (64).
struct MessageTag: Hashable, Sendable {
    var nonce: UInt64
    var connection: UInt64
    var message: UInt64

    static let binaryLength = 24
    static let textLength = 48
    /// The longest form.
    static let longest = textLength

    static func length(_ kind: MessageKind) -> Int { kind == .text ? textLength : binaryLength }

    init(nonce: UInt64, connection: UInt64, message: UInt64) {
        self.nonce = nonce
        self.connection = connection
        self.message = message
    }

    /// Nil if the payload does not begin with a tag.
    init?(reading bytes: UnsafeRawBufferPointer, kind: MessageKind) {
        guard bytes.count >= Self.length(kind) else { return nil }
        var words: (UInt64, UInt64, UInt64) = (0, 0, 0)
        if kind == .binary {
            withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<24])) }
        } else {
            var isValid = true
            withUnsafeMutableBytes(of: &words) { words in
                for index in 0..<24 {
                    guard let high = Self.digit(bytes[index * 2]), let low = Self.digit(bytes[index * 2 + 1]) else {
                        isValid = false
                        return
                    }
                    words[index] = high << 4 | low
                }
            }
            guard isValid else { return nil }
        }
        self.init(
            nonce: UInt64(bigEndian: words.0), connection: UInt64(bigEndian: words.1),
            message: UInt64(bigEndian: words.2))
    }

    /// Writes over the first bytes of `payload`, which must hold at least the length for `kind`.
    func write(to payload: UnsafeMutableRawBufferPointer, kind: MessageKind) {
        let words = (nonce.bigEndian, connection.bigEndian, message.bigEndian)
        withUnsafeBytes(of: words) { words in
            guard kind == .text else { return payload.copyMemory(from: words) }
            let digits: StaticString = "0123456789abcdef"
            for index in 0..<24 {
                payload[index * 2] = digits.utf8Start[Int(words[index] >> 4)]
                payload[index * 2 + 1] = digits.utf8Start[Int(words[index] & 15)]
            }
        }
    }

    private static func digit(_ letter: UInt8) -> UInt8? {
        switch letter {
        case 0x30...0x39: letter - 0x30
        case 0x61...0x66: letter - 0x61 + 10
        default: nil
        }
    }
}
