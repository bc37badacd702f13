import Testing
import WSPerfCore
import WSPerfTestServer

/// The plan offers more than the server or the connection can take.
@Suite struct OverloadTests {
    /// More messages wait than the queue remembers individually; each reply is still timed.
    @Test(arguments: [MatchMode.echo, .tagged, .ping]) func everyReplyIsTimed(match: MatchMode) async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url("/fault/late?by=400ms"), connections: 2, messages: 6_000)
        plan.schedule = .periodic(PeriodicOptions(interval: .microseconds(100), phase: .random))
        plan.match = match
        plan.maxUnanswered = 64
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.succeeded: 2])
        #expect(statistics.untimed == 0)
        #expect(statistics.rttResponse.count == 12_000)
        #expect(statistics.rttService.count == 12_000)
        #expect(statistics.unexpected + statistics.unanswered == 0)
        await server.stop()
    }

    /// Each reply takes 100 ms and none is sent before it: fewer messages go out than are due, and the rest is counted
    /// when the time is over.
    @Test func durationIsAClock() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url("/fault/late?by=100ms"), connections: 20)
        plan.messages = nil
        plan.inFlight = 1
        plan.duration = .milliseconds(800)
        plan.schedule = .periodic(PeriodicOptions(interval: .milliseconds(10), phase: .aligned))
        let engine = try LoadEngine(plan: plan)
        let result = try await engine.run()
        let statistics = result.statistics
        #expect(statistics.outcomes == [.succeeded: 20])
        #expect(!result.timeLimitReached)
        #expect(statistics.sent <= 20 * 9)
        // Due at 0, 10, … 800 ms.
        #expect(statistics.sent + statistics.unsent == 20 * 81)
        #expect(statistics.unanswered == 0)
        await server.stop()
    }

    /// Messages beyond the plan's `messages` are not offered.
    @Test func unsentNeverExceedsThePlansMessages() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url("/fault/late?by=50ms"), connections: 5)
        plan.messages = 30
        plan.inFlight = 2
        plan.duration = .milliseconds(400)
        plan.schedule = .periodic(PeriodicOptions(interval: .milliseconds(1), phase: .aligned))
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.succeeded: 5])
        #expect(statistics.sent + statistics.unsent == 5 * 30)
        #expect(statistics.unsent > 0)
        await server.stop()
    }

    /// A server that stops reading: the connection stops sending when the time is over, and then waits for the socket.
    @Test func durationEndsSendingOnAFullSocket() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url("/fault/stall?after=1"), connections: 3)
        plan.messages = nil
        plan.duration = .milliseconds(300)
        plan.payload = .random(RandomPayloadOptions(format: .binary, length: .fixed(1 << 20)))
        plan.timeouts.reply = .seconds(1)
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.sendTimeout: 3])
        #expect(statistics.unsent > 0)
        await server.stop()
    }

    /// Messages still waiting when their connection dies count as unsent.
    @Test func aDeadConnectionsBacklogIsUnsent() async throws {
        var client = ScriptedClient()
        client.send = { connection, _ in
            connection.after(.milliseconds(200)) { connection.end(.reset) }
            return .sent
        }
        var (plan, registry) = try client.plan(connections: 4, messages: 10_000, interval: .milliseconds(10))
        plan.inFlight = 1
        let statistics = try await LoadRun.run(plan, registry: registry)
        #expect(statistics.outcomes == [.reset: 4])
        #expect(statistics.sent == 4)
        #expect(statistics.unsent >= 4 * 19)
        #expect(statistics.unsent < 4 * 9_000)
    }

    /// Custom schedulers do not have to count the messages that are left.
    @Test func countsUnsentMessagesOfACustomSchedule() {
        struct Burst: MessageScheduler {
            var next: Int64 = 0
            mutating func next(using random: inout SeededGenerator) -> ScheduledMessage? {
                defer { next += 1 }
                return ScheduledMessage(offset: next * 1000)
            }
        }
        var random = SeededGenerator(seed: 1, stream: 1)
        for (through, limit, expected) in [
            (Int64(0), UInt64.max, UInt64(1)), (10_000, .max, 11), (10_999, .max, 11), (10_000, 5, 5),
            (1_000_000_000, .max, 1_000_001), (1_000_000_000, 70_000, 70_000),
        ] {
            var burst = Burst()
            let count = burst.count(through: through, atMost: limit, using: &random)
            #expect(count.distance(to: expected).magnitude <= expected / 10_000)
            var periodic = PeriodicScheduler(every: .microseconds(1), phase: .aligned)
            #expect(periodic.count(through: through, atMost: limit, using: &random) == expected)
        }
    }
}
