import Testing
import WSPerfCore
import WSPerfTestServer

@Suite struct ReconnectTests {
    static func plan(_ url: String, _ schedule: ReconnectPlan.Resumption, limit: Int?) throws -> Plan {
        var plan = try LoadRun.plan(url, messages: 10)
        plan.inFlight = 1
        var reconnect = ReconnectPlan()
        reconnect.initial = .milliseconds(5)
        reconnect.max = .milliseconds(20)
        reconnect.limit = limit
        reconnect.schedule = schedule
        plan.reconnect = reconnect
        return plan
    }

    /// A server that closes after three messages, each time. The fourth may already be sent by then and is not sent
    /// again, so ten messages take three or four attempts.
    @Test func continuesWhereItStopped() async throws {
        let server = try await TestServer.start()
        let statistics = try await LoadRun.run(Self.plan(server.url("/fault/close?after=3"), .continue, limit: 50))
        #expect(statistics.outcomes == [.succeeded: 4])
        let interruptions = try #require(statistics.interruptions[.closed(1011)])
        #expect(statistics.interruptions.count == 1)
        #expect((8...12).contains(interruptions))
        #expect(statistics.started == 4)
        #expect(statistics.opened == 4 + interruptions)
        #expect(statistics.sent == 40)
        await server.stop()
    }

    @Test func restarts() async throws {
        let server = try await TestServer.start()
        let statistics = try await LoadRun.run(Self.plan(server.url("/fault/close?after=3"), .restart, limit: 2))
        #expect(statistics.outcomes == [.closed(1011): 4])
        #expect(statistics.interruptions == [.closed(1011): 8])
        #expect(statistics.opened == 12)
        #expect(statistics.rttService.count == 36)
        await server.stop()
    }

    /// A connection that stays open as long as the longest wait gets all its attempts back: this server ends each
    /// connection after 200 ms, and the limit is two attempts in a row.
    @Test func resetsAttemptsAfterStayingOpen() async throws {
        let server = try await TestServer.start()
        var plan = try Self.plan(server.url("/fault/expire?min=200ms&max=250ms"), .continue, limit: 2)
        plan.schedule = .periodic(every: .milliseconds(100))
        let statistics = try await LoadRun.run(plan)
        // The close frame may cross the last message: then there is nothing left to come back for.
        #expect(Set(statistics.outcomes.keys).isSubset(of: [.succeeded, .closed(1011)]), "\(statistics.outcomes)")
        #expect(statistics.started == 4)
        #expect(statistics.opened > 12)
        #expect(statistics.sent == 40)
        await server.stop()
    }

    @Test func givesUp() async throws {
        let server = try await TestServer.start()
        let url = server.url
        await server.stop()
        let statistics = try await LoadRun.run(Self.plan(url, .continue, limit: 3))
        #expect(statistics.outcomes == [.refused: 4])
        #expect(statistics.interruptions == [.refused: 12])
        #expect(statistics.started == 4)
    }

    @Test func findsAServerThatComesBack() async throws {
        let first = try await TestServer.start()
        var options = TestServerOptions()
        options.port = first.port
        var plan = try Self.plan(first.url, .continue, limit: nil)
        plan.schedule = .periodic(every: .milliseconds(100))
        let statistics = try await LoadRun.run(plan) { [options] _ in
            _ = try await first.counters(within: .seconds(20)) { $0.messagesReceived > 4 }
            await first.stop()
            let second = try await TestServer.start(options: options)
            _ = try await second.counters(within: .seconds(20)) { $0.closeCodes[1000] == 4 }
            await second.stop()
        }
        #expect(statistics.outcomes == [.succeeded: 4])
        #expect(statistics.interruptions[.closed(1001)] == 4)
        #expect(statistics.sent == 40)
    }

    @Test func stopsWhileWaiting() async throws {
        let server = try await TestServer.start()
        var plan = try Self.plan(server.url("/fault/refuse"), .continue, limit: nil)
        plan.reconnect?.initial = .seconds(600)
        plan.reconnect?.max = .seconds(600)
        let statistics = try await LoadRun.run(plan) { engine in
            _ = try await server.counters(within: .seconds(20)) { $0.refused == 4 && $0.connected == 0 }
            engine.stop()
        }
        #expect(statistics.outcomes.values.reduce(0, +) == 4)
        #expect(statistics.outcomes[.aborted] == 4)
        await server.stop()
    }
}
