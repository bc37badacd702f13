internal import CZeroMQClient
internal import Foundation

/// A ZeroMQ socket of a simulated peer: never blocks, used by one thread.
///
/// Invariant: `pointer` is an open socket of a context that lives as long as the process, from `init` to `deinit`.
final class Socket {
    private let pointer: UnsafeMutableRawPointer

    init(_ type: Int32, context: UnsafeMutableRawPointer, endpoint: String) throws {
        guard let pointer = zmq_socket(context, type) else { throw SimulatorError(Self.reason("zmq_socket")) }
        self.pointer = pointer
        var zero: Int32 = 0
        var one: Int32 = 1
        zmq_setsockopt(pointer, ZMQ_LINGER, &zero, MemoryLayout<Int32>.size)
        if type == ZMQ_PUSH { zmq_setsockopt(pointer, ZMQ_IMMEDIATE, &one, MemoryLayout<Int32>.size) }
        guard zmq_connect(pointer, endpoint) == 0 else { throw SimulatorError(Self.reason("zmq_connect \(endpoint)")) }
    }

    deinit { zmq_close(pointer) }

    func subscribe(_ topic: String) { zmq_setsockopt(pointer, ZMQ_SUBSCRIBE, topic, topic.utf8.count) }

    /// Sends all parts, or none if they cannot be taken now.
    func send(_ envelope: String, body: [UInt8]? = nil) -> Bool {
        let topic = "controller/"
        guard zmq_send(pointer, topic, topic.utf8.count, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 else { return false }
        zmq_send(pointer, envelope, envelope.utf8.count, ZMQ_DONTWAIT | (body == nil ? 0 : ZMQ_SNDMORE))
        if let body { zmq_send(pointer, body, body.count, ZMQ_DONTWAIT) }
        return true
    }

    /// The envelope of the next message; nil if there is none.
    func receive() -> String? {
        var envelope: String?
        var part = zmq_msg_t()
        zmq_msg_init(&part)
        defer { zmq_msg_close(&part) }
        var number = 0
        while zmq_msg_recv(&part, pointer, ZMQ_DONTWAIT) >= 0 {
            if number == 1 {
                envelope = String(
                    decoding: UnsafeRawBufferPointer(start: zmq_msg_data(&part), count: zmq_msg_size(&part)),
                    as: UTF8.self)
            }
            number += 1
            if zmq_msg_more(&part) == 0 { return envelope ?? "" }
        }
        return nil
    }

    /// Makes a context for this number of sockets.
    static func context(sockets: Int) throws -> UnsafeMutableRawPointer {
        guard let context = zmq_ctx_new() else { throw SimulatorError(reason("zmq_ctx_new")) }
        guard zmq_ctx_set(context, ZMQ_MAX_SOCKETS, Int32(sockets)) == 0 else {
            throw SimulatorError(reason("\(sockets) sockets"))
        }
        return context
    }

    private static func reason(_ what: String) -> String { "\(what): \(String(cString: zmq_strerror(zmq_errno())))" }
}

struct SimulatorError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}
