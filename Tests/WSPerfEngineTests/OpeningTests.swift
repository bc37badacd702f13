import Synchronization
import Testing
import WSPerfCore
import WSPerfTestServer

@Suite struct OpeningTests {
    /// However fast the ramp, no more connections open at once than the plan allows. The delay is part of the
    /// handshake's response time and not the generator's lag.
    @Test(arguments: [1, 2]) func opensNoMoreAtOnceThanAllowed(threads: Int) async throws {
        let opening = Mutex((now: 0, most: 0))
        var client = ScriptedClient()
        client.connect = { connection in
            opening.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            connection.after(.milliseconds(30)) {
                opening.withLock { $0.now -= 1 }
                connection.open()
            }
        }
        var (plan, registry) = try client.plan(connections: 40, messages: 1)
        plan.threads = threads
        plan.ramp = .rate(perSecond: 100_000)
        plan.maxOpening = 4
        let statistics = try await LoadRun.run(plan, registry: registry)
        #expect(statistics.outcomes == [.succeeded: 40])
        #expect(opening.withLock { $0.most } <= 4)
        #expect(statistics.openLag.count == 40)
        // Ten groups of four, each of 30 ms; the last one began after nine.
        #expect(statistics.handshakeResponse.largest >= 270_000_000)
        #expect(statistics.lastStart >= 270_000_000)
    }

    /// Failed openings make room too, and new attempts wait their turn.
    @Test func failuresAndNewAttemptsCount() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url("/fault/hang"), connections: 6)
        plan.ramp = .rate(perSecond: 100_000)
        plan.maxOpening = 2
        plan.timeouts.connect = .milliseconds(100)
        var reconnect = ReconnectPlan()
        reconnect.initial = .milliseconds(1)
        reconnect.max = .milliseconds(2)
        reconnect.limit = 2
        plan.reconnect = reconnect
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.timeoutUpgrade: 6])
        #expect(statistics.interruptions == [.timeoutUpgrade: 12])
        #expect(try await server.counters(within: .seconds(20)) { $0.accepted == 18 }.accepted == 18)
        await server.stop()
    }

    /// A run's clock starts after set-up, so set-up time is not lag.
    @Test func setUpTimeIsNotLag() async throws {
        var client = ScriptedClient()
        client.connect = { $0.open() }
        var (plan, registry) = try client.plan(connections: 10, messages: 1)
        plan.ramp = .rate(perSecond: 100_000)
        plan.payload = .custom(kind: "slow to set up")
        registry.register(payload: "slow to set up") { _ in
            { _ in
                let end = ContinuousClock.now + .milliseconds(800)
                while ContinuousClock.now < end {}
                return FixedPayload([1, 2, 3], kind: .binary)
            }
        }
        let statistics = try await LoadRun.run(plan, registry: registry)
        #expect(statistics.openLag.largest < 700_000_000)
    }

    /// The time from the ramp's intended start counts, not only the time from the actual start.
    @Test func everyOpeningHasBothTimes() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url, connections: 200)
        plan.ramp = .rate(perSecond: 2_000)
        plan.sendMessages = false
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.succeeded: 200])
        #expect(statistics.openLag.count == 200)
        #expect(statistics.handshakeResponse.count == 200)
        #expect(statistics.handshakeResponse.sum >= statistics.handshake.sum)
        #expect(statistics.loopTime > 0)
        #expect(statistics.loopBusy <= statistics.loopTime)
        #expect(statistics.loopCPU > 0)
        await server.stop()
    }
}
