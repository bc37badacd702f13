/// Where a client tells the engine what happens to one connection.
///
/// Every method may be called on any thread, in the order in which things happened: `resolved`, `connected`, `secured`
/// as far as the phases exist, then `opened`, then messages, then exactly one `ended`. The engine takes the time of each
/// call. What comes after `ended`, or after the engine called `abort()`, is ignored.
public struct ConnectionSink: Sendable {
    /// The connection's index in the whole run, 0 ..< planned connections.
    public let connection: Int

    let loop: EventLoop
    let table: SessionTable
    let slot: UInt32
    let generation: UInt32

    /// The target's name has been resolved. Not called when there was nothing to resolve.
    public func resolved() { tell(.resolved) }

    /// The TCP connection is established.
    public func connected() { tell(.connected) }

    /// The TLS handshake is over. Not called without TLS.
    public func secured() { tell(.secured) }

    /// The server accepted the upgrade: the connection is open.
    public func opened() { tell(.opened) }

    /// A whole data message has arrived.
    public func received(_ kind: MessageKind, payload: RawSpan) {
        if loop.isCurrent {
            payload.withUnsafeBytes { receivedOnLoop(kind, length: $0.count, prefix: $0) }
        } else {
            let tag = payload.withUnsafeBytes { table.wantsTags ? MessageTag(reading: $0, kind: kind) : nil }
            tell(.message(length: payload.byteCount, tag: tag))
        }
    }

    /// A whole data message has arrived, of which only the beginning is at hand: at least the first
    /// `MessageTag.longest` bytes (all, if it is shorter) are wanted when the plan matches replies by tag; none otherwise.
    /// On the loop's thread.
    @inline(__always)
    func receivedOnLoop(_ kind: MessageKind, length: Int, prefix: UnsafeRawBufferPointer) {
        let tag = table.wantsTags ? MessageTag(reading: prefix, kind: kind) : nil
        table.message(length: length, tag: tag, slot: slot, generation: generation, now: loop.now)
    }

    /// Bytes of any frame have arrived: of a ping, or of a part of a message. Only the plan's idle timeout wants to know
    /// (`wantsActivity`); messages and pongs count by themselves.
    public func activity() { if wantsActivity { tell(.activity) } }

    /// Whether the plan has an idle timeout, so that `activity()` is of use.
    public var wantsActivity: Bool { table.wantsActivity }

    /// As `activity()`, on the loop's thread.
    @inline(__always)
    func activityOnLoop() {
        if table.wantsActivity { table.activity(slot: slot, generation: generation, now: loop.now) }
    }

    /// The pong to `ping(id:)` has arrived. Pongs that answer nothing are not told. It answers all pings up to this one.
    public func pong(id: UInt64) { tell(.pong(id)) }

    /// After a `send` that was `.buffered` or `.blocked`: the next one will be taken.
    public func writable() { tell(.writable) }

    /// The server's close frame has arrived (`.noStatus` where it had no code). The client answers it by itself.
    public func closeReceived(_ code: CloseCode) { tell(.closeReceived(code)) }

    /// The connection is over.
    ///
    /// - Parameter failure: nil when the stream came to its end in order, with or without close frames before;
    ///   otherwise what went wrong, such as `.refused`, `.tls`, `.reset`.
    public func ended(_ failure: Outcome? = nil) { tell(.ended(failure)) }

    private func tell(_ event: SessionEvent) {
        if loop.isCurrent {
            table.handle(event, slot: slot, generation: generation, now: loop.now)
        } else {
            loop.post(event, to: table, slot: slot, generation: generation)
        }
    }
}

enum SessionEvent: Sendable {
    case resolved
    case connected
    case secured
    case opened
    case message(length: Int, tag: MessageTag?)
    case activity
    case pong(UInt64)
    case writable
    case closeReceived(CloseCode)
    case ended(Outcome?)
}
