internal import CLinux
internal import Synchronization

/// Resolves a run's target once, off the loops, and shares the answer among all connections of the worker.
///
/// The first connection that asks starts the look-up. Connections that ask during the look-up wait for the same answer;
/// their `dns` phase measures this wait. After a failed look-up, the next connection tries again.
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
    /// Set if the target is an address literal, so there is nothing to look up.
    let literal: SocketAddress?

    init(host: String, port: UInt16) {
        self.host = host
        self.port = port
        literal = SocketAddress.literal(host, port: port)
    }

    /// The answer if it is known. Otherwise `waiter` gets it on a thread of the resolver: empty if the name can't be
    /// resolved.
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

    /// getaddrinfo has no asynchronous form and can take tens of seconds, so it gets its own thread.
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
