import WSPerfCore
import WSPerfFleet

/// A worker of one's own with a fault in it, as users write them: the client `crash-at-setup` traps while the plan is set up,
/// `crash-at-once` when the run's first connection is to be opened.
@main
struct CrashingWorker {
    private struct CrashingClient: WebSocketClient {
        func connect(to target: Target, on loop: EventLoop, sink: ConnectionSink) -> SilentConnection {
            precondition(sink.connection != 0, "made to crash at its first connection")
            return SilentConnection()
        }
    }

    /// Never comes to anything.
    private final class SilentConnection: WebSocketConnection {
        func send(_ kind: MessageKind, length: Int, fill: (inout OutputRawSpan) -> Void) -> SendOutcome { .closed }
        func close(_ code: CloseCode, reason: String) {}
        func abort() {}
    }

    static func main() async {
        var registry = Registry()
        registry.register(client: "crash-at-once") { _ in CrashingClient() }
        registry.register(client: "crash-at-setup") { _ in fatalError("made to crash at its setup") }
        await FleetWorker.main(registry: registry)
    }
}
