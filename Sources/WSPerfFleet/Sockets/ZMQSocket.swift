internal import CZeroMQ
internal import Foundation

/// One of the four kinds of ZeroMQ socket the fleet uses. Nothing it does blocks and nothing it holds is unbounded.
///
/// Invariant: `pointer` is an open socket from `init` to `deinit`, and after `init` only one thread uses it (the loop's);
/// handing it from the thread that made it to that thread goes through a lock, which is the fence libzmq asks for.
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
            throw ZMQContext.error(.system, "cannot make a ZeroMQ socket")
        }
        self.pointer = pointer
        self.context = context
        try set(ZMQ_LINGER, Int32(clamping: FleetLimits.linger.saturatedNanoseconds / 1_000_000))
        try set(ZMQ_IPV6, 1)
        // A thousand peers connect within the same second.
        try set(ZMQ_BACKLOG, 4096)
        try set(ZMQ_RECONNECT_IVL, 100)
        try set(ZMQ_RECONNECT_IVL_MAX, 1000)
        try set(ZMQ_CONNECT_TIMEOUT, 3000)
        try set(ZMQ_HANDSHAKE_IVL, 10_000)
        // A cut network is noticed by TCP within seconds, in both directions and however long a message takes, so that
        // the connection is made anew as soon as the network is back. (ZMTP heartbeats would queue behind a large plan.)
        try set(ZMQ_TCP_MAXRT, 4000)
        try set(ZMQ_TCP_KEEPALIVE, 1)
        try set(ZMQ_TCP_KEEPALIVE_IDLE, 1)
        try set(ZMQ_TCP_KEEPALIVE_INTVL, 1)
        try set(ZMQ_TCP_KEEPALIVE_CNT, 4)
        switch kind {
        case .publish:
            // Per subscriber; what is beyond is dropped and published again.
            try set(ZMQ_SNDHWM, 1000)
            // Subscriptions are topics, never long.
            try set(largestMessage: 4096)
        case .subscribe(let topics):
            try set(ZMQ_RCVHWM, 1000)
            try set(largestMessage: FleetLimits.planBody)
            for topic in topics { try subscribe(topic) }
        case .push:
            // Nothing queues towards a controller that is not there.
            try set(ZMQ_IMMEDIATE, 1)
            try set(ZMQ_SNDHWM, 256)
            try set(largestMessage: 4096)
        case .pull:
            // Per peer; beyond it, TCP holds the peer back.
            try set(ZMQ_RCVHWM, 128)
            try set(largestMessage: FleetLimits.reportBody)
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

    /// Asks for messages whose topic begins with `topic`; on a SUB socket only.
    func subscribe(_ topic: String) throws(FleetError) {
        var topic = topic
        let status = topic.withUTF8 { zmq_setsockopt(pointer, ZMQ_SUBSCRIBE, $0.baseAddress, $0.count) }
        guard status == 0 else { throw ZMQContext.error(.system, "cannot subscribe") }
    }

    /// Binds to `host:port` (`*` for all interfaces, 0 for a free port) and returns the port.
    func bind(host: String, port: UInt16) throws(FleetError) -> UInt16 {
        let address = "\(host):\(port)"
        guard zmq_bind(pointer, "tcp://\(host):\(port == 0 ? "*" : String(port))") == 0 else {
            throw ZMQContext.error(.address, "cannot listen on \(PrintableText.of(address, limit: 300))")
        }
        var endpoint = [UInt8](repeating: 0, count: 512)
        var size = endpoint.count
        guard zmq_getsockopt(pointer, ZMQ_LAST_ENDPOINT, &endpoint, &size) == 0, size > 0,
            let digits = String(decoding: endpoint[..<(size - 1)], as: UTF8.self).split(separator: ":").last,
            let bound = UInt16(digits)
        else { throw ZMQContext.error(.address, "cannot tell the port bound on \(address)") }
        return bound
    }

    /// Starts connecting to `host:port` and keeps trying; only an address that makes no sense fails.
    func connect(host: String, port: UInt16) throws(FleetError) {
        guard zmq_connect(pointer, "tcp://\(host):\(port)") == 0 else {
            throw ZMQContext.error(.address, "cannot connect to \(PrintableText.of("\(host):\(port)", limit: 300))")
        }
    }

    /// Hands a message over; false if it could not be taken now, and then none of it was.
    func send(_ message: WireMessage) -> Bool {
        // Once the first part is accepted libzmq takes the others as well, so only the first can fail for lack of room.
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
        // Invariant: the array's storage stays where it is while `body` is retained, because `bytes` is a constant; the
        // reference taken here is given back by the callback, exactly once, when libzmq needs the bytes no more.
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
        case message([[UInt8]])
        /// More parts, or more bytes, than any message has; dropped.
        case oversized
    }

    /// Takes one message; nil if there is none.
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
            if zmq_msg_more(&part) == 0 { return kept ? .message(parts) : .oversized }
        }
    }
}
