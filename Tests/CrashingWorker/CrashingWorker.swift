import WSPerfCore
import WSPerfFleet

/// A custom worker with faults: the client `crash-at-setup` traps while the plan is set up, `crash-at-once` when the run opens
/// its first connection. The payload `one-too-many` writes more than it has announced.
@main
struct CrashingWorker {
    private struct CrashingClient: WebSocketClient {
        func connect(to target: Target, on loop: EventLoop, sink: ConnectionSink) -> SilentConnection {
            precondition(sink.connection != 0, "made to crash at its first connection")
            return SilentConnection()
        }
    }

    /// Never opens.
    private final class SilentConnection: WebSocketConnection {
        func send(_ kind: MessageKind, length: Int, fill: (inout OutputRawSpan) -> Void) -> SendOutcome { .closed }
        func close(_ code: CloseCode, reason: String) {}
        func abort() {}
    }

    private struct LongPayload: PayloadGenerator {
        func kind(for message: MessageContext) -> MessageKind { .text }
        func length(for message: MessageContext, using random: inout SeededGenerator) -> Int { 10 }
        func fill(_ payload: inout PayloadBuffer, for message: MessageContext, using random: inout SeededGenerator) {
            for _ in 0..<11 { payload.append(UInt8(ascii: "x")) }
        }
    }

    static func main() async {
        var registry = Registry()
        registry.register(client: "crash-at-once") { _ in CrashingClient() }
        registry.register(client: "crash-at-setup") { _ in fatalError("made to crash at its setup") }
        registry.register(payload: "one-too-many") { _ in { _ in LongPayload() } }
        await FleetWorker.main(registry: registry)
    }
}
