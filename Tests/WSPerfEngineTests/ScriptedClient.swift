import Synchronization
import WSPerfCore

/// A client without a network: a script decides what happens to each connection and each message.
struct ScriptedClient: WebSocketClient {
    /// Called when a connection should open. By default it opens at once, and every message is answered at once.
    var connect: @Sendable (ScriptedConnection) -> Void = { $0.open() }
    /// Called for each message, with its index on its connection.
    var send: @Sendable (ScriptedConnection, Int) -> SendOutcome = { connection, _ in
        connection.later { connection.reply() }
        return .sent
    }
    var ping: @Sendable (ScriptedConnection, UInt64) -> SendOutcome = { connection, id in
        connection.later { connection.sink.pong(id: id) }
        return .sent
    }

    func connect(to target: Target, on loop: EventLoop, sink: ConnectionSink) -> ScriptedConnection {
        let connection = ScriptedConnection(self, sink, loop)
        connect(connection)
        return connection
    }

    /// A plan for this client.
    func plan(
        connections: Int = 1, messages: Int? = 3, interval: Duration = .milliseconds(5)
    ) throws -> (Plan, Registry) {
        var plan = try LoadRun.plan("ws://127.0.0.1:9/", connections: connections)
        plan.messages = messages
        plan.client = ComponentPlan(kind: "scripted")
        plan.schedule = .periodic(PeriodicOptions(interval: interval, phase: .aligned))
        var registry = Registry()
        registry.register(client: "scripted") { _ in self }
        return (plan, registry)
    }
}

final class ScriptedConnection: WebSocketConnection, Sendable {
    let client: ScriptedClient
    let sink: ConnectionSink
    let loop: EventLoop
    private let sent = Mutex(0)
    private let isOver = Mutex(false)

    init(_ client: ScriptedClient, _ sink: ConnectionSink, _ loop: EventLoop) {
        (self.client, self.sink, self.loop) = (client, sink, loop)
    }

    /// Runs `job` on the loop, after what it is doing now.
    func later(_ job: @escaping @Sendable () -> Void) { loop.post(job) }

    /// Runs `job` on another thread, after `time`.
    func after(_ time: Duration, _ job: @escaping @Sendable () -> Void) {
        Task {
            try await Task.sleep(for: time)
            job()
        }
    }

    func open() {
        later { [self] in
            sink.connected()
            sink.opened()
        }
    }

    func reply() { sink.received(.binary, payload: [UInt8](repeating: 0, count: 8).span.bytes) }

    func send(_ kind: MessageKind, length: Int, fill: (inout OutputRawSpan) -> Void) -> SendOutcome {
        let outcome = client.send(self, sent.withLock { $0 })
        if outcome == .sent || outcome == .buffered { sent.withLock { $0 += 1 } }
        return outcome
    }

    func ping(id: UInt64) -> SendOutcome { client.ping(self, id) }

    func close(_ code: CloseCode, reason: String) {
        sink.closeReceived(code)
        end()
    }

    func end(_ failure: Outcome? = nil) {
        if isOver.withLock({ isOver in
            defer { isOver = true }
            return !isOver
        }) {
            sink.ended(failure)
        }
    }

    func abort() {}
}
