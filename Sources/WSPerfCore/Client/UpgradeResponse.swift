/// The server's answer to the opening handshake, checked by RFC 6455 §4.1. Pure: bytes in, a verdict out.
enum UpgradeResponse: Equatable {
    /// The head is not complete yet.
    case incomplete
    /// The connection is open; the head took `consumed` bytes, and frames may follow it at once.
    case accepted(consumed: Int)
    case refused(Outcome)

    /// The longest head that is accepted.
    static let longestHead = 16 << 10

    /// Checks what has arrived so far, from the first byte on.
    init(_ bytes: UnsafeRawBufferPointer, accept: AcceptKey, subprotocols: [String]) {
        guard let end = Self.endOfHead(bytes) else {
            // Do not wait for more if this cannot become HTTP or has no end.
            let prefix = zip(bytes, "HTTP/1.".utf8).allSatisfy { $0 == $1 }
            self = prefix && bytes.count < Self.longestHead ? .incomplete : .refused(.upgradeInvalid)
            return
        }
        guard end <= Self.longestHead else {
            self = .refused(.upgradeInvalid)
            return
        }
        let head = UnsafeRawBufferPointer(rebasing: bytes[..<end])
        self = Self.judge(head, accept, subprotocols) ?? .accepted(consumed: end)
    }

    /// The index after the empty line.
    private static func endOfHead(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var index = 3
        while index < bytes.count {
            switch bytes[index] {
            case 0x0A:
                if bytes[index - 1] == 0x0D, bytes[index - 2] == 0x0A, bytes[index - 3] == 0x0D { return index + 1 }
                index += 2
            case 0x0D: index += 1
            default: index += 4
            }
        }
        return nil
    }

    private static func judge(
        _ head: UnsafeRawBufferPointer, _ accept: AcceptKey, _ subprotocols: [String]
    ) -> UpgradeResponse? {
        var lines = Lines(head)
        guard let status = lines.next().flatMap(Self.status) else { return .refused(.upgradeInvalid) }
        guard status == 101 else { return .refused(.upgradeStatus(status)) }
        var (hasUpgrade, hasConnection, hasAccept, hasProtocol) = (false, false, false, false)
        while let line = lines.next(), !line.isEmpty {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else {
                return .refused(.upgradeInvalid)
            }
            let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
            let value = trimmed(UnsafeRawBufferPointer(rebasing: line[(colon + 1)...]))
            if equal(name, "upgrade") {
                guard equal(value, "websocket") else { return .refused(.upgradeInvalid) }
                hasUpgrade = true
            } else if equal(name, "connection") {
                hasConnection = hasConnection || contains(value, token: "upgrade")
            } else if equal(name, "sec-websocket-accept") {
                guard !hasAccept, accept.matches(value) else { return .refused(.upgradeInvalid) }
                hasAccept = true
            } else if equal(name, "sec-websocket-extensions") {
                // No extension was offered, so the server must not name one.
                guard value.isEmpty else { return .refused(.upgradeInvalid) }
            } else if equal(name, "sec-websocket-protocol") {
                guard !hasProtocol, subprotocols.contains(where: { value.elementsEqual($0.utf8) }) else {
                    return .refused(.upgradeInvalid)
                }
                hasProtocol = true
            }
        }
        return hasUpgrade && hasConnection && hasAccept ? nil : .refused(.upgradeInvalid)
    }

    /// `HTTP/1.1 101 …` (RFC 9112 §4).
    private static func status(_ line: UnsafeRawBufferPointer) -> Int? {
        guard line.count >= 12, line[..<7].elementsEqual("HTTP/1.".utf8), line[8] == 0x20,
            (0x30...0x39).contains(line[7]), line[9..<12].allSatisfy({ (0x30...0x39).contains($0) }),
            line.count == 12 || line[12] == 0x20
        else { return nil }
        return line[9..<12].reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    private struct Lines {
        let bytes: UnsafeRawBufferPointer
        var position = 0
        init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }
        mutating func next() -> UnsafeRawBufferPointer? {
            guard position < bytes.count else { return nil }
            let start = position
            var end = start
            while end < bytes.count, bytes[end] != 0x0A { end += 1 }
            position = end + 1
            if end > start, bytes[end - 1] == 0x0D { end -= 1 }
            return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        }
    }

    private static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var (start, end) = (0, bytes.count)
        while start < end, bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
        while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }

    /// Compares, ignoring ASCII case; `text` is lower case.
    private static func equal(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        for index in 0..<bytes.count {
            let byte = bytes[index]
            let lower = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
            guard lower == text.utf8Start[index] else { return false }
        }
        return true
    }

    private static func contains(_ list: UnsafeRawBufferPointer, token: StaticString) -> Bool {
        var rest = list[...]
        while true {
            let comma = rest.firstIndex(of: UInt8(ascii: ","))
            let item = rest[..<(comma ?? rest.endIndex)]
            if equal(trimmed(UnsafeRawBufferPointer(rebasing: item)), token) { return true }
            guard let comma else { return false }
            rest = rest[(comma + 1)...]
        }
    }
}
