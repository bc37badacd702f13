internal import CLinux

/// One connection of the stock client: socket, TLS, handshake, frames, closing. Confined to its loop's thread.
///
/// It is small, because a run holds hundreds of thousands: it has no buffer but while a write would block or the
/// response head comes in pieces.
final class StockConnection: PollHandler, WebSocketConnection, @unchecked Sendable {
    private enum State: UInt8 {
        case resolving, connecting, securing, upgrading, open, ended
    }

    /// What every message goes through. Behind a pointer, because stored properties would cost exclusivity checks.
    private struct Wire: ~Copyable {
        var stream = SocketStream(descriptor: -1)
        var parser: FrameParser
    }

    private let client: StockClient
    private let sink: ConnectionSink
    // Invariant: points to one value, initialised from init to deinit.
    private let wire: UnsafeMutablePointer<Wire>
    private var token: UInt64 = 0
    private var state = State.resolving
    private var closeSent = false
    private var closeSeen = false
    private var waitsForWritable = false
    /// The engine was told `.buffered` or `.blocked` and waits for `writable()`.
    private var owesWritable = false
    private var unwritten: UnwrittenBytes?
    /// While opening only.
    private var opening: Opening?

    private final class Opening {
        var addresses: [SocketAddress] = []
        var nextAddress = 0
        var accept: AcceptKey?
        /// What has arrived of the response head, when it came in pieces.
        var head: [UInt8] = []
    }

    init(client: StockClient, sink: ConnectionSink) {
        self.client = client
        self.sink = sink
        wire = .allocate(capacity: 1)
        wire.initialize(
            to: Wire(
                parser: FrameParser(maxMessageSize: client.maxMessageSize, wantedPrefix: client.wantedPrefix)))
    }

    deinit {
        unwritten?.free()
        wire.deinitialize(count: 1)
        wire.deallocate()
    }

    private var loop: EventLoop { sink.loop }

    // MARK: - Opening

    func start() {
        let opening = Opening()
        self.opening = opening
        if let literal = client.resolver.literal {
            opening.addresses = [literal]
            connectToNextAddress()
            return
        }
        let known = client.resolver.addresses { [self] found in
            loop.post { self.resolved(found) }
        }
        if let known { resolved(known) }
    }

    private func resolved(_ addresses: [SocketAddress]) {
        guard state == .resolving, let opening else { return }
        guard !addresses.isEmpty else { return end(.dns) }
        loop.updateNow()
        sink.resolved()
        opening.addresses = addresses
        connectToNextAddress()
    }

    /// Tries the addresses in the resolver's order until one takes the connection.
    private func connectToNextAddress(after failure: Outcome = .connectError) {
        guard let opening else { return }
        var failure = failure
        while opening.nextAddress < opening.addresses.count {
            let address = opening.addresses[opening.nextAddress]
            opening.nextAddress += 1
            guard client.hasSource(family: address.family) else {
                if failure == .connectError { failure = .sourceUnavailable }
                continue
            }
            let descriptor = clinux_tcp_socket(address.family)
            guard descriptor >= 0 else {
                failure = SocketStream.connectOutcome(-descriptor)
                continue
            }
            wire.pointee.stream = SocketStream(descriptor: descriptor)
            if let refusal = client.prepare(descriptor, family: address.family, connection: sink.connection) {
                failure = refusal
                wire.pointee.stream = SocketStream(descriptor: -1)
                continue
            }
            let error = address.connect(descriptor)
            guard error == 0 || error == EINPROGRESS else {
                failure = SocketStream.connectOutcome(error)
                wire.pointee.stream = SocketStream(descriptor: -1)
                continue
            }
            do throws(SystemError) {
                token = try loop.watch(descriptor, .write, self)
            } catch {
                wire.pointee.stream = SocketStream(descriptor: -1)
                return end(.descriptorsExhausted)
            }
            state = .connecting
            return
        }
        end(failure)
    }

    override func ready(_ ready: Poller.Interest) {
        switch state {
        case .connecting:
            let error = clinux_socket_error(wire.pointee.stream.descriptor)
            guard error == 0 else {
                loop.unwatch(token: token)
                wire.pointee.stream = SocketStream(descriptor: -1)
                return connectToNextAddress(after: SocketStream.connectOutcome(error))
            }
            connected()
        case .securing:
            handshake()
        case .upgrading, .open:
            if waitsForWritable, ready.rawValue & ~Poller.Interest.read.rawValue != 0 { flush() }
            if state != .ended, ready.rawValue & ~Poller.Interest.write.rawValue != 0 { readAvailable() }
        case .resolving, .ended:
            break
        }
    }

    private func connected() {
        sink.connected()
        if let tls = client.tls {
            guard wire.pointee.stream.secure(tls) else { return end(.tls) }
            state = .securing
            handshake()
        } else {
            sendRequest()
        }
    }

    private func handshake() {
        switch wire.pointee.stream.handshake() {
        case .moved:
            loop.updateNow()
            sink.secured()
            sendRequest()
        case .wouldBlock:
            loop.change(wire.pointee.stream.descriptor, wire.pointee.stream.wantsWrite ? .write : .read, token: token)
        case .end:
            end(.tls)
        case .failed(let outcome):
            end(outcome)
        }
    }

    private func sendRequest() {
        guard let opening else { return }
        let request = client.request
        let bytes = loop.outgoing.pointee.payload(request.length)
        opening.accept = request.write(to: bytes, random: (loop.keys.pointee.next(), loop.keys.pointee.next()))
        state = .upgrading
        loop.change(wire.pointee.stream.descriptor, .read, token: token)
        if let failure = transmit(UnsafeRawBufferPointer(start: bytes, count: request.length)) {
            end(failure == .reset ? .upgradeClosed : failure)
        } else if wire.pointee.stream.isSecure {
            // The answer may have been read with the last record of the handshake.
            readAvailable()
        }
    }

    // MARK: - Receiving

    @inline(__always)
    private func readAvailable() {
        var rounds = 0
        while state != .ended {
            switch wire.pointee.stream.read(into: loop.receiveBuffer, capacity: loop.receiveCapacity) {
            case .moved(let count):
                loop.updateNow()
                sink.activityOnLoop()
                consume(UnsafeRawBufferPointer(start: loop.receiveBuffer, count: count))
                guard state != .ended else { return }
                rounds += 1
                // A read that did not fill the buffer emptied the socket, and the poller tells of what comes later. What TLS
                // has taken from the socket the poller does not know. A peer that floods must not starve others.
                if wire.pointee.stream.hasPending {
                    if rounds < 16 { continue }
                    return loop.post { self.readAvailable() }
                }
                if wire.pointee.stream.isSecure || count < loop.receiveCapacity || rounds == 4 { return }
            case .wouldBlock:
                return
            case .end:
                return end(state == .upgrading ? .upgradeClosed : nil)
            case .failed(let outcome):
                if state == .upgrading { return end(outcome == .reset ? .upgradeClosed : outcome) }
                // Both close frames have passed: how the stream ends then is of no interest.
                return end(closeSent && closeSeen ? nil : outcome)
            }
        }
    }

    @inline(__always)
    private func consume(_ bytes: UnsafeRawBufferPointer) {
        guard state == .open else { return consumeHead(bytes) }
        guard let base = bytes.baseAddress else { return }
        parse(base, base + bytes.count)
    }

    private func consumeHead(_ bytes: UnsafeRawBufferPointer) {
        guard let opening, let accept = opening.accept else { return }
        let held = opening.head.count
        var verdict: UpgradeResponse
        if held == 0 {
            verdict = UpgradeResponse(bytes, accept: accept, subprotocols: client.request.subprotocols)
            if verdict == .incomplete { opening.head.append(contentsOf: bytes) }
        } else {
            let room = UpgradeResponse.longestHead + 1 - held
            opening.head.append(contentsOf: bytes.prefix(room))
            verdict = opening.head.withUnsafeBytes {
                UpgradeResponse($0, accept: accept, subprotocols: client.request.subprotocols)
            }
        }
        switch verdict {
        case .incomplete:
            break
        case .refused(let outcome):
            end(outcome)
        case .accepted(let consumed):
            state = .open
            loop.isOpen(token: token)
            self.opening = nil
            // Telling the engine may send a message, but reads nothing: the rest of the buffer stays as it is.
            sink.opened()
            let rest = bytes[min(consumed - held, bytes.count)...]
            guard state == .open, let base = bytes.baseAddress, !rest.isEmpty else { return }
            parse(base + rest.startIndex, base + bytes.count)
        }
    }

    @inline(__always)
    private func parse(_ start: UnsafeRawPointer, _ end: UnsafeRawPointer) {
        var cursor = start
        while state == .open {
            switch wire.pointee.parser.next(&cursor, end) {
            case .needsMore:
                return
            case .message(let kind, let length, let prefix):
                // §5.5.1: what comes behind a close frame is not data any more.
                if !closeSeen { sink.receivedOnLoop(kind, length: length, prefix: prefix) }
            case .ping(let payload):
                if !closeSeen, !closeSent { sendControl(.pong, payload) }
            case .pong(let payload):
                if payload.count == 8 { sink.pong(id: UInt64(bigEndian: payload.loadUnaligned(as: UInt64.self))) }
            case .close(let code):
                guard !closeSeen else { continue }
                closeSeen = true
                sink.closeReceived(code)
                if state == .open, !closeSent { sendClose(code == .noStatus ? .normal : code, reason: "") }
            case .violation(let code):
                if !closeSent { sendClose(code, reason: "") }
                if state == .open { self.end(code == .messageTooBig ? .messageTooBig : .protocolError) }
                return
            }
        }
    }

    // MARK: - Sending

    // Not inlined: the engine's reference, which is not counted, would be where it is.
    @inline(never)
    func send(_ kind: MessageKind, length: Int, fill: (inout OutputRawSpan) -> Void) -> SendOutcome {
        guard state == .open, !closeSent, !closeSeen else { return .closed }
        guard !waitsForWritable else {
            owesWritable = true
            return .blocked
        }
        let payload = loop.outgoing.pointee.payload(length)
        OutputFilling.fill(payload, length, fill)
        let frame = FrameEncoder.frame(
            kind == .text ? .text : .binary, payload: payload, length: length,
            key: UInt32(truncatingIfNeeded: loop.keys.pointee.next()))
        return finishSend(frame)
    }

    func ping(id: UInt64) -> SendOutcome {
        guard state == .open, !closeSent, !closeSeen else { return .closed }
        // Behind a message that still waits to be written, as that message's ping.
        let payload = loop.outgoing.pointee.payload(8)
        payload.storeBytes(of: id.bigEndian, as: UInt64.self)
        return finishSend(
            FrameEncoder.frame(
                .ping, payload: payload, length: 8, key: UInt32(truncatingIfNeeded: loop.keys.pointee.next())))
    }

    @inline(__always)
    private func finishSend(_ frame: UnsafeRawBufferPointer) -> SendOutcome {
        if let failure = transmit(frame) {
            end(failure)
            return .closed
        }
        guard waitsForWritable else { return .sent }
        owesWritable = true
        return .buffered
    }

    func close(_ code: CloseCode, reason: String) {
        guard state == .open, !closeSent else { return }
        sendClose(code, reason: reason)
    }

    private func sendClose(_ code: CloseCode, reason: String) {
        closeSent = true
        withUnsafeTemporaryAllocation(byteCount: 125, alignment: 8) { body in
            body[0] = UInt8(code.rawValue >> 8)
            body[1] = UInt8(truncatingIfNeeded: code.rawValue)
            var count = 2
            for byte in reason.utf8.prefix(123) {
                body[count] = byte
                count += 1
            }
            sendControl(.close, UnsafeRawBufferPointer(rebasing: body[..<count]))
        }
    }

    /// Sends a control frame, behind what still waits to be written. Where very much waits, a pong is left out, which
    /// RFC 6455 §5.5.3 allows.
    private func sendControl(_ opcode: FrameOpcode, _ body: UnsafeRawBufferPointer) {
        if opcode == .pong, let unwritten, unwritten.controls > 64 { return }
        let payload = loop.outgoing.pointee.payload(body.count)
        if let source = body.baseAddress { payload.copyMemory(from: source, byteCount: body.count) }
        let frame = FrameEncoder.frame(
            opcode, payload: payload, length: body.count, key: UInt32(truncatingIfNeeded: loop.keys.pointee.next()))
        unwritten?.controls += 1
        if let failure = transmit(frame) { end(closeSeen && closeSent ? nil : failure) }
    }

    /// Writes now what the socket takes and keeps the rest. Returns what went wrong, if anything did.
    @inline(__always)
    private func transmit(_ bytes: UnsafeRawBufferPointer) -> Outcome? {
        guard var cursor = bytes.baseAddress else { return nil }
        var count = bytes.count
        while !waitsForWritable, count > 0 {
            switch wire.pointee.stream.write(cursor, count) {
            case .moved(let taken):
                cursor += taken
                count -= taken
            case .wouldBlock:
                waitsForWritable = true
                loop.change(wire.pointee.stream.descriptor, [.read, .write], token: token)
            case .end:
                return .reset
            case .failed(let outcome):
                return outcome
            }
        }
        if count > 0 {
            var kept = unwritten ?? UnwrittenBytes()
            kept.append(UnsafeRawBufferPointer(start: cursor, count: count))
            unwritten = kept
        }
        return nil
    }

    private func flush() {
        guard var kept = unwritten else { return }
        while kept.count > 0 {
            switch wire.pointee.stream.write(kept.start, kept.count) {
            case .moved(let taken):
                kept.drop(taken)
                unwritten = kept
            case .wouldBlock:
                return
            case .end:
                return end(.reset)
            case .failed(let outcome):
                return end(state == .upgrading ? .upgradeClosed : outcome)
            }
        }
        kept.free()
        unwritten = nil
        waitsForWritable = false
        loop.change(wire.pointee.stream.descriptor, .read, token: token)
        if owesWritable {
            owesWritable = false
            loop.updateNow()
            sink.writable()
        }
    }

    // MARK: - End

    func abort() {
        guard state != .ended else { return }
        if state != .resolving { loop.unwatch(token: token) }
        state = .ended
        wire.pointee.stream.resetOnClose()
        wire.pointee.stream = SocketStream(descriptor: -1)
        release()
    }

    private func end(_ failure: Outcome?) {
        guard state != .ended else { return }
        if wire.pointee.stream.descriptor >= 0 { loop.unwatch(token: token) }
        state = .ended
        wire.pointee.stream = SocketStream(descriptor: -1)
        release()
        sink.ended(failure)
    }

    private func release() {
        unwritten?.free()
        unwritten = nil
        opening = nil
    }
}
