internal import CLinux

/// One connection of the stock client: socket, TLS, handshake, frames, closing. Confined to its loop's thread.
///
/// It is small, because a run has hundreds of thousands of them: it has a buffer only while a write would block or the
/// response head arrives in pieces.
final class StockConnection: PollHandler, WebSocketConnection, @unchecked Sendable {
    private enum State: UInt8 {
        case resolving, connecting, securing, upgrading, open, ended
    }

    /// The state that every message uses. Behind a pointer, because stored properties would cost exclusivity checks.
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
    private var waits = StreamWaits()
    /// The events that the poller watches on the socket.
    private var watched: UInt8 = 0
    /// The engine got `.buffered` or `.blocked` and waits for `writable()`.
    private var owesWritable = false
    /// It is this connection's turn to send, although others wait for theirs.
    private var hasTurn = false
    /// The ticket while this connection waits for its turn; otherwise 0. See `UnwrittenBudget`.
    private var ticket: UInt64 = 0
    // Invariant: not nil while `waits.writing` is not empty. Its size is counted in the loop's budget.
    private var unwritten: UnwrittenBytes?
    /// While opening only.
    private var opening: Opening?

    private final class Opening {
        var addresses: [SocketAddress] = []
        var nextAddress = 0
        var accept: AcceptKey?
        /// The part of the response head that has arrived, if it comes in pieces.
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

    /// Tries the addresses in the resolver's order until one accepts the connection.
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
                failure = .connecting(error: -descriptor)
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
                failure = .connecting(error: error)
                wire.pointee.stream = SocketStream(descriptor: -1)
                continue
            }
            do throws(SystemError) {
                token = try loop.watch(descriptor, .write, self)
                watched = UInt8(Poller.Interest.write.rawValue)
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
                return connectToNextAddress(after: .connecting(error: error))
            }
            connected()
        case .securing:
            handshake()
        case .upgrading, .open:
            if waits.isEmpty { readAvailable() } else { resume(ready) }
        case .resolving, .ended:
            break
        }
    }

    /// Resumes the operations that waited for what the socket is ready for now.
    @inline(never)
    private func resume(_ ready: Poller.Interest) {
        guard state == .upgrading || state == .open else { return }
        if waits.resumesWrite(ready) { flush() }
        if waits.contains(.room), ready.contains(.write) { useRoom() }
        guard state != .ended else { return }
        if waits.resumesRead(ready) {
            waits.remove(.toReadByWriting)
            readAvailable()
            guard state != .ended else { return }
            if waits.contains(.toRenegotiate), !wire.pointee.stream.isRenegotiating { flush() }
            guard state != .ended else { return }
        }
        watch(for: waits.interest)
    }

    private func watch(for interest: Poller.Interest) {
        guard interest.rawValue != watched else { return }
        watched = UInt8(interest.rawValue)
        loop.change(wire.pointee.stream.descriptor, interest, token: token)
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
            watch(for: .read)
        case .crossed:
            watch(for: .write)
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
        watch(for: .read)
        if let failure = transmit(UnsafeRawBufferPointer(start: bytes, count: request.length)) {
            fail(failure)
        } else if wire.pointee.stream.isSecure {
            // The response may have been read with the last record of the handshake.
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
                // A read that did not fill the buffer emptied the socket, and the poller reports later data. But it
                // does not see what TLS has already taken from the socket. A flooding peer must not starve others.
                if wire.pointee.stream.hasPending {
                    if rounds < 16 { continue }
                    return loop.post { self.resume(.read) }
                }
                if wire.pointee.stream.isSecure || count < loop.receiveCapacity || rounds == 4 { return }
            case .wouldBlock:
                return
            case .crossed:
                waits.insert(.toReadByWriting)
                return watch(for: waits.interest)
            case .end:
                return end(state == .upgrading ? .upgradeClosed : nil)
            case .failed(let outcome):
                // Both close frames have passed, so it does not matter how the stream ends.
                return closeSent && closeSeen ? end(nil) : fail(outcome)
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
            loop.opened(wire.pointee.stream.descriptor, Poller.Interest(rawValue: UInt32(watched)), token: token)
            self.opening = nil
            // This call may send a message, but it reads nothing, so the rest of the buffer stays intact.
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
                // §5.5.1: anything after a close frame is not data.
                if !closeSeen { sink.receivedOnLoop(kind, length: length, prefix: prefix) }
            case .ping(let payload):
                if !closeSeen, !closeSent { answer(payload) }
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

    // Not inlined: otherwise the compiler would count the engine's reference, which is uncounted.
    @inline(never)
    func send(_ kind: MessageKind, length: Int, fill: (inout OutputRawSpan) -> Void) -> SendOutcome {
        guard state == .open, !closeSent, !closeSeen else { return .closed }
        guard waits.isDisjoint(with: .writing) else {
            owesWritable = true
            return .blocked
        }
        var takesRoom = false
        if loop.budget.pointee.isTight, !(hasTurn && loop.budget.pointee.held <= UnwrittenBudget.limit) {
            guard hasRoom(length) else { return wait(length) }
            takesRoom = true
        }
        let payload = loop.outgoing.pointee.payload(length)
        OutputFilling.fill(payload, length, fill)
        let frame = FrameEncoder.frame(
            kind == .text ? .text : .binary, payload: payload, length: length,
            key: UInt32(truncatingIfNeeded: loop.keys.pointee.next()))
        let outcome = finishSend(frame)
        if takesRoom, outcome == .buffered { loop.budget.pointee.distrustRoom() }
        return outcome
    }

    func ping(id: UInt64) -> SendOutcome {
        guard state == .open, !closeSent, !closeSeen else { return .closed }
        // If the message is still unwritten, its ping follows it.
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
        guard !waits.isDisjoint(with: .writing) else { return .sent }
        owesWritable = true
        return .buffered
    }

    func close(_ code: CloseCode, reason: String) {
        guard state == .open, !closeSent else { return }
        sendClose(code, reason: reason)
    }

    private func sendClose(_ code: CloseCode, reason: String) {
        // No frame may follow the close frame.
        if let unwritten, let pong = unwritten.pong {
            sendControl(.pong, pong)
            self.unwritten?.wait(with: nil)
        }
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

    /// Sends the pong to a ping, or queues it after the unwritten bytes. One pong, to the last ping, answers all
    /// earlier pings too (RFC 6455 §5.5.3), so pongs cannot pile up if a server reads nothing.
    private func answer(_ ping: UnsafeRawBufferPointer) {
        if let unwritten { unwritten.wait(with: ping) } else { sendControl(.pong, ping) }
    }

    /// Sends a control frame, after the unwritten bytes.
    private func sendControl(_ opcode: FrameOpcode, _ body: UnsafeRawBufferPointer) {
        let payload = loop.outgoing.pointee.payload(body.count)
        if let source = body.baseAddress { payload.copyMemory(from: source, byteCount: body.count) }
        let frame = FrameEncoder.frame(
            opcode, payload: payload, length: body.count, key: UInt32(truncatingIfNeeded: loop.keys.pointee.next()))
        if let failure = transmit(frame) { end(closeSeen && closeSent ? nil : failure) }
    }

    /// Writes what the socket takes now and keeps the rest. Returns the outcome of a failure.
    @inline(__always)
    private func transmit(_ bytes: UnsafeRawBufferPointer) -> Outcome? {
        guard var cursor = bytes.baseAddress else { return nil }
        var count = bytes.count
        while waits.isDisjoint(with: .writing), count > 0 {
            switch wire.pointee.stream.write(cursor, count) {
            case .moved(let taken):
                cursor += taken
                count -= taken
            case .wouldBlock:
                waits.insert(.toWrite)
                watch(for: waits.interest)
            case .crossed:
                waits.insert(.toRenegotiate)
                // Not in this call, because a read may be the caller.
                loop.post { self.resume([]) }
            case .end:
                return .reset
            case .failed(let outcome):
                return outcome
            }
        }
        if count > 0 { keep(UnsafeRawBufferPointer(start: cursor, count: count)) }
        return nil
    }

    private func flush() {
        guard var kept = unwritten else { return }
        var isBegun = waits.contains(.toWrite)
        waits.subtract(.writing)
        while kept.count > 0 {
            switch wire.pointee.stream.write(kept.start, kept.count, isBegun: isBegun) {
            case .moved(let taken):
                kept.drop(taken)
                unwritten = kept
                isBegun = false
            case .wouldBlock:
                waits.insert(.toWrite)
                return
            case .crossed:
                waits.insert(.toRenegotiate)
                return
            case .end:
                return fail(.reset)
            case .failed(let outcome):
                return fail(outcome)
            }
        }
        unwritten = nil
        if let pong = kept.pong { sendControl(.pong, pong) }
        loop.release(unwritten: kept.size)
        kept.free()
        if waits.isDisjoint(with: .writing), ticket == 0 { tellWritable() }
    }

    private func tellWritable() {
        guard state == .open, owesWritable else { return }
        owesWritable = false
        loop.updateNow()
        sink.writable()
    }

    // MARK: - What is kept

    private func keep(_ bytes: UnsafeRawBufferPointer) {
        let before = unwritten?.size ?? 0
        var kept = unwritten ?? UnwrittenBytes(bytes)
        if unwritten != nil { kept.append(bytes) }
        loop.budget.pointee.hold(kept.size - before)
        unwritten = kept
    }

    /// Whether the socket takes a whole message of `length` bytes now. The kernel's count includes its own bookkeeping,
    /// which is smaller than the bytes themselves.
    private func hasRoom(_ length: Int) -> Bool {
        loop.budget.pointee.trustsRoom
            && clinux_send_room(wire.pointee.stream.descriptor) / 2 >= length + FrameEncoder.longestHeader
    }

    /// Makes a message wait for this connection's turn, or for room in its own socket.
    private func wait(_ length: Int) -> SendOutcome {
        owesWritable = true
        guard ticket == 0 else { return .blocked }
        ticket = loop.budget.pointee.enter(self, length: length)
        if loop.budget.pointee.trustsRoom {
            waits.insert(.room)
            watch(for: waits.interest)
        }
        return .blocked
    }

    override func takeTurn() {
        ticket = 0
        waits.remove(.room)
        // If a control frame is still unwritten, the engine is told after it is written.
        if waits.isDisjoint(with: .writing) {
            hasTurn = true
            tellWritable()
            hasTurn = false
        }
        if state != .ended { watch(for: waits.interest) }
    }

    /// Called when the socket becomes writable while this connection waits for its turn: checks whether the message
    /// fits.
    private func useRoom() {
        waits.remove(.room)
        guard let length = loop.budget.pointee.length(of: ticket), waits.isDisjoint(with: .writing), hasRoom(length)
        else { return }
        leave()
        tellWritable()
    }

    private func leave() {
        loop.budget.pointee.leave(ticket)
        ticket = 0
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

    /// The connection's stream failed.
    private func fail(_ outcome: Outcome) { end(state == .upgrading ? outcome.whileUpgrading : outcome) }

    private func end(_ failure: Outcome?) {
        guard state != .ended else { return }
        if wire.pointee.stream.descriptor >= 0 { loop.unwatch(token: token) }
        state = .ended
        wire.pointee.stream = SocketStream(descriptor: -1)
        release()
        sink.ended(failure)
    }

    private func release() {
        if ticket != 0 { leave() }
        waits = []
        if let kept = unwritten {
            unwritten = nil
            loop.release(unwritten: kept.size)
            kept.free()
        }
        opening = nil
    }
}
