internal import CLinux
internal import Synchronization

/// Resolves a run's target once, off the loops, and shares the answer among all connections of the worker.
///
/// A name is looked up when the first connection asks for it; those that ask meanwhile wait for the same answer, and
/// their waiting time is what their `dns` phase measures. A failed look-up is tried again by the next connection.
final class Resolver: Sendable {
    typealias Waiter = @Sendable ([SocketAddress]) -> Void

    private struct State {
        var answer: [SocketAddress] = []
        var isRunning = false
        var waiters: [Waiter] = []
    }
    private let state = Mutex(State())
    private let host: String
    private let port: UInt16
    /// Where the target is an address literal, and there is nothing to look up.
    let literal: SocketAddress?

    init(host: String, port: UInt16) {
        self.host = host
        self.port = port
        literal = SocketAddress.literal(host, port: port)
    }

    /// The answer if it is known. Otherwise `waiter` is called with it on a thread of the resolver's: empty when the name
    /// can't be resolved.
    func addresses(orTell waiter: @escaping Waiter) -> [SocketAddress]? {
        let (known, mustStart) = state.withLock { state -> ([SocketAddress]?, Bool) in
            if !state.answer.isEmpty { return (state.answer, false) }
            state.waiters.append(waiter)
            defer { state.isRunning = true }
            return (nil, !state.isRunning)
        }
        if mustStart { start() }
        return known
    }

    /// getaddrinfo has no asynchronous form, and deadlines of its own of some tens of seconds: it gets a thread.
    private func start() {
        let isStarted = DetachedThread.start("wsperf-dns") { [self] in
            tell(SocketAddress.resolve(host, port: port))
        }
        if !isStarted { tell([]) }
    }

    private func tell(_ answer: [SocketAddress]) {
        let waiters = state.withLock { state in
            state.answer = answer
            state.isRunning = false
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter(answer) }
    }
}
