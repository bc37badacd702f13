import Testing
import WSPerfCore
import WSPerfTestServer

/// Whatever the server does is a result: every connection gets the outcome that names it.
@Suite struct MisbehaviourTests {
    static let refusals: [(String, Outcome)] = [
        ("/fault/refuse", .upgradeStatus(503)),
        ("/fault/refuse?status=404", .upgradeStatus(404)),
        ("/fault/wrong-accept", .upgradeInvalid),
        ("/fault/no-accept", .upgradeInvalid),
        ("/fault/no-upgrade", .upgradeInvalid),
        ("/fault/no-connection", .upgradeInvalid),
        ("/fault/extension", .upgradeInvalid),
        ("/fault/subprotocol", .upgradeInvalid),
        ("/fault/drop", .upgradeClosed),
        ("/fault/drop-reset", .upgradeClosed),
        ("/fault/not-http", .upgradeInvalid),
        ("/fault/huge-head", .upgradeInvalid),
    ]

    @Test(arguments: refusals) func opening(path: String, outcome: Outcome) async throws {
        let server = try await TestServer.start()
        let statistics = try await LoadRun.run(LoadRun.plan(server.url(path)))
        #expect(statistics.outcomes == [outcome: 4])
        #expect(statistics.opened == 0)
        #expect(statistics.tcpConnect.count == 4)
        #expect(statistics.handshake.count == 0)
        await server.stop()
    }

    /// What a server may do at any time without breaking anything.
    @Test(arguments: [
        "/", "/fault/dribble?every=100us", "/fault/fragment?parts=5", "/fault/interleave", "/fault/late?by=50ms",
        "/fault/ping?every=1ms&length=125", "/fault/resize?length=100000", "/fault/resize?length=0",
    ])
    func harmless(path: String) async throws {
        let server = try await TestServer.start()
        let statistics = try await LoadRun.run(LoadRun.plan(server.url(path), messages: 10))
        #expect(statistics.outcomes == [.succeeded: 4])
        #expect(statistics.sent == 40)
        #expect(statistics.received == 40)
        #expect(statistics.rttResponse.count == 40)
        #expect(statistics.unanswered + statistics.unexpected == 0)
        #expect(try await server.counters(within: .seconds(20)) { $0.closeCodes == [1000: 4] }.protocolErrors == 0)
        await server.stop()
    }

    static let afterTwo: [(String, Outcome)] = [
        ("close", .closed(1011)),
        ("close?code=4001&reason=enough", .closed(4001)),
        ("close?code=0", .closed(1005)),
        ("close?code=1005", .protocolError),
        ("eof", .closed(1006)),
        ("reset", .reset),
        ("garbage", .protocolError),
        ("masked", .protocolError),
        ("rsv?bits=4", .protocolError),
        ("rsv?bits=1", .protocolError),
        ("opcode?opcode=3", .protocolError),
        ("opcode?opcode=11", .protocolError),
        ("utf8", .protocolError),
        ("control?length=126", .protocolError),
        ("fragmented-control", .protocolError),
        ("continuation", .protocolError),
        ("huge-frame", .messageTooBig),
    ]

    @Test(arguments: afterTwo) func deathAfterTwoMessages(fault: String, outcome: Outcome) async throws {
        let server = try await TestServer.start()
        let path = "/fault/\(fault)" + (fault.contains("?") ? "&" : "?") + "after=2"
        // Paced so that the third message is not yet sent when the second reply comes.
        var plan = try LoadRun.plan(server.url(path), messages: 1000)
        plan.inFlight = 1
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [outcome: 4])
        #expect(statistics.opened == 4)
        #expect(statistics.sent >= 8)
        #expect(statistics.received >= 8)
        #expect(statistics.rttService.count == 8)
        await server.stop()
    }

    @Test func nothingListens() async throws {
        let server = try await TestServer.start()
        let url = server.url
        await server.stop()
        let statistics = try await LoadRun.run(LoadRun.plan(url, connections: 50))
        #expect(statistics.outcomes == [.refused: 50])
        #expect(statistics.tcpConnect.isEmpty)
    }

    @Test func noSuchName() async throws {
        // RFC 6761 §6.4: never resolved; glibc does not even ask.
        let statistics = try await LoadRun.run(LoadRun.plan("ws://host.invalid:9/", connections: 3))
        #expect(statistics.outcomes == [.dns: 3])
    }

    @Test func unansweredUpgrade() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url("/fault/hang"))
        plan.timeouts.connect = .milliseconds(300)
        #expect(try await LoadRun.run(plan).outcomes == [.timeoutUpgrade: 4])
        await server.stop()
    }

    @Test func missingReplies() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url("/fault/silent"))
        plan.timeouts.reply = .milliseconds(300)
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.replyTimeout: 4])
        #expect(statistics.sent == 12)
        #expect(statistics.unanswered == 12)
        #expect(statistics.rttService.isEmpty)
        await server.stop()
    }

    @Test func repliesTooLate() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url("/fault/late?by=800ms"), messages: 250)
        plan.timeouts.reply = .milliseconds(100)
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.replyTimeout: 4])
        #expect(statistics.late > 0)
        #expect(statistics.received + statistics.unanswered == statistics.sent)
        await server.stop()
    }

    @Test func twoRepliesForOne() async throws {
        let server = try await TestServer.start()
        let statistics = try await LoadRun.run(LoadRun.plan(server.url("/fault/twice"), messages: 20))
        #expect(statistics.outcomes == [.succeeded: 4])
        #expect(statistics.rttService.count == 80)
        #expect(statistics.unexpected > 0)
        #expect(statistics.received == 80 + statistics.unexpected)
        await server.stop()
    }

    /// Far more messages than were asked for, as fast as possible: all are counted, and none is mistaken for a reply.
    @Test func floods() async throws {
        let server = try await TestServer.start()
        let path = "/fault/flood?after=1&length=1000&count=5000"
        let statistics = try await LoadRun.run(LoadRun.plan(server.url(path), messages: 500))
        #expect(statistics.outcomes == [.succeeded: 4])
        #expect(statistics.rttService.count == 2000)
        #expect(statistics.unexpected > 0)
        #expect(statistics.received == 2000 + statistics.unexpected)
        await server.stop()
    }

    /// A server that stops reading: messages that its buffers don't take are held back, counted, and end as a timeout.
    @Test func stalls() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url("/fault/stall?after=1"), messages: 1000)
        plan.payload = .random(RandomPayloadOptions(format: .binary, length: .fixed(1 << 20)))
        plan.timeouts.reply = .seconds(1)
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.sendTimeout: 4])
        #expect(statistics.blocked >= 4)
        #expect(statistics.unanswered > 0)
        await server.stop()
    }

    @Test func closeUnanswered() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url("/fault/no-close"))
        plan.timeouts.close = .milliseconds(300)
        #expect(try await LoadRun.run(plan).outcomes == [.closeTimeout: 4])
        // The close frame ends the conversation; a TCP connection left open after it does no harm.
        var other = try LoadRun.plan(server.url("/fault/no-fin"))
        other.timeouts.close = .milliseconds(300)
        #expect(try await LoadRun.run(other).outcomes == [.succeeded: 4])
        await server.stop()
    }

    @Test func idle() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url("/fault/silent"), messages: 1000)
        plan.match = .none
        plan.timeouts.idle = .milliseconds(300)
        #expect(try await LoadRun.run(plan).outcomes == [.idleTimeout: 4])
        await server.stop()
    }

    @Test func framesWithTheUpgrade() async throws {
        let server = try await TestServer.start()
        let statistics = try await LoadRun.run(LoadRun.plan(server.url("/fault/early?count=3")))
        #expect(statistics.outcomes == [.succeeded: 4])
        #expect(statistics.unexpected == 12)
        #expect(statistics.rttService.count == 12)
        await server.stop()
    }
}
