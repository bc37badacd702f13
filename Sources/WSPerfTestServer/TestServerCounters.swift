/// What a `TestServer` has seen and done since it started. Messages are data messages, and bytes are their payload.
public struct TestServerCounters: Sendable, Hashable {
    /// TCP connections accepted.
    public var accepted = 0
    /// TCP connections that are open now.
    public var connected = 0
    /// Upgrades answered with 101, faulty answers included.
    public var upgraded = 0
    /// Requests answered with another status than 101.
    public var refused = 0

    public var messagesReceived = 0
    public var bytesReceived = 0
    public var messagesSent = 0
    public var bytesSent = 0
    /// Messages received that came in more than one frame.
    public var fragmentedReceived = 0

    public var pingsReceived = 0
    public var pongsReceived = 0
    public var pingsSent = 0

    /// How upgraded connections ended, by the client's close code: 1005 for a close frame without a code, 1006 for a
    /// TCP connection that ended without a close frame (RFC 6455 §7.1.5).
    public var closeCodes: [UInt16: Int] = [:]
    /// Frames of clients that broke RFC 6455. The server answered each with a close frame.
    public var protocolErrors = 0
    /// Broadcast messages that were not delivered, because the receiver or its event loop was too far behind.
    public var dropped = 0
    /// How often each fault took effect.
    public var faults: [Fault: Int] = [:]
    /// The latest complete request.
    public var lastRequest: TestServerRequest?

    public init() {}

    mutating func add(_ other: TestServerCounters) {
        accepted += other.accepted
        connected += other.connected
        upgraded += other.upgraded
        refused += other.refused
        messagesReceived += other.messagesReceived
        bytesReceived += other.bytesReceived
        messagesSent += other.messagesSent
        bytesSent += other.bytesSent
        fragmentedReceived += other.fragmentedReceived
        pingsReceived += other.pingsReceived
        pongsReceived += other.pongsReceived
        pingsSent += other.pingsSent
        closeCodes.merge(other.closeCodes, uniquingKeysWith: +)
        protocolErrors += other.protocolErrors
        dropped += other.dropped
        faults.merge(other.faults, uniquingKeysWith: +)
    }
}

/// An upgrade request as received.
public struct TestServerRequest: Sendable, Hashable {
    /// One header field; the name as written, the value without surrounding white space.
    public struct Field: Sendable, Hashable {
        public var name: String
        public var value: String
    }
    /// `GET`, if the client is correct.
    public var method: String
    /// Path and query.
    public var path: String
    /// In the order sent.
    public var headers: [Field]

    /// The value of the first header with this name; case does not matter.
    public subscript(_ name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.name.lowercased() == wanted }?.value
    }

    /// Parses a request head that is known to be well-formed.
    init(head: [UInt8]) {
        let lines = head.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
            .map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
            .filter { !$0.isEmpty }
        let request = (lines.first ?? []).split(separator: UInt8(ascii: " "))
        method = String(decoding: request.first ?? [], as: UTF8.self)
        path = request.count > 1 ? String(decoding: request[1], as: UTF8.self) : ""
        headers = lines.dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
            var value = line[line.index(after: colon)...]
            while let byte = value.first, byte == 32 || byte == 9 { value = value.dropFirst() }
            while let byte = value.last, byte == 32 || byte == 9 { value = value.dropLast() }
            return Field(
                name: String(decoding: line[..<colon], as: UTF8.self), value: String(decoding: value, as: UTF8.self))
        }
    }
}
