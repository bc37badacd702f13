import CAllocationCounter
import Synchronization
import Testing
import WSPerfCore
import WSPerfTestServer

/// The steady state allocates nothing, neither for a message sent nor for its echo.
@Suite struct AllocationGateTests {
    private static let skipped = 20_000
    private static let counted = 100_000
    /// The allowed allocations, however many messages there are: a few each second, when counts are handed over, and
    /// those of histograms that grow for a value larger than all before.
    private static let allowed: UInt64 = 500

    @Test(.enabled(if: allocation_count_works(), "a sanitizer has its own allocator"), arguments: MatchMode.allCases)
    func echoesAllocateNothing(match: MatchMode) async throws {
        let server = try await TestServer.start()
        let marks = Marks()
        var registry = Registry()
        registry.register(payload: "marking") { _ in { _ in MarkingPayload(marks: marks) } }
        var plan = try LoadRun.plan(server.url, connections: 50)
        plan.payload = .custom(kind: "marking")
        plan.schedule = .periodic(PeriodicOptions(interval: .zero, phase: .aligned))
        plan.inFlight = match == .none ? nil : 1
        plan.match = match
        plan.messages = (Self.skipped + Self.counted) / plan.instances + 20
        // Without replies to wait for, only full sockets slow the sending, and what they hold back stays in memory.
        if match == .none { plan.schedule = .periodic(PeriodicOptions(interval: .microseconds(1500), phase: .random)) }
        plan.timeLimit = .seconds(240)
        let statistics = try await LoadRun.run(plan, registry: registry)
        #expect(statistics.outcomes == [.succeeded: 50])
        let (before, after) = marks.both
        #expect(after > 0)
        #expect(
            after - before <= Self.allowed,
            "\(after - before) allocations while \(Self.counted) messages were sent and their echoes read")
        await server.stop()
    }

    /// The counter must count, or the gate would let everything through.
    @Test(.enabled(if: allocation_count_works(), "a sanitizer has its own allocator"))
    func theCounterCounts() {
        let before = allocation_count()
        var boxes: [Marks] = []
        for _ in 0..<100 { boxes.append(Marks()) }
        #expect(allocation_count() - before >= 100)
        #expect(boxes.count == 100)
    }

    private final class Marks: Sendable {
        private let values = Mutex<(before: UInt64, after: UInt64)>((0, 0))
        var both: (before: UInt64, after: UInt64) { values.withLock { $0 } }
        func set(before: UInt64) { values.withLock { $0.before = before } }
        func set(after: UInt64) { values.withLock { $0.after = after } }
    }

    /// Random text of 64 to 300 bytes, which reads its loop's thread's allocations at two of its messages.
    private struct MarkingPayload: PayloadGenerator {
        let marks: Marks
        private var random = RandomPayload(format: .text, length: .uniform(64...300), seed: 1)
        private var filled = 0

        init(marks: Marks) { self.marks = marks }

        mutating func kind(for message: MessageContext) -> MessageKind { .text }

        mutating func length(for message: MessageContext, using generator: inout SeededGenerator) -> Int {
            random.length(for: message, using: &generator)
        }

        mutating func fill(
            _ payload: inout PayloadBuffer, for message: MessageContext, using generator: inout SeededGenerator
        ) {
            filled += 1
            if filled == AllocationGateTests.skipped { marks.set(before: allocation_count()) }
            if filled == AllocationGateTests.skipped + AllocationGateTests.counted {
                marks.set(after: allocation_count())
            }
            random.fill(&payload, for: message, using: &generator)
        }
    }
}
