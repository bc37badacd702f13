import NIOCore
import NIOPosix

/// One connection: reads the request head, then frames, and answers them. It is the only handler of its pipeline (apart
/// from TLS) and is confined to its event loop.
///
/// A plain echo costs one copy of each message: payloads are unmasked into the loop's outgoing buffer, which is written
/// once for each read. `script` has the state of everything that is not a plain echo.
final class TestServerConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum State {
        /// Waits for the complete request head.
        case head
        /// The response head is being sent byte by byte.
        case dribbling
        case open
        /// Sent a close frame and waits for the client's.
        case closing
        /// Drops everything that comes in.
        case ignoring
    }

    /// What happens to the TCP connection after everything written was sent.
    enum Ending {
        case none
        case close
        /// Closes this side now, and the other side when the client closes it or at the deadline.
        case closeOutput
        case reset
    }

    let loop: LoopState
    private var context: ChannelHandlerContext?
    var state = State.head
    var ending = Ending.none
    var isUpgraded = false
    private var sawClose = false
    var isActive = false
    /// A read was requested while reading was held back.
    private var readHeld = false
    /// The start of a request head or frame that is not complete yet.
    var pending = ByteBuffer()
    /// The frames of a fragmented message so far.
    private var assembly: (opcode: UInt8, payload: ByteBuffer)?
    var script: Script?
    private var closeDeadline: Scheduled<Void>?

    init(loop: LoopState) { self.loop = loop }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        isActive = true
        loop.counters.accepted += 1
        loop.counters.connected += 1
        loop.connections[ObjectIdentifier(self)] = self
        loop.changed()
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard isActive else { return }
        isActive = false
        state = .ignoring
        closeDeadline?.cancel()
        if let script {
            script.cancelTimers()
            if script.behaviour.faults.contains(.broadcast) {
                loop.rooms[script.behaviour.room]?[ObjectIdentifier(self)] = nil
                if loop.rooms[script.behaviour.room]?.isEmpty == true { loop.rooms[script.behaviour.room] = nil }
            }
        }
        script = nil
        pending = ByteBuffer()
        assembly = nil
        loop.connections[ObjectIdentifier(self)] = nil
        loop.counters.connected -= 1
        if isUpgraded && !sawClose { loop.counters.closeCodes[1006, default: 0] += 1 }
        loop.changed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset, or a failed TLS handshake: the connection is over, and its end is counted as it becomes inactive.
        context.close(promise: nil)
    }

    /// Asks the client to leave, as a server does when it shuts down. Drops a connection that is not open.
    func goAway() {
        guard let context, isActive else { return }
        guard state == .open else {
            context.close(promise: nil)
            return
        }
        loop.out.writeCloseFrame(code: 1001, reason: "going away")
        state = .closing
        armCloseDeadline(context)
        flushOut(context)
    }

    // MARK: Backpressure

    /// Nothing is read from a client that does not read its replies.
    private func mayRead(_ context: ChannelHandlerContext) -> Bool {
        guard context.channel.isWritable, state != .dribbling else { return false }
        guard let script else { return true }
        return !script.isStalled && script.heldReplies < Script.heldLimit
    }

    func read(context: ChannelHandlerContext) {
        if mayRead(context) { context.read() } else { readHeld = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        resumeReading(context)
        if context.channel.isWritable { pump(context) }
    }

    func resumeReading(_ context: ChannelHandlerContext) {
        guard readHeld, mayRead(context) else { return }
        readHeld = false
        context.read()
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if state == .ignoring { return }
        var incoming = Self.unwrapInboundIn(data)
        let isContinued = pending.readableBytes > 0
        if isContinued {
            pending.writeBuffer(&incoming)
            swap(&pending, &incoming)
            pending = ByteBuffer()
        }
        if state == .head { takeHead(context, &incoming) }
        if state == .open || state == .closing { takeFrames(context, &incoming) }
        flushOut(context)
        keep(incoming, isOwned: isContinued)
    }

    func channelReadComplete(context: ChannelHandlerContext) { loop.changed() }

    /// Keeps an incomplete head or frame. Copies it if the buffer is the channel's, so that the channel can read into
    /// that buffer again.
    func keep(_ rest: ByteBuffer, isOwned: Bool) {
        guard rest.readableBytes > 0, state != .ignoring else { return }
        if isOwned {
            pending = rest
            pending.discardReadBytes()
            return
        }
        var wanted = rest.readableBytes
        if state != .head, let header = FrameHeader(rest) {
            // Room for the whole frame at once, but at most a megabyte, because all we have is a header.
            wanted = max(wanted, min(header.headerLength + header.length, 1 << 20))
        }
        pending = ByteBufferAllocator().buffer(capacity: wanted)
        pending.writeImmutableBuffer(rest)
    }

    func takeFrames(_ context: ChannelHandlerContext, _ buffer: inout ByteBuffer) {
        while state == .open || state == .closing, let header = FrameHeader(buffer) {
            let isKnown =
                header.opcode <= Opcode.binary || (header.opcode >= Opcode.close && header.opcode <= Opcode.pong)
            guard header.isMasked, header.reserved == 0, isKnown,
                !header.isControl || (header.isFinal && header.length <= 125)
            else { return fail(context, code: 1002) }
            let assembled = header.isControl ? 0 : assembly?.payload.readableBytes ?? 0
            guard header.length <= loop.options.maxMessageSize - assembled else { return fail(context, code: 1009) }
            let total = header.headerLength + header.length
            guard buffer.readableBytes >= total else { return }
            let at = buffer.readerIndex + header.headerLength

            if script == nil, assembly == nil, header.isFinal, state == .open, !loop.options.validatesText,
                header.opcode == Opcode.text || header.opcode == Opcode.binary
            {
                loop.counters.messagesReceived += 1
                loop.counters.bytesReceived += header.length
                loop.counters.messagesSent += 1
                loop.counters.bytesSent += header.length
                loop.out.writeFrameHeader(opcode: header.opcode, length: header.length)
                loop.out.writeUnmasked(buffer, at: at, count: header.length, key: header.key)
            } else {
                var payload = ByteBuffer()
                payload.writeUnmasked(buffer, at: at, count: header.length, key: header.key)
                take(context, header, payload)
            }
            buffer.moveReaderIndex(forwardBy: total)
        }
    }

    private func take(_ context: ChannelHandlerContext, _ header: FrameHeader, _ payload: ByteBuffer) {
        switch header.opcode {
        case Opcode.close: takeClose(context, payload)
        case Opcode.ping:
            loop.counters.pingsReceived += 1
            if state == .open { loop.out.writeFrame(opcode: Opcode.pong, payload) }
        case Opcode.pong: loop.counters.pongsReceived += 1
        case Opcode.continuation:
            guard assembly != nil else { return fail(context, code: 1002) }
            assembly?.payload.writeImmutableBuffer(payload)
            if header.isFinal, let whole = assembly {
                assembly = nil
                loop.counters.fragmentedReceived += 1
                takeMessage(context, whole.opcode, whole.payload)
            }
        default:
            guard assembly == nil else { return fail(context, code: 1002) }
            if header.isFinal {
                takeMessage(context, header.opcode, payload)
            } else {
                assembly = (header.opcode, payload)
            }
        }
    }

    private func takeMessage(_ context: ChannelHandlerContext, _ opcode: UInt8, _ payload: ByteBuffer) {
        loop.counters.messagesReceived += 1
        loop.counters.bytesReceived += payload.readableBytes
        if opcode == Opcode.text, loop.options.validatesText, !payload.isUTF8 { return fail(context, code: 1007) }
        guard state == .open else { return }
        if let script {
            reply(context, script, opcode, payload)
        } else {
            loop.counters.messagesSent += 1
            loop.counters.bytesSent += payload.readableBytes
            loop.out.writeFrame(opcode: opcode, payload)
        }
    }

    private func takeClose(_ context: ChannelHandlerContext, _ payload: ByteBuffer) {
        let code = payload.getInteger(at: payload.readerIndex, as: UInt16.self)
        sawClose = true
        if payload.readableBytes == 1 { return fail(context, code: 1002) }
        loop.counters.closeCodes[code ?? 1005, default: 0] += 1
        if let code {
            // The codes that a close frame may hold: RFC 6455 §7.4.
            let isAllowed = (1000...1003).contains(code) || (1007...1014).contains(code) || (3000...4999).contains(code)
            guard isAllowed else { return fail(context, code: 1002) }
        }
        if state == .closing {
            ending = .close
        } else if let script, script.behaviour.faults.contains(.noClose) {
            loop.counted(.noClose)
        } else {
            loop.out.writeCloseFrame(code: code ?? 0)
            if let script, script.behaviour.faults.contains(.noFin) {
                loop.counted(.noFin)
            } else {
                ending = .close
            }
        }
        state = .ignoring
    }

    /// The client broke the protocol: sends a close frame and stops listening (RFC 6455 §7.1.7). Closes only the
    /// sending side. Closing both while bytes are unread would reset the connection, and the close frame could get
    /// lost.
    private func fail(_ context: ChannelHandlerContext, code: UInt16) {
        loop.counters.protocolErrors += 1
        if state == .open { loop.out.writeCloseFrame(code: code) }
        state = .ignoring
        ending = .closeOutput
        armCloseDeadline(context)
    }

    // MARK: Writing

    /// Writes the loop's outgoing buffer, then ends the connection if that was decided.
    func flushOut(_ context: ChannelHandlerContext) {
        guard ending == .none else { return finish(context) }
        guard loop.out.readableBytes > 0 else { return }
        context.writeAndFlush(Self.wrapOutboundOut(loop.out), promise: nil)
        loop.resetOut()
    }

    private func finish(_ context: ChannelHandlerContext) {
        let ending = self.ending
        self.ending = .none
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(Self.wrapOutboundOut(loop.out), promise: written)
        loop.resetOut()
        armCloseDeadline(context)
        written.futureResult.assumeIsolated().whenComplete { [self] _ in
            switch ending {
            case .none: break
            case .close: context.close(promise: nil)
            case .closeOutput: context.close(mode: .output, promise: nil)
            case .reset: reset(context)
            }
        }
    }

    func armCloseDeadline(_ context: ChannelHandlerContext) {
        guard closeDeadline == nil else { return }
        closeDeadline = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(loop.options.closeTimeout)) {
            [weak self] in
            self?.context?.close(promise: nil)
        }
    }

    private func reset(_ context: ChannelHandlerContext) {
        guard isActive else { return }
        // A linger time of 0 makes close() send RST.
        if let socket = context.channel as? any SocketOptionProvider {
            _ = socket.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        }
        // Below TLS, which would send close_notify first.
        if let tls = try? context.pipeline.syncOperations.context(handlerType: TLSHandler.self) {
            tls.close(promise: nil)
        } else {
            context.close(promise: nil)
        }
    }

    /// Sends a message that goes to everyone in the room.
    func deliver(_ frame: ByteBuffer, payloadLength: Int) {
        guard let context, state == .open, context.channel.isWritable else {
            loop.counters.dropped += 1
            return
        }
        loop.counters.messagesSent += 1
        loop.counters.bytesSent += payloadLength
        context.writeAndFlush(Self.wrapOutboundOut(frame), promise: nil)
    }
}

@available(*, unavailable)
extension TestServerConnection: Sendable {}

extension ByteBuffer {
    /// Whether the readable bytes are valid UTF-8.
    fileprivate var isUTF8: Bool { String(validating: readableBytesView, as: UTF8.self) != nil }
}
