import Testing
import WSPerfCore

/// Connections that die within the call that uses them, as when a second write finds a reset.
@Suite struct DyingClientTests {
    enum Moment: CaseIterable { case send, ping, close }

    @Test(arguments: Moment.allCases, [nil, ReconnectPlan()]) func diesWithin(
        moment: Moment, reconnect: ReconnectPlan?
    ) async throws {
        var registry = Registry()
        registry.register(client: "dying") { _ in DyingClient(moment: moment) }
        var plan = try LoadRun.plan("ws://127.0.0.1:9/", connections: 10, messages: 3)
        plan.client = ComponentPlan(kind: "dying")
        plan.match = .ping
        plan.timeouts.reply = .milliseconds(50)
        plan.reconnect = reconnect
        plan.reconnect?.initial = .milliseconds(1)
        plan.reconnect?.limit = 2
        let statistics = try await LoadRun.run(plan, registry: registry)
        #expect(statistics.outcomes[.succeeded] == nil)
        #expect(statistics.opened >= 10)
    }
}

private struct DyingClient: WebSocketClient {
    let moment: DyingClientTests.Moment
    func connect(to target: Target, on loop: EventLoop, sink: ConnectionSink) -> DyingConnection {
        loop.post {
            sink.connected()
            sink.opened()
        }
        return DyingConnection(moment: moment, sink: sink)
    }
}

private final class DyingConnection: WebSocketConnection {
    private let moment: DyingClientTests.Moment
    private let sink: ConnectionSink

    init(moment: DyingClientTests.Moment, sink: ConnectionSink) {
        self.moment = moment
        self.sink = sink
    }

    private func die(if now: DyingClientTests.Moment) -> SendOutcome {
        guard moment == now else { return .sent }
        sink.ended(.reset)
        return .closed
    }

    func send(_ kind: MessageKind, length: Int, fill: (inout OutputRawSpan) -> Void) -> SendOutcome { die(if: .send) }
    func ping(id: UInt64) -> SendOutcome { die(if: .ping) }
    func close(_ code: CloseCode, reason: String) { _ = die(if: .close) }
    func abort() {}
}
