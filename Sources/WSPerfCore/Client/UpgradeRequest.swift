internal import COpenSSL

/// The client's side of the opening handshake (RFC 6455 §4.1): the text of the request. Only the key differs between
/// connections of a run.
struct UpgradeRequest: Sendable {
    /// The request before its key, and after it.
    private let head: [UInt8]
    private let tail: [UInt8]
    let subprotocols: [String]

    init(target: Target, headers: [Header], subprotocols: [String]) {
        var text = "GET \(target.path) HTTP/1.1\r\n"
        if !headers.contains(where: { $0.name.lowercased() == "host" }) { text += "Host: \(target.authority)\r\n" }
        text += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        if !subprotocols.isEmpty { text += "Sec-WebSocket-Protocol: \(subprotocols.joined(separator: ", "))\r\n" }
        for header in headers { text += "\(header.name): \(header.value)\r\n" }
        text += "Sec-WebSocket-Key: "
        head = Array(text.utf8)
        tail = Array("\r\n\r\n".utf8)
        self.subprotocols = subprotocols
    }

    /// Length of the key's text: 16 bytes in base64.
    static let keyLength = 24
    var length: Int { head.count + Self.keyLength + tail.count }

    /// Writes the request, with a key made from `random`, to `bytes`, which has room for `length`. Returns the value
    /// that the server must send in `Sec-WebSocket-Accept`.
    func write(to bytes: UnsafeMutableRawPointer, random: (UInt64, UInt64)) -> AcceptKey {
        head.withUnsafeBytes { bytes.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: $0.count) }
        let key = bytes + head.count
        withUnsafeBytes(of: random) { Base64.encode($0, to: key) }
        // Overwrites the zero byte after the key.
        tail.withUnsafeBytes {
            (key + Self.keyLength).copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: $0.count)
        }
        return AcceptKey(answering: UnsafeRawBufferPointer(start: key, count: Self.keyLength))
    }
}

/// The value of `Sec-WebSocket-Accept` (RFC 6455 §4.2.2): base64 of the SHA-1 of the key and a fixed GUID. Stored as
/// the digest.
struct AcceptKey: Equatable {
    private var digest: (UInt64, UInt64, UInt32) = (0, 0, 0)

    init(answering key: UnsafeRawBufferPointer) {
        var input: [UInt8] = []
        input.reserveCapacity(key.count + 36)
        input.append(contentsOf: key)
        input.append(contentsOf: "258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)
        var bytes = [UInt8](repeating: 0, count: Int(SHA_DIGEST_LENGTH))
        _ = SHA1(input, input.count, &bytes)
        withUnsafeMutableBytes(of: &digest) { $0.copyBytes(from: bytes) }
    }

    /// Whether a header's value is this key.
    func matches(_ value: UnsafeRawBufferPointer) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 29, alignment: 8) { text in
            withUnsafeBytes(of: digest) {
                Base64.encode(UnsafeRawBufferPointer(rebasing: $0[..<20]), to: text.baseAddress.unsafelyUnwrapped)
            }
            return value.elementsEqual(text.dropLast())
        }
    }

    static func == (a: AcceptKey, b: AcceptKey) -> Bool { a.digest == b.digest }
}
