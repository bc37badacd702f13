internal import CZeroMQ
internal import Glibc

/// A libzmq context: the I/O thread of its sockets.
///
/// Invariant: `pointer` is a valid context from `init` to `deinit`. Every socket retains its context, so all sockets are
/// closed before the context is terminated. libzmq allows the use of a context from any thread.
final class ZMQContext: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer

    init() throws(FleetError) {
        guard let pointer = zmq_ctx_new() else { throw ZMQContext.error(.system, "cannot start ZeroMQ") }
        self.pointer = pointer
        zmq_ctx_set(pointer, ZMQ_MAX_SOCKETS, 64)
    }

    deinit {
        // Waits until the sockets have sent their queued messages, but no longer than the linger time.
        while zmq_ctx_term(pointer) != 0, zmq_errno() == EINTR {}
    }

    static func error(_ code: FleetError.Code, _ what: String) -> FleetError {
        FleetError(code, "\(what): \(String(cString: zmq_strerror(zmq_errno())))")
    }
}
