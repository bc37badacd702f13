/// Opens WebSocket connections. The stock client is `StockClient`; your own worker may register others.
///
/// The engine takes every timestamp, matches replies and counts. A client only transfers messages and reports events to
/// its `ConnectionSink`. It does not have to use the engine's event loop: any thread may call the sink.
/// `Docs/WritingAClient.md` explains a complete client.
public protocol WebSocketClient: Sendable {
    associatedtype Connection: WebSocketConnection

    /// Starts opening a connection and returns at once. The client reports everything that happens to the connection to
    /// `sink`.
    ///
    /// The engine calls this on `loop`'s thread, so the client must not block. The engine keeps the deadlines: when one
    /// passes, it calls `abort()`.
    func connect(to target: Target, on loop: EventLoop, sink: ConnectionSink) -> Connection
}

/// One connection of a `WebSocketClient`. The engine calls it only on its loop's thread.
public protocol WebSocketConnection: AnyObject {
    /// Frames, masks and sends one message of `length` bytes. `fill` writes the payload into the outgoing buffer. The
    /// client calls it at most once, before `send` returns, and not for `.blocked` and `.closed`. Bytes that it does
    /// not write are sent as ASCII zeros.
    func send(_ kind: MessageKind, length: Int, fill: (inout OutputRawSpan) -> Void) -> SendOutcome

    /// Sends a ping whose 8 bytes of payload are `id`, big-endian. The client reports the pong with `pong(id:)`.
    func ping(id: UInt64) -> SendOutcome

    /// Starts the closing handshake (RFC 6455 §7.1.2). The client reports its end to the sink.
    func close(_ code: CloseCode, reason: String)

    /// Drops the connection at once and frees its resources. The client reports nothing to the sink after that.
    func abort()
}

extension WebSocketConnection {
    /// A client without pings works with every matching mode except `ping`.
    public func ping(id: UInt64) -> SendOutcome { .unsupported }
}

/// What a connection did with a message.
public enum SendOutcome: Sendable, Hashable {
    /// It passed the whole message to the operating system, or to a stack that accepts more.
    case sent
    /// It accepted the message but could not pass on all of it. It accepts nothing more until it reports `writable()`.
    case buffered
    /// It did not accept the message and did not call `fill`: try again after it reports `writable()`.
    case blocked
    /// The connection is not open.
    case closed
    /// The client does not have this function.
    case unsupported
}

/// A close code (RFC 6455 §7.4).
public struct CloseCode: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let normal = CloseCode(rawValue: 1000)
    public static let goingAway = CloseCode(rawValue: 1001)
    public static let protocolError = CloseCode(rawValue: 1002)
    public static let unsupportedData = CloseCode(rawValue: 1003)
    /// Never sent: means a close frame without a code.
    public static let noStatus = CloseCode(rawValue: 1005)
    /// Never sent: means that the connection ended without a close frame.
    public static let abnormal = CloseCode(rawValue: 1006)
    public static let invalidPayload = CloseCode(rawValue: 1007)
    public static let policyViolation = CloseCode(rawValue: 1008)
    public static let messageTooBig = CloseCode(rawValue: 1009)
    public static let internalError = CloseCode(rawValue: 1011)

    /// Whether a close frame may have this code: 1000–1014 except 1004–1006 (and other reserved codes), or 3000–4999.
    public var isValidOnWire: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
