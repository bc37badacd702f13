import NIOCore
import NIOPosix
import NIOSSL

/// One connection: reads the request head, then frames, and answers them. The only handler of its pipeline (but for
/// TLS), and confined to its event loop.
///
/// A plain echo costs one copy a message: payloads are unmasked straight into the loop's outgoing buffer, which is
/// written once for all that one read brought. Whatever is not a plain echo is in `script`.
final class TargetConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        /// Waiting for the request head to be complete.
        case head
        /// The response head is going out byte by byte.
        case dribbling
        case open
        /// A close frame went out; the client's is awaited.
        case closing
        /// Whatever comes in is dropped.
        case ignoring
    }

    /// What is to become of the TCP connection once all that was written has gone out.
    private enum Ending {
        case none
        /// It is closed.
        case close
        /// This side of it is closed; the other when the client does so, or at the deadline.
        case closeOutput
        /// It is reset.
        case reset
    }

    let loop: LoopState
    private var context: ChannelHandlerContext?
    private var state = State.head
    private var ending = Ending.none
    private var isUpgraded = false
    private var sawClose = false
    private var isActive = false
    /// A read was asked for while reading was held back.
    private var readHeld = false
    /// The beginning of a request head or frame whose rest has not come yet.
    private var pending = ByteBuffer()
    /// The frames so far of a fragmented message.
    private var assembly: (opcode: UInt8, payload: ByteBuffer)?
    private var script: Script?
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

    /// Asks the client to leave, as a server does that shuts down; drops a connection that is not open.
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

    /// No more is read from a client that does not read its replies.
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

    private func resumeReading(_ context: ChannelHandlerContext) {
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

    /// Keeps what could not be understood yet. A buffer of the channel's is copied, because holding on to it would keep
    /// the channel from reading into it again.
    private func keep(_ rest: ByteBuffer, isOwned: Bool) {
        guard rest.readableBytes > 0, state != .ignoring else { return }
        if isOwned {
            pending = rest
            pending.discardReadBytes()
            return
        }
        var wanted = rest.readableBytes
        if state != .head, let header = FrameHeader(rest) {
            // Room for the whole frame at once, but no more than a megabyte on the strength of a header alone.
            wanted = max(wanted, min(header.headerLength + header.length, 1 << 20))
        }
        pending = ByteBufferAllocator().buffer(capacity: wanted)
        pending.writeImmutableBuffer(rest)
    }

    private func takeFrames(_ context: ChannelHandlerContext, _ buffer: inout ByteBuffer) {
        while state == .open || state == .closing, let header = FrameHeader(buffer) {
            let isKnown = header.opcode <= Opcode.binary || (header.opcode >= Opcode.close && header.opcode <= Opcode.pong)
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
            // RFC 6455 §7.4: what may stand in a close frame.
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

    /// The client broke the protocol: says so and stops listening (RFC 6455 §7.1.7). Only the sending side is closed,
    /// since closing both with bytes unread would reset the connection and could take the close frame with it.
    private func fail(_ context: ChannelHandlerContext, code: UInt16) {
        loop.counters.protocolErrors += 1
        if state == .open { loop.out.writeCloseFrame(code: code) }
        state = .ignoring
        ending = .closeOutput
        armCloseDeadline(context)
    }

    // MARK: Writing

    /// Writes what has gathered in the loop's outgoing buffer, then ends the connection if that was decided.
    private func flushOut(_ context: ChannelHandlerContext) {
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

    private func armCloseDeadline(_ context: ChannelHandlerContext) {
        guard closeDeadline == nil else { return }
        closeDeadline = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(loop.options.closeTimeout)) {
            [weak self] in
            self?.context?.close(promise: nil)
        }
    }

    private func reset(_ context: ChannelHandlerContext) {
        guard isActive else { return }
        // Lingering for no time at all makes close() send RST.
        if let socket = context.channel as? any SocketOptionProvider {
            _ = socket.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        }
        // From below TLS, which would say goodbye first.
        if let tls = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self) {
            tls.close(promise: nil)
        } else {
            context.close(promise: nil)
        }
    }

    /// A message to everyone in the room.
    func deliver(_ frame: ByteBuffer, payloadLength: Int) {
        guard let context, state == .open, context.channel.isWritable else {
            loop.counters.dropped += 1
            return
        }
        loop.counters.messagesSent += 1
        loop.counters.bytesSent += payloadLength
        context.writeAndFlush(Self.wrapOutboundOut(frame), promise: nil)
    }

    // MARK: The opening handshake

    private func takeHead(_ context: ChannelHandlerContext, _ buffer: inout ByteBuffer) {
        let length: Int
        switch RequestHead.read(buffer) {
        case .incomplete: return
        case .refused(let status, let consumed):
            length = consumed
            recordHead(buffer, length)
            refuse(status: status)
        case .complete(let head, let consumed):
            length = consumed
            recordHead(buffer, length)
            do {
                answer(context, head, try behaviour(for: head))
            } catch {
                refuse(status: 400, body: String(describing: error) + "\n")
            }
        }
        buffer.moveReaderIndex(forwardBy: length)
    }

    private func recordHead(_ buffer: ByteBuffer, _ length: Int) {
        var head = buffer
        head.moveWriterIndex(to: buffer.readerIndex + length)
        loop.record(head: head)
    }

    /// Nil for a plain echo.
    private func behaviour(for head: RequestHead) throws -> TargetBehaviour? {
        if let fixed = loop.options.behaviour { return fixed.faults.isEmpty ? nil : fixed }
        guard TargetBehaviour.mayBeFaulty(path: head.path) else { return nil }
        let chosen = try TargetBehaviour(path: String(decoding: head.path, as: UTF8.self))
        return chosen.faults.isEmpty ? nil : chosen
    }

    private func refuse(status: Int, body: String = "") {
        let reasons = [
            400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 426: "Upgrade Required",
            429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
            503: "Service Unavailable",
        ]
        loop.counters.refused += 1
        loop.out.writeString("HTTP/1.1 \(status) \(reasons[status] ?? "Refused")\r\nContent-Length: \(body.utf8.count)\r\n")
        if status == 426 { loop.out.writeString("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n") }
        loop.out.writeString("Connection: close\r\n\r\n\(body)")
        state = .ignoring
        ending = .closeOutput
    }

    private func answer(_ context: ChannelHandlerContext, _ head: RequestHead, _ behaviour: TargetBehaviour?) {
        guard let behaviour else {
            writeHead(head, TargetBehaviour())
            state = .open
            isUpgraded = true
            return loop.counters.upgraded += 1
        }
        let faults = behaviour.faults
        for fault in [Fault.refuse, .hang, .drop, .dropReset, .notHTTP] where faults.contains(fault) {
            loop.counted(fault)
            if fault == .refuse { return refuse(status: behaviour.status) }
            state = .ignoring
            switch fault {
            case .drop: ending = .close
            case .dropReset: ending = .reset
            case .notHTTP:
                Script.writeNoise(behaviour.length ?? 64, to: &loop.out)
                ending = .closeOutput
            default: break
            }
            return
        }
        let script = Script(behaviour)
        self.script = script
        isUpgraded = true
        loop.counters.upgraded += 1
        writeHead(head, behaviour)
        for fault in [Fault.wrongAccept, .noAccept, .noUpgrade, .noConnection, .wrongExtension, .wrongSubprotocol, .hugeHead]
        where faults.contains(fault) {
            loop.counted(fault)
        }
        if faults.contains(.early) {
            loop.counted(.early)
            for _ in 0..<(behaviour.count ?? 1) { writeFiller(behaviour.length ?? 16, to: &loop.out) }
        }
        guard faults.contains(.dribble) else { return open(context, script) }
        loop.counted(.dribble)
        state = .dribbling
        let bytes = loop.out
        loop.out = ByteBufferAllocator().buffer(capacity: 16 << 10)
        dribble(context, script, bytes)
    }

    private func writeHead(_ head: RequestHead, _ behaviour: TargetBehaviour) {
        let faults = behaviour.faults
        loop.out.writeStaticString("HTTP/1.1 101 Switching Protocols\r\n")
        if !faults.contains(.noUpgrade) { loop.out.writeStaticString("Upgrade: websocket\r\n") }
        if !faults.contains(.noConnection) { loop.out.writeStaticString("Connection: Upgrade\r\n") }
        if !faults.contains(.noAccept) {
            let key = faults.contains(.wrongAccept) ? Array("AAAAAAAAAAAAAAAAAAAAAA==".utf8) : head.key
            loop.out.writeStaticString("Sec-WebSocket-Accept: ")
            loop.out.writeBytes(acceptKey(for: key))
            loop.out.writeStaticString("\r\n")
        }
        if faults.contains(.wrongExtension) { loop.out.writeString("Sec-WebSocket-Extensions: \(behaviour.name)\r\n") }
        if let subprotocol = subprotocol(head, behaviour) {
            loop.out.writeString("Sec-WebSocket-Protocol: \(subprotocol)\r\n")
        }
        if faults.contains(.hugeHead) {
            var left = behaviour.length ?? 65_536
            while left > 0 {
                let field = "X-Padding: " + String(repeating: "x", count: min(left, 987)) + "\r\n"
                loop.out.writeString(field)
                left -= field.utf8.count
            }
        }
        loop.out.writeStaticString("\r\n")
    }

    private func subprotocol(_ head: RequestHead, _ behaviour: TargetBehaviour) -> String? {
        if behaviour.faults.contains(.wrongSubprotocol) { return behaviour.name }
        if head.subprotocols.isEmpty { return nil }
        let offered = head.offeredSubprotocols
        if behaviour.faults.contains(.select) {
            return offered.first { name in name.utf8.allSatisfy { $0 > 32 && $0 < 127 } }
        }
        return offered.first { loop.options.subprotocols.contains($0) }
    }

    private func dribble(_ context: ChannelHandlerContext, _ script: Script, _ bytes: ByteBuffer) {
        guard isActive, state == .dribbling else { return }
        var rest = bytes
        guard let byte = rest.readSlice(length: 1) else {
            // Reading was held back; at most one read's worth waits in `pending`.
            var waiting = pending
            pending = ByteBuffer()
            open(context, script)
            takeFrames(context, &waiting)
            flushOut(context)
            keep(waiting, isOwned: true)
            resumeReading(context)
            return
        }
        context.writeAndFlush(Self.wrapOutboundOut(byte), promise: nil)
        let every = TimeAmount(script.behaviour.every ?? .milliseconds(1))
        script.timers[.dribble] = context.eventLoop.assumeIsolated().scheduleTask(in: every) { [weak self] in
            self?.dribble(context, script, rest)
        }
    }

    // MARK: Faults of an open connection

    private func open(_ context: ChannelHandlerContext, _ script: Script) {
        state = .open
        // What follows goes out on its own, not in the segment of the response.
        flushOut(context)
        let behaviour = script.behaviour
        if behaviour.faults.contains(.broadcast) { loop.rooms[behaviour.room, default: [:]][ObjectIdentifier(self)] = self }
        if behaviour.faults.contains(.ping) {
            repeatedly(.ping, context, script, every: behaviour.every ?? .seconds(1), ping)
        }
        if behaviour.faults.contains(.push) {
            script.leftToPush = behaviour.count
            repeatedly(.push, context, script, every: behaviour.every ?? .milliseconds(100), push)
        }
        triggerIfDue(context, script)
    }

    private func repeatedly(
        _ fault: Fault, _ context: ChannelHandlerContext, _ script: Script, every interval: Duration,
        _ act: @escaping (ChannelHandlerContext, Script) -> Void
    ) {
        func next() {
            guard isActive, state == .open else { return }
            act(context, script)
            flushOut(context)
            loop.changed()
            arm()
        }
        func arm() {
            script.timers[fault] = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(interval)) { next() }
        }
        arm()
    }

    private func ping(_ context: ChannelHandlerContext, _ script: Script) {
        guard context.channel.isWritable else { return }
        loop.counted(.ping)
        loop.counters.pingsSent += 1
        let length = min(script.behaviour.length ?? 0, 125)
        loop.out.writeFrame(opcode: Opcode.ping, ByteBuffer(repeating: UInt8(ascii: "p"), count: length))
    }

    private func push(_ context: ChannelHandlerContext, _ script: Script) {
        guard context.channel.isWritable, script.leftToPush != 0 else { return }
        script.leftToPush = script.leftToPush.map { $0 - 1 }
        loop.counted(.push)
        writeFiller(script.behaviour.length ?? 64, to: &loop.out)
    }

    /// A whole text message of zeros.
    private func writeFiller(_ length: Int, to buffer: inout ByteBuffer) {
        loop.counters.messagesSent += 1
        loop.counters.bytesSent += length
        buffer.writeFrameHeader(opcode: Opcode.text, length: length)
        buffer.writeRepeatingByte(UInt8(ascii: "0"), count: length)
    }

    private func reply(_ context: ChannelHandlerContext, _ script: Script, _ opcode: UInt8, _ payload: ByteBuffer) {
        script.received += 1
        let behaviour = script.behaviour
        if behaviour.faults.contains(.broadcast) {
            var frame = ByteBuffer()
            frame.writeFrame(opcode: opcode, payload)
            // This connection's earlier replies first.
            flushOut(context)
            loop.hub.broadcast(
                frame, payloadLength: payload.readableBytes, toRoom: behaviour.room, from: loop)
        } else if script.received > (behaviour.after ?? 0) || script.hasTriggers {
            replyFaultily(context, script, opcode, payload)
        } else {
            send(script, opcode, payload)
        }
        triggerIfDue(context, script)
    }

    private func replyFaultily(_ context: ChannelHandlerContext, _ script: Script, _ opcode: UInt8, _ payload: ByteBuffer) {
        let behaviour = script.behaviour
        let faults = behaviour.faults
        if faults.contains(.silent) { return loop.counted(.silent) }
        if faults.contains(.lose), script.received % behaviour.nth == 0 { return loop.counted(.lose) }
        var payload = payload
        if faults.contains(.resize) {
            loop.counted(.resize)
            payload = ByteBuffer(repeating: UInt8(ascii: "0"), count: behaviour.length ?? 64)
        }
        if faults.contains(.corrupt), let last = payload.getInteger(at: payload.writerIndex - 1, as: UInt8.self) {
            loop.counted(.corrupt)
            // Flipping the lowest bit of the last byte keeps UTF-8 valid.
            payload.setInteger(last ^ 1, at: payload.writerIndex - 1)
        }
        if faults.contains(.twice) { loop.counted(.twice) }
        for _ in 0..<(faults.contains(.twice) ? 2 : 1) {
            guard faults.contains(.reorder) else {
                delay(context, script, opcode, payload)
                continue
            }
            script.window.append((opcode, payload))
            if script.window.count >= behaviour.window {
                loop.counted(.reorder)
                for held in script.window.reversed() { delay(context, script, held.opcode, held.payload) }
                script.window.removeAll(keepingCapacity: true)
            }
        }
    }

    private func delay(_ context: ChannelHandlerContext, _ script: Script, _ opcode: UInt8, _ payload: ByteBuffer) {
        guard script.behaviour.faults.contains(.late) else { return send(script, opcode, payload) }
        loop.counted(.late)
        script.heldReplies += 1
        _ = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(script.behaviour.by)) { [weak self] in
            script.heldReplies -= 1
            guard let self, self.isActive, self.state == .open else { return }
            self.send(script, opcode, payload)
            self.flushOut(context)
            self.loop.changed()
            self.resumeReading(context)
        }
    }

    /// Sends a reply, in pieces if that was asked for.
    private func send(_ script: Script, _ opcode: UInt8, _ payload: ByteBuffer) {
        loop.counters.messagesSent += 1
        loop.counters.bytesSent += payload.readableBytes
        let faults = script.behaviour.faults
        guard faults.contains(.fragment) || faults.contains(.interleave), script.received > (script.behaviour.after ?? 0)
        else { return loop.out.writeFrame(opcode: opcode, payload) }
        loop.counted(faults.contains(.interleave) ? .interleave : .fragment)
        var rest = payload
        let parts = script.behaviour.parts
        for part in 0..<parts {
            // Empty pieces are lawful, so a short payload is no special case.
            let length = part == parts - 1 ? rest.readableBytes : payload.readableBytes / parts
            guard let piece = rest.readSlice(length: length) else { return }
            if part > 0, faults.contains(.interleave) {
                loop.counters.pingsSent += 1
                loop.out.writeFrame(opcode: Opcode.ping, ByteBuffer(string: "between"))
            }
            loop.out.writeFrame(
                isFinal: part == parts - 1, opcode: part == 0 ? opcode : Opcode.continuation, piece)
        }
    }

    private func triggerIfDue(_ context: ChannelHandlerContext, _ script: Script) {
        guard script.hasTriggers, !script.isTriggered, script.received >= (script.behaviour.after ?? 1) else { return }
        script.isTriggered = true
        let behaviour = script.behaviour
        for fault in Fault.allCases where fault.isTriggered && behaviour.faults.contains(fault) {
            loop.counted(fault)
            script.write(fault, to: &loop.out)
            switch fault {
            case .close:
                if state == .open { state = .closing }
                armCloseDeadline(context)
            case .eof:
                // One side only: closing with messages unread would be a reset.
                state = .ignoring
                ending = .closeOutput
            case .reset:
                state = .ignoring
                ending = .reset
            case .stall: script.isStalled = true
            case .flood:
                script.leftToFlood = behaviour.count ?? .max
                // On a turn of its own, after the replies that are gathered now.
                context.eventLoop.assumeIsolated().execute { [weak self] in self?.pump(context) }
            default: break
            }
        }
    }

    /// Sends as much of a flood as the socket takes, in turns, so that other connections get theirs.
    private func pump(_ context: ChannelHandlerContext) {
        guard let script, script.leftToFlood > 0, isActive, state == .open, context.channel.isWritable else { return }
        var chunk = ByteBufferAllocator().buffer(capacity: 64 << 10)
        while script.leftToFlood > 0, chunk.readableBytes < 48 << 10 {
            writeFiller(script.behaviour.length ?? 64, to: &chunk)
            script.leftToFlood -= 1
        }
        context.writeAndFlush(Self.wrapOutboundOut(chunk), promise: nil)
        loop.changed()
        context.eventLoop.assumeIsolated().execute { [weak self] in self?.pump(context) }
    }
}

@available(*, unavailable)
extension TargetConnection: Sendable {}

extension ByteBuffer {
    /// Whether the readable bytes are valid UTF-8.
    fileprivate var isUTF8: Bool { String(validating: readableBytesView, as: UTF8.self) != nil }
}
