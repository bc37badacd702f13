/// Opens WebSocket connections. The stock client is `StockClient`; your own worker may register others.
///
/// The engine takes all timestamps, matches replies and counts. A client only carries messages and reports events to
/// its `ConnectionSink`. It can ignore the engine's event loop, because the sink may be called on any thread.
/// `Docs/WritingAClient.md` walks through a complete client.
public protocol WebSocketClient: Sendable {
    associatedtype Connection: WebSocketConnection

    /// Starts to open one connection and returns at once. Report every later event to `sink`.
    ///
    /// Called on `loop`'s thread, which the client must not block. The engine watches the deadlines and calls `abort()`
    /// when one passes.
    func connect(to target: Target, on loop: EventLoop, sink: ConnectionSink) -> Connection
}

/// One connection of a `WebSocketClient`. The engine holds it and calls it on its loop's thread only.
public protocol WebSocketConnection: AnyObject {
    /// Frames, masks and sends one message of `length` bytes. `fill` writes the payload straight into the outgoing
    /// buffer. Call it at most once, before `send` returns, and not at all if the result is `.blocked` or `.closed`.
    /// Bytes that it leaves unwritten are sent as ASCII zeros.
    func send(_ kind: MessageKind, length: Int, fill: (inout OutputRawSpan) -> Void) -> SendOutcome

    /// Sends a ping whose 8 bytes of payload are `id`, big-endian. Report its pong to the sink with `pong(id:)`.
    func ping(id: UInt64) -> SendOutcome

    /// Starts the closing handshake (RFC 6455 §7.1.2). Report the end to the sink.
    func close(_ code: CloseCode, reason: String)

    /// Drops the connection at once and frees its resources. Report nothing more to the sink.
    func abort()
}

extension WebSocketConnection {
    /// A client without pings works with every matching mode except `ping`.
    public func ping(id: UInt64) -> SendOutcome { .unsupported }
}

/// The result of sending a message on a connection.
public enum SendOutcome: Sendable, Hashable {
    /// The whole message went to the operating system, or to a network stack that takes more messages.
    case sent
    /// The message was taken, but part of it still waits; nothing more is taken until the client calls `writable()` on
    /// the sink.
    case buffered
    /// The message was not taken and `fill` was not called; the engine tries again after `writable()`.
    case blocked
    /// The connection is not open.
    case closed
    /// The client does not support this.
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
    /// Never sent; stands for a close frame without a code.
    public static let noStatus = CloseCode(rawValue: 1005)
    /// Never sent; stands for a connection that ended without a close frame.
    public static let abnormal = CloseCode(rawValue: 1006)
    public static let invalidPayload = CloseCode(rawValue: 1007)
    public static let policyViolation = CloseCode(rawValue: 1008)
    public static let messageTooBig = CloseCode(rawValue: 1009)
    public static let internalError = CloseCode(rawValue: 1011)

    /// Whether the code is allowed in a close frame: 1000–1003, 1007–1014 or 3000–4999.
    public var isValidOnWire: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
