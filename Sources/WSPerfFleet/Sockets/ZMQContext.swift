internal import CZeroMQ
internal import Foundation

/// A libzmq context: the I/O thread behind the sockets made from it.
///
/// Invariant: `pointer` is a live context from `init` to `deinit`; every socket keeps its context alive, so all of them
/// are closed when it is terminated. libzmq allows a context to be used from any thread.
final class ZMQContext: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer

    init() throws(FleetError) {
        guard let pointer = zmq_ctx_new() else { throw ZMQContext.error(.system, "cannot start ZeroMQ") }
        self.pointer = pointer
        zmq_ctx_set(pointer, ZMQ_MAX_SOCKETS, 64)
    }

    deinit {
        // Waits for what the sockets still send, no longer than their bounded linger.
        while zmq_ctx_term(pointer) != 0, zmq_errno() == EINTR {}
    }

    static func error(_ code: FleetError.Code, _ what: String) -> FleetError {
        FleetError(code, "\(what): \(String(cString: zmq_strerror(zmq_errno())))")
    }
}
