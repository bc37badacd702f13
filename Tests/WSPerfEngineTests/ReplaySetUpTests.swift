import Synchronization
import Testing
import WSPerfTestServer

@testable import WSPerfCore

/// What an engine reads from a replay log and what it keeps.
@Suite struct ReplaySetUpTests {
    private static func plan(_ url: String, messages: Int = 20) throws -> Plan {
        var plan = try LoadRun.plan(url, connections: 6)
        plan.threads = 3
        plan.messages = nil
        plan.schedule = .replay(ReplayOptions(log: "log.jsonl"))
        plan.payload = .replay
        let lines = (0..<messages).map { #"{"t_us": \#($0 * 10), "len": 20}"# }
        plan.attachments = ["log.jsonl": Array(lines.joined(separator: "\n").utf8)]
        return plan
    }

    /// Schedule, payload and time limit share one log, however many loops there are.
    @Test func readsTheLogOnce() async throws {
        let server = try await TestServer.start()
        let loads = Mutex<[String]>([])
        let plan = try Self.plan(server.url)
        let statistics = try await ReplayLog.$onLoad.withValue({ path in loads.withLock { $0.append(path) } }) {
            try await LoadEngine(plan: plan).run().statistics
        }
        #expect(statistics.outcomes == [.succeeded: 6])
        #expect(statistics.sent == 120)
        #expect(loads.withLock(\.self) == ["log.jsonl"])
        await server.stop()
    }

    @Test func keepsNoAttachments() throws {
        let engine = try LoadEngine(plan: Self.plan("ws://127.0.0.1:9/"))
        #expect(engine.plan.attachments.isEmpty)
        // 190 µs of log, 20 messages that may each wait for the socket, and the allowance of every run.
        #expect(engine.timeLimit == 190_000 + 20 * 20_000_000_000 + 1_060_000_000 + 60_000_000_000 + 5_000_000)
    }

    /// A slow server that meets the deadlines is not cut short: in a closed loop each message of the log may wait for a
    /// reply.
    @Test func aSlowServerIsNotCutShort() async throws {
        let server = try await TestServer.start()
        var plan = try Self.plan(server.url("/fault/late?by=200ms"), messages: 25)
        plan.instances = 2
        plan.threads = 1
        plan.inFlight = 1
        plan.timeouts.connect = .seconds(1)
        plan.timeouts.reply = .seconds(1)
        plan.timeouts.close = .seconds(1)
        let result = try await LoadEngine(plan: plan).run()
        #expect(!result.timeLimitReached)
        #expect(result.statistics.outcomes == [.succeeded: 2])
        #expect(result.statistics.sent == 50)
        await server.stop()
    }
}
