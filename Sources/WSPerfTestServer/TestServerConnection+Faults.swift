import NIOCore

/// What an open connection does besides echoing.
extension TestServerConnection {
    func open(_ context: ChannelHandlerContext, _ script: Script) {
        state = .open
        // Later bytes must not be in the same segment as the response.
        flushOut(context)
        let behaviour = script.behaviour
        if behaviour.faults.contains(.broadcast) {
            loop.rooms[behaviour.room, default: [:]][ObjectIdentifier(self)] = self
        }
        if behaviour.faults.contains(.ping) {
            repeatedly(.ping, context, script, every: behaviour.every ?? .seconds(1), ping)
        }
        if behaviour.faults.contains(.push) {
            script.leftToPush = behaviour.count
            repeatedly(.push, context, script, every: behaviour.every ?? .milliseconds(100), push)
        }
        if behaviour.faults.contains(.expire) {
            let time = Int64.random(in: TimeAmount(behaviour.min).nanoseconds...TimeAmount(behaviour.max).nanoseconds)
            script.timers[.expire] = context.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(time)) {
                [weak self] in
                self?.expire(context, behaviour)
            }
        }
        triggerIfDue(context, script)
    }

    private func expire(_ context: ChannelHandlerContext, _ behaviour: TestServerBehaviour) {
        guard isActive, state == .open else { return }
        loop.counted(.expire)
        loop.out.writeCloseFrame(code: behaviour.code, reason: behaviour.reason)
        state = .closing
        armCloseDeadline(context)
        flushOut(context)
        loop.changed()
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
    func writeFiller(_ length: Int, to buffer: inout ByteBuffer) {
        loop.counters.messagesSent += 1
        loop.counters.bytesSent += length
        buffer.writeFrameHeader(opcode: Opcode.text, length: length)
        buffer.writeRepeatingByte(UInt8(ascii: "0"), count: length)
    }

    func reply(_ context: ChannelHandlerContext, _ script: Script, _ opcode: UInt8, _ payload: ByteBuffer) {
        script.received += 1
        let behaviour = script.behaviour
        if behaviour.faults.contains(.broadcast) {
            var frame = ByteBuffer()
            frame.writeFrame(opcode: opcode, payload)
            // First send this connection's earlier replies.
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

    private func replyFaultily(
        _ context: ChannelHandlerContext, _ script: Script, _ opcode: UInt8, _ payload: ByteBuffer
    ) {
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

    /// Sends a reply, in fragments if that was asked for.
    private func send(_ script: Script, _ opcode: UInt8, _ payload: ByteBuffer) {
        loop.counters.messagesSent += 1
        loop.counters.bytesSent += payload.readableBytes
        let faults = script.behaviour.faults
        guard faults.contains(.fragment) || faults.contains(.interleave),
            script.received > (script.behaviour.after ?? 0)
        else { return loop.out.writeFrame(opcode: opcode, payload) }
        loop.counted(faults.contains(.interleave) ? .interleave : .fragment)
        var rest = payload
        let parts = script.behaviour.parts
        for part in 0..<parts {
            // Empty fragments are allowed, so a short payload needs no special case.
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
                // Close only one side: closing with unread messages would be a reset.
                state = .ignoring
                ending = .closeOutput
            case .reset:
                state = .ignoring
                ending = .reset
            case .stall: script.isStalled = true
            case .flood:
                script.leftToFlood = behaviour.count ?? .max
                // In its own turn, after the replies that are being collected now.
                context.eventLoop.assumeIsolated().execute { [weak self] in self?.pump(context) }
            default: break
            }
        }
    }

    /// Sends as much of a flood as the socket takes, in turns, so that other connections also get their turn.
    func pump(_ context: ChannelHandlerContext) {
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
