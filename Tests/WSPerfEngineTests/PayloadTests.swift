import Glibc
import Synchronization
import Testing
import WSPerfCore
import WSPerfTestServer

/// What the engine does with custom payload generators: good ones, and ones that break the protocol.
@Suite struct PayloadTests {
    // MARK: - Generators that render

    /// JSON must be rendered to know how long it is. Messages of 60 connections that all answer `.blocked` first must
    /// not get mixed up, and must be the same as without blocking.
    @Test func renderedInLengthAndCopiedInFill() async throws {
        let blocked = try await sent(blocks: true)
        let straight = try await sent(blocks: false)
        #expect(blocked.count == 60)
        for (connection, messages) in blocked.sorted(by: { $0.key < $1.key }) {
            #expect(messages.count == 4)
            for (index, message) in messages.enumerated() {
                let text = String(decoding: message, as: UTF8.self)
                let header = "{\"connection\":\(connection),\"index\":\(index),\"text\":\""
                #expect(text.hasPrefix(header), "message \(index) of connection \(connection): \(text.prefix(50))")
                #expect(text.hasSuffix("\"}"))
                #expect(Set(text.utf8.dropFirst(header.utf8.count).dropLast(2)).count == 1)
            }
            // Not compared by #expect, which would print them.
            let isSame = messages == straight[connection]
            #expect(isSame, "connection \(connection) sent other bytes than without blocking")
        }
    }

    private func sent(blocks: Bool) async throws -> [Int: [[UInt8]]] {
        let record = Record()
        var registry = Registry()
        registry.register(client: "recording") { _ in RecordingClient(record: record, blocks: blocks) }
        registry.register(payload: "rendering") { _ in { _ in RenderingPayload() } }
        var plan = try LoadRun.plan("ws://127.0.0.1:9/", connections: 60, messages: 4)
        plan.client = ComponentPlan(kind: "recording")
        plan.payload = .custom(kind: "rendering")
        plan.schedule = .periodic(PeriodicOptions(interval: .milliseconds(1), phase: .aligned))
        plan.match = .none
        let statistics = try await LoadRun.run(plan, registry: registry)
        #expect(statistics.outcomes == [.succeeded: 60])
        #expect(statistics.sent == 240)
        return record.messages
    }

    // MARK: - Generators in error

    enum Fault: CaseIterable {
        case tooMuch, tooLittle, nothing, negative, tooLong, scheduled, scheduledTooLong

        var sentence: String {
            switch self {
            case .tooMuch: "payload generator 'json' wrote 241 bytes of message 2 of connection 3 but had announced 240"
            case .tooLittle: "payload generator 'json' wrote 1 byte of message 2 of connection 3 but had announced 240"
            case .nothing: "payload generator 'json' wrote 0 bytes of message 2 of connection 3 but had announced 240"
            case .negative:
                "payload generator 'json' gave message 2 of connection 3 a length of -1 bytes; it must be 0 to 268435456"
            case .tooLong:
                "payload generator 'json' gave message 2 of connection 3 a length of 268435457 bytes; "
                    + "it must be 0 to 268435456"
            case .scheduled:
                "payload generator 'json' wrote 240 bytes of message 2 of connection 3, "
                    + "but the schedule had asked for 300"
            case .scheduledTooLong:
                "schedule 'lengths' gave message 2 of connection 3 a length of 9223372036854775807 bytes; "
                    + "it must be 0 to 268435456"
            }
        }

        /// Whether the message went out.
        var isSent: Bool { ![.negative, .tooLong, .scheduledTooLong].contains(self) }
    }

    /// With the stock client and a real server, that one connection ends, the others do not.
    @Test(arguments: Fault.allCases, [MatchMode.echo, .tagged, .ping])
    func endsTheConnection(fault: Fault, match: MatchMode) async throws {
        let server = try await TestServer.start()
        var plan = try plan(server.url, fault)
        plan.match = match
        let result = try await LoadEngine(plan: plan, registry: registry(fault)).run()
        #expect(result.statistics.outcomes == [.succeeded: 4, .payloadError: 1])
        #expect(result.statistics.sent == 4 * 4 + 2 + (fault.isSent ? 1 : 0))
        #expect(result.problems == [fault.sentence])
        await server.stop()
    }

    /// Missing bytes go out as ASCII zeros; excess bytes don't go out.
    @Test(arguments: [Fault.tooMuch, .tooLittle, .nothing])
    func keepsTheLength(fault: Fault) async throws {
        let record = Record()
        var registry = registry(fault)
        registry.register(client: "recording") { _ in RecordingClient(record: record, blocks: false) }
        var plan = try plan("ws://127.0.0.1:9/", fault)
        plan.client = ComponentPlan(kind: "recording")
        plan.match = .none
        let result = try await LoadEngine(plan: plan, registry: registry).run()
        #expect(result.problems == [fault.sentence])
        let message = try #require(record.messages[3]?.last)
        let written = fault == .tooMuch ? 240 : fault == .tooLittle ? 1 : 0
        #expect(
            message == Array(repeating: UInt8(ascii: "x"), count: written) + Array(repeating: 48, count: 240 - written))
    }

    /// The number of reported problems is bounded, however many connections.
    @Test func reportsAtMostTenProblems() async throws {
        let server = try await TestServer.start()
        var plan = try plan(server.url, .tooMuch)
        plan.instances = 50
        var registry = registry(.tooMuch)
        registry.register(payload: "json") { _ in { _ in FaultyPayload(fault: .tooMuch, connection: nil) } }
        let result = try await LoadEngine(plan: plan, registry: registry).run()
        #expect(result.statistics.outcomes == [.payloadError: 50])
        #expect(result.problems.count == 10)
        #expect(Set(result.problems).count == 10)
        await server.stop()
    }

    /// Another attempt would end the same way.
    @Test func isFinal() async throws {
        let server = try await TestServer.start()
        var plan = try plan(server.url, .tooMuch)
        plan.reconnect = ReconnectPlan()
        plan.reconnect?.initial = .milliseconds(1)
        let result = try await LoadEngine(plan: plan, registry: registry(.tooMuch)).run()
        #expect(result.statistics.outcomes == [.succeeded: 4, .payloadError: 1])
        #expect(result.statistics.interruptions == [:])
        await server.stop()
    }

    /// If the client lends too little room for the message, that is its fault, not the generator's.
    @Test func clientWithoutRoom() async throws {
        var registry = Registry()
        registry.register(client: "recording") { _ in RecordingClient(record: Record(), blocks: false, room: -1) }
        var plan = try LoadRun.plan("ws://127.0.0.1:9/", connections: 3)
        plan.client = ComponentPlan(kind: "recording")
        plan.match = .tagged
        let result = try await LoadEngine(plan: plan, registry: registry).run()
        #expect(result.statistics.outcomes == [.clientError: 3])
        #expect(result.problems == [])
    }

    /// A tag is longer than these messages: the generator is responsible only for the length it announced.
    @Test(arguments: [MessageKind.text, .binary])
    func shorterThanItsTag(kind: MessageKind) async throws {
        let server = try await TestServer.start()
        var registry = Registry()
        registry.register(payload: "short") { _ in { _ in FixedPayload([97, 98, 99], kind: kind) } }
        var plan = try LoadRun.plan(server.url)
        plan.payload = .custom(kind: "short")
        plan.match = .tagged
        let statistics = try await LoadRun.run(plan, registry: registry)
        #expect(statistics.outcomes == [.succeeded: 4])
        #expect(statistics.rttResponse.count == 12)
        await server.stop()
    }

    private func registry(_ fault: Fault) -> Registry {
        var registry = Registry()
        registry.register(payload: "json") { _ in { _ in FaultyPayload(fault: fault, connection: 3) } }
        registry.register(scheduler: "lengths") { _ in
            { connection, _ in
                let length: Int? =
                    switch fault {
                    case .scheduled: 300
                    case .scheduledTooLong: .max
                    default: nil
                    }
                return LengthScheduler(length: connection == 3 ? length : nil)
            }
        }
        return registry
    }

    private func plan(_ url: String, _ fault: Fault) throws -> Plan {
        var plan = try LoadRun.plan(url, connections: 5, messages: 4)
        plan.payload = .custom(kind: "json")
        plan.schedule = .custom(kind: "lengths")
        return plan
    }

    // MARK: - What a generator learns

    @Test(arguments: [false, true])
    func intendedTimes(blocks: Bool) async throws {
        let record = Record()
        var registry = Registry()
        registry.register(client: "recording") { _ in RecordingClient(record: Record(), blocks: blocks) }
        registry.register(payload: "noting") { _ in { _ in NotingPayload(record: record) } }
        var plan = try LoadRun.plan("ws://127.0.0.1:9/", connections: 8, messages: 6)
        plan.client = ComponentPlan(kind: "recording")
        plan.payload = .custom(kind: "noting")
        plan.schedule = .periodic(PeriodicOptions(interval: .milliseconds(3), phase: .aligned))
        plan.match = .none
        let began = monotonic()
        let statistics = try await LoadRun.run(plan, registry: registry)
        let ended = monotonic()
        #expect(statistics.outcomes == [.succeeded: 8])
        #expect(record.contexts.count == 48)
        for connection in 0..<8 {
            let contexts = record.contexts.filter { $0.connection == connection }
            #expect(contexts.map(\.index) == Array(0..<6))
            for (before, after) in zip(contexts, contexts.dropFirst()) {
                #expect(after.intended - before.intended == 3_000_000)
            }
            #expect(contexts.allSatisfy { $0.intended >= began && $0.intended <= ended })
        }
    }

    private func monotonic() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

// MARK: - Parts

private final class Record: Sendable {
    private let state = Mutex<(messages: [Int: [[UInt8]]], contexts: [MessageContext])>(([:], []))
    var messages: [Int: [[UInt8]]] { state.withLock { $0.messages } }
    var contexts: [MessageContext] { state.withLock { $0.contexts } }
    func add(_ message: [UInt8], of connection: Int) {
        state.withLock { $0.messages[connection, default: []].append(message) }
    }
    func add(_ context: MessageContext) { state.withLock { $0.contexts.append(context) } }
}

/// Keeps the messages it gets. If it blocks, it accepts each message at the second attempt.
private struct RecordingClient: WebSocketClient {
    let record: Record
    let blocks: Bool
    /// How many bytes of room it lends beyond the message's length.
    var room = 0

    func connect(to target: Target, on loop: EventLoop, sink: ConnectionSink) -> RecordingConnection {
        loop.post {
            sink.connected()
            sink.opened()
        }
        return RecordingConnection(client: self, loop: loop, sink: sink)
    }
}

private final class RecordingConnection: WebSocketConnection {
    private let client: RecordingClient
    private let loop: EventLoop
    private let sink: ConnectionSink
    private var hasRefused = false

    init(client: RecordingClient, loop: EventLoop, sink: ConnectionSink) {
        self.client = client
        self.loop = loop
        self.sink = sink
    }

    func send(_ kind: MessageKind, length: Int, fill: (inout OutputRawSpan) -> Void) -> SendOutcome {
        if client.blocks, !hasRefused {
            hasRefused = true
            loop.post { [sink] in sink.writable() }
            return .blocked
        }
        hasRefused = false
        let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            let raw = UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(buffer)[..<(length + client.room)])
            var span = OutputRawSpan(buffer: raw, initializedCount: 0)
            fill(&span)
            count = span.finalize(for: raw)
        }
        client.record.add(bytes, of: sink.connection)
        return .sent
    }

    func close(_ code: CloseCode, reason: String) {
        sink.closeReceived(code)
        sink.ended()
    }

    func abort() {}
}

/// 60 kB of JSON of random length, made when its length is asked for, and copied byte by byte when it is sent.
private struct RenderingPayload: PayloadGenerator {
    private var text: [UInt8] = []

    mutating func kind(for message: MessageContext) -> MessageKind { .text }

    mutating func length(for message: MessageContext, using random: inout SeededGenerator) -> Int {
        let letter = UInt8(ascii: "a") + UInt8(random.nextInteger(in: 0...25))
        text = Array("{\"connection\":\(message.connection),\"index\":\(message.index),\"text\":\"".utf8)
        text += Array(repeating: letter, count: 60_000 + random.nextInteger(in: 0...99))
        text += Array("\"}".utf8)
        return text.count
    }

    mutating func fill(
        _ payload: inout PayloadBuffer, for message: MessageContext, using random: inout SeededGenerator
    ) {
        for byte in text { payload.append(byte) }
    }
}

/// 240 bytes, except for message 2 of one connection, or of all.
private struct FaultyPayload: PayloadGenerator {
    let fault: PayloadTests.Fault
    let connection: Int?

    private func isFaulty(_ message: MessageContext) -> Bool {
        message.index == 2 && message.connection == connection ?? message.connection
    }

    func kind(for message: MessageContext) -> MessageKind { .text }

    func length(for message: MessageContext, using random: inout SeededGenerator) -> Int {
        guard isFaulty(message) else { return 240 }
        return switch fault {
        case .negative: -1
        case .tooLong: LengthDistribution.limit + 1
        default: 240
        }
    }

    func fill(_ payload: inout PayloadBuffer, for message: MessageContext, using random: inout SeededGenerator) {
        let count =
            switch fault {
            case .tooMuch where isFaulty(message): 241
            case .tooLittle where isFaulty(message): 1
            case .nothing where isFaulty(message): 0
            default: 240
            }
        for _ in 0..<count { payload.append(UInt8(ascii: "x")) }
    }
}

/// A message every 5 ms, the third with this length.
private struct LengthScheduler: MessageScheduler {
    let length: Int?
    var sent = 0

    mutating func next(using random: inout SeededGenerator) -> ScheduledMessage? {
        defer { sent += 1 }
        return ScheduledMessage(offset: Int64(sent) * 5_000_000, length: sent == 2 ? length : nil)
    }
}

/// Records the arguments of `fill`.
private struct NotingPayload: PayloadGenerator {
    let record: Record
    func kind(for message: MessageContext) -> MessageKind { .binary }
    func length(for message: MessageContext, using random: inout SeededGenerator) -> Int { 0 }
    func fill(_ payload: inout PayloadBuffer, for message: MessageContext, using random: inout SeededGenerator) {
        record.add(message)
    }
}
