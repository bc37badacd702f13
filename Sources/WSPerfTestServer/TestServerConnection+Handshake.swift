import COpenSSL
import NIOCore

/// The opening handshake and its faults.
extension TestServerConnection {
    func takeHead(_ context: ChannelHandlerContext, _ buffer: inout ByteBuffer) {
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
    private func behaviour(for head: RequestHead) throws -> TestServerBehaviour? {
        if let fixed = loop.options.behaviour { return fixed.faults.isEmpty ? nil : fixed }
        guard TestServerBehaviour.mayBeFaulty(path: head.path) else { return nil }
        let chosen = try TestServerBehaviour(path: String(decoding: head.path, as: UTF8.self))
        return chosen.faults.isEmpty ? nil : chosen
    }

    private func refuse(status: Int, body: String = "") {
        let reasons = [
            400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 426: "Upgrade Required",
            429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
            503: "Service Unavailable",
        ]
        loop.counters.refused += 1
        loop.out.writeString(
            "HTTP/1.1 \(status) \(reasons[status] ?? "Refused")\r\nContent-Length: \(body.utf8.count)\r\n")
        if status == 426 { loop.out.writeString("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n") }
        loop.out.writeString("Connection: close\r\n\r\n\(body)")
        state = .ignoring
        ending = .closeOutput
    }

    private func answer(_ context: ChannelHandlerContext, _ head: RequestHead, _ behaviour: TestServerBehaviour?) {
        guard let behaviour else {
            writeHead(head, TestServerBehaviour())
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
        for fault in [
            Fault.wrongAccept, .noAccept, .noUpgrade, .noConnection, .wrongExtension, .wrongSubprotocol, .hugeHead,
        ]
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

    private func writeHead(_ head: RequestHead, _ behaviour: TestServerBehaviour) {
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

    private func subprotocol(_ head: RequestHead, _ behaviour: TestServerBehaviour) -> String? {
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
            // Reading was held back, so at most the bytes of one read wait in `pending`.
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
}

/// The value of `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455 §4.2.2). WSPerfCore computes its own, so
/// that the client and the server check each other.
private func acceptKey(for key: [UInt8]) -> [UInt8] {
    let salted = key + Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)
    var digest = [UInt8](repeating: 0, count: Int(SHA_DIGEST_LENGTH))
    // Reads `salted.count` bytes and writes the 20 bytes of the digest.
    _ = SHA1(salted, salted.count, &digest)
    // 20 bytes become 28 in base64; EVP_EncodeBlock writes a 0 after them.
    var text = [UInt8](repeating: 0, count: 29)
    _ = EVP_EncodeBlock(&text, digest, Int32(digest.count))
    return Array(text.dropLast())
}
