/// Opens WebSocket connections. The stock client is `StockClient`; your own worker may register others.
///
/// The engine takes every timestamp, matches replies and counts, so a client only has to carry messages and to tell its
/// `ConnectionSink` what happens. It need not know the engine's event loop: the sink may be called on any thread.
/// `Docs/WritingAClient.md` walks through a complete one.
public protocol WebSocketClient: Sendable {
    associatedtype Connection: WebSocketConnection

    /// Starts opening one connection and returns at once; all that happens to it afterwards is told to `sink`.
    ///
    /// Called on `loop`'s thread. The client must not wait in it. Deadlines are the engine's: when one passes it calls
    /// `abort()`.
    func connect(to target: Target, on loop: EventLoop, sink: ConnectionSink) -> Connection
}

/// One connection of a `WebSocketClient`, held and called by the engine on its loop's thread only.
public protocol WebSocketConnection: AnyObject {
    /// Frames, masks and sends one message of `length` bytes; `fill` writes the payload straight into the outgoing
    /// buffer and is called at most once, before `send` returns, and not at all for `.blocked` and `.closed`. Bytes it
    /// leaves unwritten go out as ASCII zeros.
    func send(_ kind: MessageKind, length: Int, fill: (inout OutputRawSpan) -> Void) -> SendOutcome

    /// Sends a ping whose 8 bytes of payload are `id`, big-endian; the pong is told to the sink by `pong(id:)`.
    func ping(id: UInt64) -> SendOutcome

    /// Starts the closing handshake (RFC 6455 §7.1.2). The end is told to the sink.
    func close(_ code: CloseCode, reason: String)

    /// Drops the connection at once and frees what it holds. Nothing more is told to the sink.
    func abort()
}

extension WebSocketConnection {
    /// A client without pings can be used with every matching mode but `ping`.
    public func ping(id: UInt64) -> SendOutcome { .unsupported }
}

/// What became of a message handed to a connection.
public enum SendOutcome: Sendable, Hashable {
    /// Handed to the operating system whole, or to a stack that takes more.
    case sent
    /// Taken, but not yet all handed over; nothing more is taken until the sink is told `writable()`.
    case buffered
    /// Not taken, `fill` was not called: try again once the sink is told `writable()`.
    case blocked
    /// The connection is not open.
    case closed
    /// The client has no such thing.
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
    /// Never sent: stands for a close frame without a code.
    public static let noStatus = CloseCode(rawValue: 1005)
    /// Never sent: stands for a connection that ended without a close frame.
    public static let abnormal = CloseCode(rawValue: 1006)
    public static let invalidPayload = CloseCode(rawValue: 1007)
    public static let policyViolation = CloseCode(rawValue: 1008)
    public static let messageTooBig = CloseCode(rawValue: 1009)
    public static let internalError = CloseCode(rawValue: 1011)

    /// Whether the code may stand in a close frame: 1000–1014 but 1004–1006 (and those reserved), or 3000–4999.
    public var isValidOnWire: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
