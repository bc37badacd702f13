internal import CZeroMQ
internal import Glibc
internal import WSPerfCore

/// A ZeroMQ socket of one of the four kinds that the fleet uses. No call blocks, and all queues are bounded.
///
/// Invariant: `pointer` is an open socket from `init` to `deinit`. After `init`, only the loop's thread uses it. It passes
/// from the creating thread to the loop's thread under a lock, which is the memory fence that libzmq requires.
final class ZMQSocket: @unchecked Sendable {
    enum Kind: Sendable {
        case publish
        case subscribe([String])
        case push
        case pull
    }

    let pointer: UnsafeMutableRawPointer
    private let context: ZMQContext

    init(_ kind: Kind, context: ZMQContext) throws(FleetError) {
        let type =
            switch kind {
            case .publish: ZMQ_PUB
            case .subscribe: ZMQ_SUB
            case .push: ZMQ_PUSH
            case .pull: ZMQ_PULL
            }
        guard let pointer = zmq_socket(context.pointer, type) else {
            throw ZMQContext.error(.system, "cannot create a ZeroMQ socket")
        }
        self.pointer = pointer
        self.context = context
        try set(ZMQ_LINGER, Int32(clamping: FleetLimits.linger.milliseconds))
        try set(ZMQ_IPV6, 1)
        // A thousand peers may connect within one second.
        try set(ZMQ_BACKLOG, 4096)
        try set(ZMQ_RECONNECT_IVL, 100)
        try set(ZMQ_RECONNECT_IVL_MAX, 1000)
        try set(ZMQ_CONNECT_TIMEOUT, 3000)
        try set(ZMQ_HANDSHAKE_IVL, 10_000)
        // TCP notices a broken network within seconds, in both directions, even during a long message, so the socket
        // reconnects as soon as the network is back. (ZMTP heartbeats would wait behind a large plan.)
        try set(ZMQ_TCP_MAXRT, 4000)
        try set(ZMQ_TCP_KEEPALIVE, 1)
        try set(ZMQ_TCP_KEEPALIVE_IDLE, 1)
        try set(ZMQ_TCP_KEEPALIVE_INTVL, 1)
        try set(ZMQ_TCP_KEEPALIVE_CNT, 4)
        switch kind {
        case .publish:
            // Per subscriber. Further messages are dropped; commands are published again.
            try set(ZMQ_SNDHWM, 1000)
            // Subscriptions are topics, which are short.
            try set(largestMessage: 4096)
        case .subscribe(let topics):
            try set(ZMQ_RCVHWM, 1000)
            try set(largestMessage: FleetLimits.commandBody)
            for topic in topics { try subscribe(topic) }
        case .push:
            // Without a controller, nothing is queued.
            try set(ZMQ_IMMEDIATE, 1)
            try set(ZMQ_SNDHWM, 256)
            try set(largestMessage: 4096)
        case .pull:
            // Per peer. Above this, TCP slows the peer down.
            try set(ZMQ_RCVHWM, 128)
            try set(largestMessage: FleetLimits.peerMessageBody)
        }
    }

    deinit { zmq_close(pointer) }

    private func set(_ option: Int32, _ value: Int32) throws(FleetError) {
        var value = value
        guard zmq_setsockopt(pointer, option, &value, MemoryLayout<Int32>.size) == 0 else {
            throw ZMQContext.error(.system, "cannot set ZeroMQ option \(option)")
        }
    }

    private func set(largestMessage: Int) throws(FleetError) {
        var value = Int64(largestMessage)
        guard zmq_setsockopt(pointer, ZMQ_MAXMSGSIZE, &value, MemoryLayout<Int64>.size) == 0 else {
            throw ZMQContext.error(.system, "cannot limit the size of ZeroMQ messages")
        }
    }

    /// Subscribes to messages whose topic begins with `topic`. Only for SUB sockets.
    func subscribe(_ topic: String) throws(FleetError) {
        var topic = topic
        let status = topic.withUTF8 { zmq_setsockopt(pointer, ZMQ_SUBSCRIBE, $0.baseAddress, $0.count) }
        guard status == 0 else { throw ZMQContext.error(.system, "cannot subscribe") }
    }

    /// Binds to `host:port` and returns the port. `*` means all interfaces, 0 a free port.
    func bind(host: String, port: UInt16) throws(FleetError) -> UInt16 {
        let address = "\(host):\(port)"
        guard zmq_bind(pointer, "tcp://\(host):\(port == 0 ? "*" : String(port))") == 0 else {
            throw ZMQContext.error(.address, "cannot listen on \(PlanText.printable(address, limit: 300))")
        }
        var endpoint = [UInt8](repeating: 0, count: 512)
        var size = endpoint.count
        guard zmq_getsockopt(pointer, ZMQ_LAST_ENDPOINT, &endpoint, &size) == 0, size > 0,
            let digits = String(decoding: endpoint[..<(size - 1)], as: UTF8.self).split(separator: ":").last,
            let bound = UInt16(digits)
        else { throw ZMQContext.error(.address, "cannot read the port that was bound on \(address)") }
        return bound
    }

    /// Starts to connect to `host:port` and keeps trying. Throws only if the address is invalid.
    func connect(host: String, port: UInt16) throws(FleetError) {
        guard zmq_connect(pointer, "tcp://\(host):\(port)") == 0 else {
            throw ZMQContext.error(.address, "cannot connect to \(PlanText.printable("\(host):\(port)", limit: 300))")
        }
    }

    /// Ends a connection that `connect` has begun. Does nothing if there is none.
    func disconnect(host: String, port: UInt16) { zmq_disconnect(pointer, "tcp://\(host):\(port)") }

    /// Queues a message. Returns false if there is no room now; then no part of it is sent.
    func send(_ message: WireMessage) -> Bool {
        // Once libzmq accepts the first part, it accepts the others too, so only the first can fail because the queue is full.
        var topic = message.topic
        guard topic.withUTF8({ zmq_send(pointer, $0.baseAddress, $0.count, ZMQ_SNDMORE | ZMQ_DONTWAIT) }) >= 0 else {
            return false
        }
        let more = message.body == nil ? 0 : ZMQ_SNDMORE
        guard
            message.envelope.withUnsafeBytes({ zmq_send(pointer, $0.baseAddress, $0.count, more | ZMQ_DONTWAIT) }) >= 0
        else { return false }
        guard let body = message.body else { return true }
        return send(body)
    }

    private func send(_ body: SharedBytes) -> Bool {
        guard body.bytes.count > 1024 else {
            return body.bytes.withUnsafeBytes { zmq_send(pointer, $0.baseAddress, $0.count, ZMQ_DONTWAIT) } >= 0
        }
        // Invariant: the array's storage does not move while `body` is retained, because `bytes` is a constant. The callback
        // releases the reference taken here exactly once, when libzmq no longer needs the bytes.
        let reference = Unmanaged.passRetained(body)
        let released = body.bytes.withUnsafeBytes { bytes -> Bool in
            var part = zmq_msg_t()
            let storage = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
            guard
                zmq_msg_init_data(
                    &part, storage, bytes.count,
                    { _, hint in hint.map { Unmanaged<SharedBytes>.fromOpaque($0).release() } },
                    reference.toOpaque()) == 0
            else {
                reference.release()
                return false
            }
            guard zmq_msg_send(&part, pointer, ZMQ_DONTWAIT) >= 0 else {
                zmq_msg_close(&part)
                return false
            }
            return true
        }
        return released
    }

    enum Incoming {
        /// The parts, and the address that they came from, without a port. It is known only for messages without body.
        case message([[UInt8]], from: String?)
        /// The message had more parts or bytes than allowed. It was dropped.
        case oversized
    }

    /// An IPv4 address that arrived on an IPv6 socket, as people write it.
    private static func plain(_ address: String) -> String {
        let prefix = "::ffff:"
        return address.hasPrefix(prefix) ? String(address.dropFirst(prefix.count)) : address
    }

    /// Receives one message; nil if there is none.
    func receive() -> Incoming? {
        var parts: [[UInt8]] = []
        var kept = true
        var part = zmq_msg_t()
        zmq_msg_init(&part)
        defer { zmq_msg_close(&part) }
        while true {
            guard zmq_msg_recv(&part, pointer, ZMQ_DONTWAIT) >= 0 else {
                if zmq_errno() == EINTR { continue }
                return parts.isEmpty && kept ? nil : .oversized
            }
            // Only the body may be larger than an envelope.
            let size = zmq_msg_size(&part)
            if parts.count >= FleetLimits.parts || (parts.count < 2 && size > FleetLimits.envelope) { kept = false }
            if kept {
                parts.append([UInt8](UnsafeRawBufferPointer(start: zmq_msg_data(&part), count: size)))
            }
            if zmq_msg_more(&part) == 0 {
                guard kept else { return .oversized }
                let address = parts.count < 3 ? zmq_msg_gets(&part, "Peer-Address").map { String(cString: $0) } : nil
                return .message(parts, from: address.map(Self.plain))
            }
        }
    }
}
