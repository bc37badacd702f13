import Synchronization
import Testing
import WSPerfCore
import WSPerfTestServer

/// When the measured times begin.
@Suite struct TimingTests {
    /// No time is negative or absurdly long, in any order of other threads' events.
    @Test(arguments: 1...6 as ClosedRange<UInt64>, [nil, 1, 3] as [Int?])
    func randomOrdersOfEvents(seed: UInt64, inFlight: Int?) async throws {
        let random = Mutex(SeededGenerator(seed: seed, stream: 7))
        let draw: @Sendable (Int) -> Int = { limit in random.withLock { $0.nextInteger(in: 0...limit) } }
        var client = ScriptedClient()
        client.connect = { connection in
            connection.after(.microseconds(draw(3_000))) {
                connection.sink.connected()
                connection.sink.opened()
                if draw(3) == 0 { connection.reply() }
            }
        }
        client.send = { connection, _ in
            switch draw(11) {
            case 0:
                connection.after(.microseconds(draw(2_000))) { connection.sink.writable() }
                return .blocked
            case 1:
                connection.after(.microseconds(draw(2_000))) {
                    connection.sink.writable()
                    connection.reply()
                }
                return .buffered
            case 2: connection.reply()
            case 3: connection.later { connection.reply() }
            case 4:
                if draw(5) == 0 { connection.after(.microseconds(draw(500))) { connection.end(.reset) } }
                fallthrough
            default: connection.after(.microseconds(draw(1_000))) { connection.reply() }
            }
            return .sent
        }
        var (plan, registry) = try client.plan(connections: 40, messages: nil, interval: .microseconds(700))
        if inFlight == 1 { plan.schedule = .periodic(PeriodicOptions(interval: .zero, phase: .aligned)) }
        plan.inFlight = inFlight
        plan.duration = .milliseconds(300)
        plan.ramp = .rate(perSecond: 10_000)
        plan.timeouts.reply = .milliseconds(400)
        plan.reconnect = ReconnectPlan()
        plan.reconnect?.initial = .milliseconds(1)
        plan.reconnect?.max = .milliseconds(5)
        let statistics = try await LoadRun.run(plan, registry: registry)
        for histogram in [
            statistics.sendLag, statistics.rttResponse, statistics.rttService, statistics.openLag,
            statistics.handshake, statistics.handshakeResponse, statistics.tcpConnect, statistics.upgrade,
        ] {
            #expect(histogram.saturated == 0)
            #expect(histogram.largest < 60_000_000_000)
        }
        #expect(statistics.sent >= 40)
    }

    /// A server that delays its closing handshake delays messages due meanwhile; that is not the generator's lag.
    @Test func aSlowCloseIsNotLag() async throws {
        var client = ScriptedClient()
        client.send = { connection, index in
            connection.later { connection.reply() }
            if index == 3 {
                connection.later { connection.sink.closeReceived(CloseCode(rawValue: 1012)) }
                connection.after(.seconds(2)) { connection.end() }
            }
            return .sent
        }
        var (plan, registry) = try client.plan(connections: 2, messages: 12, interval: .milliseconds(20))
        plan.reconnect = ReconnectPlan()
        plan.reconnect?.initial = .milliseconds(1)
        plan.reconnect?.max = .milliseconds(1)
        let statistics = try await LoadRun.run(plan, registry: registry)
        #expect(statistics.interruptions[.closed(1012)] ?? 0 >= 2)
        #expect(statistics.sendLag.largest < 1_500_000_000)
    }

    /// Pings, and the parts of a long message, show that a server is alive.
    @Test(arguments: ["/fault/ping/silent?every=50ms", "/fault/ping?every=50ms"])
    func bytesOfAnyFrameCountAsActivity(path: String) async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url(path), connections: 3, messages: 2)
        plan.schedule = .periodic(PeriodicOptions(interval: .milliseconds(1500), phase: .aligned))
        plan.match = .none
        plan.timeouts.idle = .milliseconds(700)
        #expect(try await LoadRun.run(plan).outcomes == [.succeeded: 3])
        await server.stop()
    }

    /// Two runs in one room get each other's messages, and don't mistake them for replies to their own.
    @Test func runsInOneRoomStaySeparate() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url("/broadcast?room=both"), connections: 3, messages: 20)
        plan.match = .tagged
        async let first = LoadRun.run(plan)
        async let second = LoadRun.run(plan)
        for statistics in try await [first, second] {
            #expect(statistics.outcomes == [.succeeded: 3])
            #expect(statistics.rttService.count == 60)
            #expect(statistics.received == 60 + statistics.unexpected)
        }
        await server.stop()
    }
}
