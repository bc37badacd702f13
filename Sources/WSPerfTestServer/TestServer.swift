import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A WebSocket server to test against: a fast echo server that misbehaves on request.
///
/// ```swift
/// let server = try await TestServer.start()
/// // … connect to server.url, or to server.url("/fault/close?after=3&code=1011") …
/// let counters = try await server.counters(within: .seconds(5)) { $0.closeCodes[1000] == 1 }
/// await server.stop()
/// ```
///
/// It answers pings, reassembles fragmented messages, and checks that clients mask and frame as RFC 6455 requires. It
/// stops reading from a client that does not read its replies. `TestServerBehaviour` lists what else it can do.
public final class TestServer: Sendable {
    private struct Life {
        var isStopping = false
        var isStopped = false
        var final: TestServerCounters?
        var waiters: [CheckedContinuation<Void, Never>] = []
        var nextObserver = 0
    }

    public let options: TestServerOptions
    /// The port it listens on.
    public let port: Int
    private let group: MultiThreadedEventLoopGroup
    private let listener: any Channel
    private let hub: Hub
    private let life = Mutex(Life())

    private init(
        options: TestServerOptions, port: Int, group: MultiThreadedEventLoopGroup, listener: any Channel, hub: Hub
    ) {
        self.options = options
        self.port = port
        self.group = group
        self.listener = listener
        self.hub = hub
    }

    /// Listens and serves until `stop()`. Throws `TestServerError` if it cannot listen on the address or use a
    /// certificate. Raises the process's soft limit on file descriptors to the hard limit.
    public static func start(options: TestServerOptions = TestServerOptions()) async throws -> TestServer {
        raiseDescriptorLimit()
        let tls = try options.tls.map { try TLSServerContext($0) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, options.threads))
        do {
            let hub = Hub()
            for loop in group.makeIterator() {
                let state = try await loop.submit {
                    NIOLoopBound(LoopState(eventLoop: loop, options: options, hub: hub), eventLoop: loop)
                }.get()
                hub.add(state, of: loop)
            }
            let listener = try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: options.backlog)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.maxMessagesPerRead, value: 256)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        guard let entry = hub.entry(of: channel.eventLoop) else { return }
                        let state = entry.state.value
                        if let tls {
                            try channel.pipeline.syncOperations.addHandler(
                                TLSHandler(context: tls, buffers: state.tlsBuffers))
                        }
                        try channel.pipeline.syncOperations.addHandler(TestServerConnection(loop: state))
                    }
                }
                .bind(host: options.host, port: options.port).get()
            return TestServer(
                options: options, port: listener.localAddress?.port ?? options.port, group: group, listener: listener,
                hub: hub)
        } catch {
            try? await group.shutdownGracefully()
            throw TestServerError.cannotListen("cannot listen on \(options.host):\(options.port): \(reason(of: error))")
        }
    }

    private static func reason(of error: any Error) -> String {
        if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
        return String(describing: error)
    }

    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max
        else {
            return
        }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    // MARK: Where it is

    /// The server's URL with the path `/`.
    public var url: String { url("/") }

    /// The URL of a path, which begins with `/`.
    public func url(_ path: String) -> String {
        let host =
            switch options.host {
            case "0.0.0.0": "127.0.0.1"
            case "::": "[::1]"
            case let host where host.utf8.contains(UInt8(ascii: ":")): "[\(host)]"
            case let host: host
            }
        return "\(options.tls == nil ? "ws" : "wss")://\(host):\(port)\(path)"
    }

    /// The URL at which the server has this behaviour.
    public func url(_ behaviour: TestServerBehaviour) -> String { url(behaviour.path) }

    // MARK: What it has seen

    /// The current counters, or the final ones if the server has stopped.
    public func counters() async -> TestServerCounters {
        if let final = life.withLock({ $0.final }) { return final }
        var sum = TestServerCounters()
        var last: (at: NIODeadline, head: ByteBuffer)?
        for entry in hub.entries {
            let part = try? await entry.eventLoop.submit {
                let state = entry.state.value
                return (state.counters, state.lastHeadTime, state.lastHead)
            }.get()
            // If the loop was shut down meanwhile, its counters are in `final`.
            guard let part else { return life.withLock { $0.final } ?? sum }
            sum.add(part.0)
            if let at = part.1, last.map({ $0.at < at }) ?? true { last = (at, part.2) }
        }
        sum.lastRequest = last.map { TestServerRequest(head: Array($0.head.readableBytesView)) }
        return sum
    }

    /// Waits until the counters meet a condition, which is checked after each event that changes them. Throws
    /// `TestServerError` (`isDeadline`) if that does not happen within `limit` (monotonic clock).
    public func counters(
        within limit: Duration,
        until condition: @Sendable (TestServerCounters) -> Bool
    ) async throws -> TestServerCounters {
        let (changes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = life.withLock { life in
            life.nextObserver += 1
            return life.nextObserver
        }
        observe(id, continuation)
        defer { observe(id, nil) }
        let timeout = Task {
            try await Task.sleep(for: limit)
            continuation.finish()
        }
        defer { timeout.cancel() }
        var seen = await counters()
        if condition(seen) { return seen }
        for await _ in changes {
            seen = await counters()
            if condition(seen) { return seen }
        }
        try Task.checkCancellation()
        throw TestServerError.deadline("the server's counters did not meet the condition within \(limit): \(seen)")
    }

    private func observe(_ id: Int, _ continuation: AsyncStream<Void>.Continuation?) {
        guard !life.withLock({ $0.isStopped }) else { return }
        for entry in hub.entries {
            entry.eventLoop.execute { entry.state.value.observers[id] = continuation }
        }
    }

    // MARK: Its end

    /// Waits until the server has stopped. Cancelling the waiting task stops the server.
    public func waitUntilStopped() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isStopped = life.withLock { life in
                    if !life.isStopped { life.waiters.append(continuation) }
                    return life.isStopped
                }
                if isStopped { continuation.resume() }
            }
        } onCancel: {
            Task { await self.stop() }
        }
    }

    /// Stops listening, sends close 1001 to all clients, waits up to `grace` (monotonic clock) for them to leave, and
    /// drops the rest, which takes up to two more seconds. A second call waits for the first.
    public func stop(grace: Duration = .seconds(1)) async {
        let isFirst = life.withLock { life in
            defer { life.isStopping = true }
            return !life.isStopping
        }
        guard isFirst else { return await waitUntilStopped() }
        try? await listener.close().get()
        for entry in hub.entries {
            entry.eventLoop.execute {
                for connection in Array(entry.state.value.connections.values) { connection.goAway() }
            }
        }
        _ = try? await counters(within: grace) { $0.connected == 0 }
        let final = await counters()
        life.withLock { $0.final = final }
        await shutDown()
        hub.removeAll()
        let waiters = life.withLock { life in
            life.isStopped = true
            defer { life.waiters = [] }
            return life.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Ends the event loops, but waits at most two seconds, because a TLS peer may never send close_notify.
    private func shutDown() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let once = Once(continuation)
            group.shutdownGracefully { _ in once.resume() }
            Task {
                try? await Task.sleep(for: .seconds(2))
                once.resume()
            }
        }
    }
}

/// Resumes a continuation once, at the first call.
private final class Once: Sendable {
    private let continuation: Mutex<CheckedContinuation<Void, Never>?>

    init(_ continuation: CheckedContinuation<Void, Never>) { self.continuation = Mutex(continuation) }

    func resume() {
        let continuation = continuation.withLock { stored in
            defer { stored = nil }
            return stored
        }
        continuation?.resume()
    }
}
