import Testing
import WSPerfCore
import WSPerfTestServer

/// Runs plans in-process against the test's own server.
enum LoadRun {
    /// A plan whose deadlines are short enough to detect misbehaviour soon, and long enough for a busy machine.
    static func plan(_ url: String, connections: Int = 4, messages: Int = 3) throws -> Plan {
        var plan = Plan(target: try Target(url))
        plan.instances = connections
        plan.messages = messages
        plan.schedule = .periodic(PeriodicOptions(interval: .milliseconds(5), phase: .random))
        plan.payload = .random(RandomPayloadOptions(length: .fixed(64)))
        plan.timeouts.connect = .seconds(20)
        plan.timeouts.reply = .seconds(20)
        plan.timeouts.close = .seconds(20)
        return plan
    }

    /// Runs it to the end and checks what holds for every run: each connection has one outcome, snapshots add up to the
    /// result, sequences have no gap, and only the last snapshot is final.
    static func run(
        _ plan: Plan, registry: Registry = Registry(), sourceLocation: SourceLocation = #_sourceLocation,
        command: @Sendable (LoadEngine) async throws -> Void = { _ in }
    ) async throws -> LoadStatistics {
        let engine = try LoadEngine(plan: plan, registry: registry)
        let (snapshots, continuation) = AsyncStream.makeStream(of: Snapshot.self)
        async let running = engine.run { continuation.yield($0) }
        try await command(engine)
        let result = try await running
        continuation.finish()
        var sum = LoadStatistics()
        var sequence: UInt64 = 0
        var finals = 0
        for await snapshot in snapshots {
            sequence += 1
            #expect(snapshot.sequence == sequence, sourceLocation: sourceLocation)
            finals += snapshot.isFinal ? 1 : 0
            sum.merge(snapshot.statistics)
        }
        #expect(finals == 1, sourceLocation: sourceLocation)
        let statistics = result.statistics
        #expect(sum == statistics, sourceLocation: sourceLocation)
        #expect(statistics.outcomes.values.reduce(0, +) == UInt64(plan.instances), sourceLocation: sourceLocation)
        #expect(statistics.opened == statistics.ended, sourceLocation: sourceLocation)
        #expect(statistics.sendLag.count == statistics.sent, sourceLocation: sourceLocation)
        return statistics
    }
}

extension Histogram {
    /// The largest value, to the resolution of its bucket; 0 if there is none.
    var largest: UInt64 { nonZeroBuckets.reduce(0) { Swift.max($0, $1.values.upperBound) } }
}
