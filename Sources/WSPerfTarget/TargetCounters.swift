/// What a `TargetServer` has seen and done since it started. Messages and bytes are of data messages, payload only.
public struct TargetCounters: Sendable, Hashable {
    /// TCP connections accepted.
    public var accepted = 0
    /// Of these, the ones not yet closed.
    public var connected = 0
    /// Upgrades answered with 101, faulty answers included.
    public var upgraded = 0
    /// Requests answered with another status.
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

    /// How connections that had been upgraded ended, by the client's close code: 1005 for a close frame without one,
    /// 1006 for a TCP connection that ended with no close frame (RFC 6455 §7.1.5).
    public var closeCodes: [UInt16: Int] = [:]
    /// Frames that broke RFC 6455 on the client's side, each answered by a close frame.
    public var protocolErrors = 0
    /// Broadcast messages not delivered because the receiver, or its event loop, was too far behind.
    public var dropped = 0
    /// How often each fault took effect.
    public var faults: [Fault: Int] = [:]
    /// The request that was complete last.
    public var lastRequest: TargetRequest?

    public init() {}

    mutating func add(_ other: TargetCounters) {
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

/// An upgrade request as it came in.
public struct TargetRequest: Sendable, Hashable {
    /// One header field; the name as written, the value without surrounding white space.
    public struct Field: Sendable, Hashable {
        public var name: String
        public var value: String
    }
    /// `GET`, if the client is in its right mind.
    public var method: String
    /// Path and query.
    public var path: String
    /// In the order sent.
    public var headers: [Field]

    /// The value of the first header of that name, whatever its case.
    public subscript(_ name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.name.lowercased() == wanted }?.value
    }

    /// Takes a request head apart that has been found well-formed.
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
