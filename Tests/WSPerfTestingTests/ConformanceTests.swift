import Testing
import WSPerfCore
import WSPerfTesting

@Suite struct ConformanceTests {
    @Test func stockClient() async throws {
        let findings = try await ClientConformance(registry: Registry(), client: .stock).check()
        #expect(findings == [])
    }

    /// The suite must see what is wrong with a client that is.
    @Test func deafClient() async throws {
        var registry = Registry()
        registry.register(client: "deaf") { _ in DeafClient() }
        var suite = ClientConformance(registry: registry, client: ComponentPlan(kind: "deaf"))
        suite.hasPings = false
        suite.patience = .milliseconds(200)
        let names = Set(try await suite.check().map(\.check))
        #expect(names.contains("text messages of 1 bytes"))
        #expect(names.contains("a refused upgrade"))
        #expect(names.contains("the server's close code"))
    }

    @Test func schedulers() {
        #expect(SchedulerConformance { _, _ in PeriodicScheduler(every: .milliseconds(10)) }.check() == [])
        #expect(
            SchedulerConformance { _, _ in RandomizedScheduler(.exponential(mean: .milliseconds(10))) }.check() == [])
        #expect(!SchedulerConformance { _, _ in BackwardScheduler() }.check().isEmpty)
        #expect(!SchedulerConformance { _, _ in UnseededScheduler() }.check().isEmpty)
    }

    @Test func payloads() {
        #expect(PayloadConformance { RandomPayload(format: .text, length: .uniform(0...500), seed: 1) }.check() == [])
        #expect(PayloadConformance { FixedPayload(Array("hello".utf8), kind: .text) }.check() == [])
        #expect(!PayloadConformance { BrokenText() }.check().isEmpty)
    }
}

/// Says that it is open at once, takes everything, and tells nothing.
private struct DeafClient: WebSocketClient {
    func connect(to target: Target, on loop: EventLoop, sink: ConnectionSink) -> DeafConnection {
        loop.post {
            sink.connected()
            sink.opened()
        }
        return DeafConnection(sink: sink)
    }
}

private final class DeafConnection: WebSocketConnection {
    private let sink: ConnectionSink
    init(sink: ConnectionSink) { self.sink = sink }
    func send(_ kind: MessageKind, length: Int, fill: (inout OutputRawSpan) -> Void) -> SendOutcome { .sent }
    func close(_ code: CloseCode, reason: String) { sink.ended() }
    func abort() {}
}

private struct BackwardScheduler: MessageScheduler {
    var time: Int64 = 1000
    mutating func next(using random: inout SeededGenerator) -> ScheduledMessage? {
        time -= 1
        return ScheduledMessage(offset: time)
    }
}

private struct UnseededScheduler: MessageScheduler {
    mutating func next(using random: inout SeededGenerator) -> ScheduledMessage? {
        ScheduledMessage(offset: Int64.random(in: 0...1_000_000))
    }
}

private struct BrokenText: PayloadGenerator {
    mutating func kind(for message: MessageContext) -> MessageKind { .text }
    mutating func length(for message: MessageContext, using random: inout SeededGenerator) -> Int { 3 }
    mutating func fill(_ payload: inout OutputRawSpan, for message: MessageContext, using random: inout SeededGenerator)
    {
        payload.append(0xFF as UInt8)
    }
}
