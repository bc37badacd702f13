/// Where a client tells the engine what happens to one connection.
///
/// Call the methods on any thread, in the order in which things happen: `resolved`, `connected`, `secured` (the phases
/// that exist), then `opened`, then messages, then exactly one `ended`. The engine records the time of each call. It
/// ignores calls after `ended`, and after it called `abort()`.
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

    /// A whole data message has arrived, but only its beginning is at hand. If the plan matches replies by tag,
    /// `prefix` must hold at least the first `MessageTag.longest` bytes (a shorter message: all of it); otherwise it
    /// may be empty. On the loop's thread.
    @inline(__always)
    func receivedOnLoop(_ kind: MessageKind, length: Int, prefix: UnsafeRawBufferPointer) {
        let tag = table.wantsTags ? MessageTag(reading: prefix, kind: kind) : nil
        table.message(length: length, tag: tag, slot: slot, generation: generation, now: loop.now)
    }

    /// Bytes of any frame have arrived: of a ping, or of a part of a message. Only the plan's idle timeout needs this
    /// (`wantsActivity`); messages and pongs already count as activity.
    public func activity() { if wantsActivity { tell(.activity) } }

    /// Whether the plan has an idle timeout, so that `activity()` has an effect.
    public var wantsActivity: Bool { table.wantsActivity }

    /// As `activity()`, on the loop's thread.
    @inline(__always)
    func activityOnLoop() {
        if table.wantsActivity { table.activity(slot: slot, generation: generation, now: loop.now) }
    }

    /// The pong to `ping(id:)` has arrived. It answers all pings up to this one. Don't report pongs that answer no
    /// ping.
    public func pong(id: UInt64) { tell(.pong(id)) }

    /// After a `send` that returned `.buffered` or `.blocked`: the connection takes messages again.
    public func writable() { tell(.writable) }

    /// The server's close frame has arrived (`.noStatus` if it had no code). The client answers it itself.
    public func closeReceived(_ code: CloseCode) { tell(.closeReceived(code)) }

    /// The connection is over.
    ///
    /// - Parameter failure: nil if the stream ended in order, with or without close frames before; otherwise what went
    ///   wrong, such as `.refused`, `.tls`, `.reset`.
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
