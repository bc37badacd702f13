import NIOCore

/// The parts of a request head that the opening handshake needs (RFC 6455 §4.2.1). Reading takes one pass and copies no
/// other field.
struct RequestHead {
    enum Reading {
        /// The head is not complete yet.
        case incomplete
        /// Complete; it took `length` bytes.
        case complete(RequestHead, length: Int)
        /// Not a request that this server understands. The server answers with this status.
        case refused(status: Int, length: Int)
    }

    /// The size of the largest head, in bytes. A larger one is refused with 431.
    static let limit = 16 << 10

    /// Path and query.
    var path: [UInt8] = []
    var key: [UInt8] = []
    /// The subprotocols offered, in order, as written.
    var subprotocols: [UInt8] = []

    static func read(_ buffer: ByteBuffer) -> Reading {
        let bytes = buffer.readableBytesUInt8Span
        guard let end = endOfHead(bytes) else {
            return bytes.count > limit ? .refused(status: 431, length: bytes.count) : .incomplete
        }
        if end > limit { return .refused(status: 431, length: end) }

        var head = RequestHead()
        var hasUpgrade = false
        var hasConnection = false
        var version: [UInt8] = []
        var isFirst = true
        var at = 0
        while at < end {
            var stop = at
            while stop < end, bytes[stop] != UInt8(ascii: "\n") { stop += 1 }
            let next = stop + 1
            if stop > at, bytes[stop - 1] == UInt8(ascii: "\r") { stop -= 1 }
            defer { at = next }
            if isFirst {
                isFirst = false
                guard let path = requestTarget(bytes, at, stop) else { return .refused(status: 400, length: end) }
                head.path = path
                continue
            }
            if stop == at { break }
            var colon = at
            while colon < stop, bytes[colon] != UInt8(ascii: ":") { colon += 1 }
            guard colon < stop, colon > at else { return .refused(status: 400, length: end) }
            var from = colon + 1
            while from < stop, bytes[from] == 32 || bytes[from] == 9 { from += 1 }
            while stop > from, bytes[stop - 1] == 32 || bytes[stop - 1] == 9 { stop -= 1 }
            // The length of the name selects the candidate, so most fields cost no comparison.
            switch colon - at {
            case 7 where equals(bytes, at, colon, "upgrade"):
                hasUpgrade = hasUpgrade || hasToken(bytes, from, stop, "websocket")
            case 10 where equals(bytes, at, colon, "connection"):
                hasConnection = hasConnection || hasToken(bytes, from, stop, "upgrade")
            case 17 where equals(bytes, at, colon, "sec-websocket-key"): head.key = copy(bytes, from, stop)
            case 21 where equals(bytes, at, colon, "sec-websocket-version"): version = copy(bytes, from, stop)
            case 22 where equals(bytes, at, colon, "sec-websocket-protocol"):
                if !head.subprotocols.isEmpty { head.subprotocols.append(UInt8(ascii: ",")) }
                head.subprotocols += copy(bytes, from, stop)
            default: break
            }
        }
        guard hasUpgrade, hasConnection, version == [UInt8(ascii: "1"), UInt8(ascii: "3")] else {
            return .refused(status: 426, length: end)
        }
        // 16 bytes in base64.
        guard head.key.count == 24, head.key[22] == UInt8(ascii: "="), head.key[23] == UInt8(ascii: "=") else {
            return .refused(status: 400, length: end)
        }
        return .complete(head, length: end)
    }

    /// The offered subprotocols as a list.
    var offeredSubprotocols: [String] {
        subprotocols.split(separator: UInt8(ascii: ",")).map { part in
            String(decoding: part.filter { $0 != 32 && $0 != 9 }, as: UTF8.self)
        }.filter { !$0.isEmpty }
    }

    /// The index after the empty line.
    private static func endOfHead(_ bytes: Span<UInt8>) -> Int? {
        var at = 3
        while at < bytes.count {
            // Only a line feed can end the head, so every other byte costs one comparison.
            if bytes[at] == UInt8(ascii: "\n"), bytes[at - 1] == UInt8(ascii: "\r"),
                bytes[at - 2] == UInt8(ascii: "\n"),
                bytes[at - 3] == UInt8(ascii: "\r")
            {
                return at + 1
            }
            at += 1
        }
        return nil
    }

    /// The target of `GET target HTTP/1.1`.
    private static func requestTarget(_ bytes: Span<UInt8>, _ from: Int, _ to: Int) -> [UInt8]? {
        guard to - from > 13, equals(bytes, from, from + 4, "get "), equals(bytes, to - 9, to, " http/1.1") else {
            return nil
        }
        let target = copy(bytes, from + 4, to - 9)
        guard target.first == UInt8(ascii: "/"), target.allSatisfy({ $0 > 32 && $0 < 127 }) else { return nil }
        return target
    }

    private static func copy(_ bytes: Span<UInt8>, _ from: Int, _ to: Int) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(to - from)
        for at in from..<to { result.append(bytes[at]) }
        return result
    }

    /// Whether the range equals `text`, which is lower case, ignoring case.
    private static func equals(_ bytes: Span<UInt8>, _ from: Int, _ to: Int, _ text: StaticString) -> Bool {
        guard to - from == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { wanted in
            for at in 0..<wanted.count where lowercased(bytes[from + at]) != wanted[at] { return false }
            return true
        }
    }

    /// Whether a comma-separated list contains `token`, which is lower case.
    private static func hasToken(_ bytes: Span<UInt8>, _ from: Int, _ to: Int, _ token: StaticString) -> Bool {
        var at = from
        while at < to {
            var stop = at
            while stop < to, bytes[stop] != UInt8(ascii: ",") { stop += 1 }
            var first = at
            var last = stop
            while first < last, bytes[first] == 32 || bytes[first] == 9 { first += 1 }
            while last > first, bytes[last - 1] == 32 || bytes[last - 1] == 9 { last -= 1 }
            if equals(bytes, first, last, token) { return true }
            at = stop + 1
        }
        return false
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
}
