import Testing
import WSPerfCore
import WSPerfTesting

@Suite struct ConformanceTests {
    @Test func stockClient() async throws {
        let findings = try await ClientConformance(registry: Registry(), client: .stock).check()
        #expect(findings == [])
    }

    /// The suite must find the faults of a faulty client.
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
        #expect(PayloadConformance { RenderingPayload() }.check() == [])
    }

    /// The suite finds each faulty generator, and says what is wrong with it.
    @Test(
        arguments: [
            (.oneTooMany, ["wrote 11 bytes after it announced 10"]),
            (.oneTooFew, ["wrote 9 bytes after it announced 10"]),
            (.negative, ["gave a length of -1 bytes; it must be 0 to 268435456"]),
            (.tooLong, ["gave a length of 268435457 bytes; it must be 0 to 268435456"]),
            (.notUTF8, ["a text message that is not UTF-8"]),
            (.beyond, ["wrote beyond the end of its buffer"]),
        ] as [(BadPayload.Way, [String])])
    func badPayloads(way: BadPayload.Way, messages: [String]) {
        let findings = PayloadConformance { BadPayload(way: way) }.check()
        #expect(findings.map(\.message) == Array(repeating: messages, count: 5).flatMap { $0 })
        #expect(findings.first?.check == "seed 1, connection 2, message 3")
    }

    /// A generator that keeps a rendered message until it is sent gives it to another connection. One that counts its calls
    /// also counts those for refused messages.
    @Test func payloadsThatDependOnTheOrder() {
        let message = "the payload depends on the order of the connections, or on whether a message is asked for twice"
        for findings in [
            PayloadConformance { HoardingPayload() }.check(), PayloadConformance { CountingPayload() }.check(),
        ] {
            #expect(findings.map(\.message) == Array(repeating: message, count: 5))
        }
        #expect(PayloadConformance(isDeterministic: false) { CountingPayload() }.check() == [])
    }

    /// What your own test can look at.
    @Test func oneMessage() {
        var random = SeededGenerator(seed: 1, stream: 1)
        var context = MessageContext(connection: 2, index: 3, scheduled: ScheduledMessage(offset: 0))
        var long = BadPayload(way: .oneTooMany)
        #expect(long.message(for: context, using: &random) == (.text, Array("0000000000".utf8)))
        var negative = BadPayload(way: .negative)
        #expect(negative.message(for: context, using: &random) == (.text, []))
        context.scheduled = ScheduledMessage(offset: 0, length: 4, kind: .binary)
        #expect(negative.message(for: context, using: &random) == (.binary, Array("0000".utf8)))
        var fixed = FixedPayload("hello")
        #expect(fixed.message(for: context, using: &random) == (.binary, Array("hell".utf8)))
    }

    @Test func unseededPayloads() {
        let findings = PayloadConformance { UnseededPayload() }.check()
        #expect(findings.map(\.message) == Array(repeating: "the same seed gave another payload", count: 5))
        #expect(PayloadConformance(isDeterministic: false) { UnseededPayload() }.check() == [])
    }

    @Test(arguments: [-1, 0, 1, 3])
    func fewPayloads(messages: Int) {
        var suite = PayloadConformance { RandomPayload() }
        suite.messages = messages
        #expect(suite.check() == [])
    }
}

/// Opens at once, takes everything, and reports nothing.
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

/// Renders a message to know its length, as a JSON generator must.
private struct RenderingPayload: PayloadGenerator {
    private var text: [UInt8] = []
    mutating func kind(for message: MessageContext) -> MessageKind { .text }
    mutating func length(for message: MessageContext, using random: inout SeededGenerator) -> Int {
        let value = random.nextInteger(in: 0...999_999)
        text = Array("{\"index\":\(message.index),\"intended\":\(message.intended),\"value\":\(value)}".utf8)
        return text.count
    }
    mutating func fill(_ payload: inout PayloadBuffer, for message: MessageContext, using random: inout SeededGenerator)
    { payload.append(contentsOf: text) }
}

/// Ten letters in each message, except for message 3 of connection 2.
struct BadPayload: PayloadGenerator {
    enum Way: CaseIterable { case oneTooMany, oneTooFew, negative, tooLong, notUTF8, beyond }
    let way: Way

    private func isBad(_ message: MessageContext) -> Bool { message.connection == 2 && message.index == 3 }

    func kind(for message: MessageContext) -> MessageKind { .text }

    func length(for message: MessageContext, using random: inout SeededGenerator) -> Int {
        switch way {
        case .negative where isBad(message): -1
        case .tooLong where isBad(message): LengthDistribution.limit + 1
        default: 10
        }
    }

    func fill(_ payload: inout PayloadBuffer, for message: MessageContext, using random: inout SeededGenerator) {
        guard isBad(message) else { return payload.pad() }
        switch way {
        case .oneTooMany:
            payload.pad()
            payload.append(48)
        case .oneTooFew:
            payload.append(contentsOf: Array(repeating: 48, count: 9))
        case .notUTF8:
            payload.append(0xC3)
            payload.pad()
        case .beyond:
            payload.withUnsafeFreeBytes { free in
                free.initializeMemory(as: UInt8.self, repeating: 48)
                free.baseAddress?.storeBytes(of: 48, toByteOffset: free.count, as: UInt8.self)
                return free.count
            }
        case .negative, .tooLong: payload.pad()
        }
    }
}

/// Renders a message once and keeps it until any connection has sent it.
private struct HoardingPayload: PayloadGenerator {
    private var text: [UInt8] = []
    mutating func kind(for message: MessageContext) -> MessageKind { .text }
    mutating func length(for message: MessageContext, using random: inout SeededGenerator) -> Int {
        if text.isEmpty { text = Array("message \(message.index) of \(message.connection)".utf8) }
        return text.count
    }
    mutating func fill(_ payload: inout PayloadBuffer, for message: MessageContext, using random: inout SeededGenerator)
    {
        payload.append(contentsOf: text)
        text = []
    }
}

private struct CountingPayload: PayloadGenerator {
    private var calls = 0
    mutating func kind(for message: MessageContext) -> MessageKind { .text }
    mutating func length(for message: MessageContext, using random: inout SeededGenerator) -> Int {
        calls += 1
        return 8
    }
    mutating func fill(_ payload: inout PayloadBuffer, for message: MessageContext, using random: inout SeededGenerator)
    { payload.append(contentsOf: String(10_000_000 + calls).utf8) }
}

private struct UnseededPayload: PayloadGenerator {
    func kind(for message: MessageContext) -> MessageKind { .binary }
    func length(for message: MessageContext, using random: inout SeededGenerator) -> Int { 8 }
    func fill(_ payload: inout PayloadBuffer, for message: MessageContext, using random: inout SeededGenerator) {
        for _ in 0..<8 { payload.append(UInt8.random(in: 0...255)) }
    }
}
