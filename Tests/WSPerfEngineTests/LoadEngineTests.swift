import Testing
import WSPerfCore
import WSPerfTestServer

@Suite struct LoadEngineTests {
    @Test(arguments: [1, 2, 3]) func echo(threads: Int) async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url, connections: 50, messages: 20)
        plan.threads = threads
        plan.payload = .random(RandomPayloadOptions(length: .uniform(1...5000)))
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.succeeded: 50])
        #expect(statistics.sent == 1000)
        #expect(statistics.received == 1000)
        #expect(statistics.bytesReceived == statistics.bytesSent)
        #expect(statistics.handshake.count == 50)
        #expect(statistics.tcpConnect.count == 50)
        #expect(statistics.upgrade.count == 50)
        #expect(statistics.tls.isEmpty && statistics.dns.isEmpty)
        #expect(statistics.rttResponse.count == 1000)
        #expect(try #require(statistics.rttResponse.min) >= #require(statistics.rttService.min))
        let counters = try await server.counters(within: .seconds(20)) { $0.closeCodes[1000] == 50 }
        #expect(counters.messagesReceived == 1000)
        #expect(counters.bytesReceived == Int(statistics.bytesSent))
        #expect(counters.protocolErrors == 0)
        await server.stop()
    }

    /// The same seed sends the same bytes in the same order; a different seed does not.
    @Test func seeds() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url, connections: 10, messages: 10)
        plan.schedule = .randomized(.exponential(mean: .milliseconds(5)))
        plan.payload = .random(RandomPayloadOptions(length: .uniform(0...100_000)))
        var bytes: [UInt64] = []
        for seed: UInt64 in [7, 7, 8] {
            plan.seed = seed
            let statistics = try await LoadRun.run(plan)
            #expect(statistics.sent == 100)
            bytes.append(statistics.bytesSent)
        }
        #expect(bytes[0] == bytes[1])
        #expect(bytes[0] != bytes[2])
        // However many loops the connections are spread over.
        plan.seed = 7
        plan.threads = 3
        #expect(try await LoadRun.run(plan).bytesSent == bytes[0])
        await server.stop()
    }

    @Test func handshakesOnly() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url, connections: 20)
        plan.sendMessages = false
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.succeeded: 20])
        #expect(statistics.sent == 0)
        #expect(statistics.handshake.count == 20)
        await server.stop()
    }

    @Test func closedLoop() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url, connections: 10, messages: 200)
        plan.schedule = .periodic(PeriodicOptions(interval: .zero, phase: .aligned))
        plan.inFlight = 1
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.succeeded: 10])
        #expect(statistics.sent == 2000)
        #expect(statistics.rttService.count == 2000)
        // Without pauses a message is due when the previous reply has come: nothing is queued.
        let service = try #require(statistics.rttService.percentile(50))
        #expect(try #require(statistics.rttResponse.percentile(50)) < 2 * service + 1_000_000)
        await server.stop()
    }

    /// The open loop does not wait: messages go out while a server does not answer, and the response time includes
    /// their waiting time.
    @Test func openLoopShowsQueueing() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url("/fault/late?by=400ms"), connections: 2, messages: 20)
        var statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.succeeded: 2])
        #expect(try #require(statistics.rttService.min) >= 400_000_000)
        // The closed loop holds messages back. Its response times show that; its service times don't.
        plan.inFlight = 1
        plan.messages = 4
        statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.succeeded: 2])
        #expect(try #require(statistics.rttResponse.max) >= 3 * 400_000_000)
        await server.stop()
    }

    @Test(arguments: ["/fault/reorder?window=4", "/", "/fault/broadcast?room=tagged"])
    func tagged(path: String) async throws {
        let server = try await TestServer.start()
        for format in [PayloadFormat.text, .binary] {
            var plan = try LoadRun.plan(server.url(path), connections: 4, messages: 20)
            plan.match = .tagged
            plan.payload = .random(RandomPayloadOptions(format: format, length: .uniform(48...300)))
            let statistics = try await LoadRun.run(plan)
            #expect(statistics.outcomes == [.succeeded: 4])
            #expect(statistics.rttService.count == 80)
            #expect(statistics.unexpected == statistics.received - 80)
            if !path.contains("broadcast") { #expect(statistics.unexpected == 0) }
        }
        await server.stop()
    }

    @Test func pings() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url("/fault/silent"), connections: 4, messages: 20)
        plan.match = .ping
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.succeeded: 4])
        #expect(statistics.rttService.count == 80)
        #expect(statistics.received == 0)
        await server.stop()
    }

    @Test func unmatched() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url("/fault/silent"), connections: 4, messages: 20)
        plan.match = .none
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.succeeded: 4])
        #expect(statistics.sent == 80)
        #expect(statistics.rttService.isEmpty)
        #expect(statistics.unanswered == 0)
        await server.stop()
    }

    @Test func duration() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url, connections: 4)
        plan.messages = nil
        plan.duration = .milliseconds(500)
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.succeeded: 4])
        // 100 intervals of 5 ms, beginning at a random phase within the first: however late, all are sent.
        #expect(statistics.sent == 400)
        await server.stop()
    }

    /// Without pauses no schedule ends, so the clock ends the sending.
    @Test func durationOfAClosedLoop() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url, connections: 5)
        plan.schedule = .periodic(PeriodicOptions(interval: .zero, phase: .aligned))
        plan.inFlight = 1
        plan.messages = nil
        plan.duration = .milliseconds(300)
        plan.timeLimit = .seconds(60)
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.succeeded: 5])
        #expect(statistics.sent > 5)
        #expect(statistics.unanswered == 0)
        await server.stop()
    }

    @Test func stopsInOrder() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url, connections: 100, messages: 1_000_000)
        plan.ramp = .rate(perSecond: 100_000)
        let statistics = try await LoadRun.run(plan) { engine in
            _ = try await server.counters(within: .seconds(20)) { $0.messagesReceived > 500 }
            engine.stop()
        }
        #expect(statistics.outcomes == [.aborted: 100])
        #expect(statistics.sent > 500)
        #expect(try await server.counters(within: .seconds(20)) { $0.connected == 0 }.closeCodes == [1001: 100])
        await server.stop()
    }

    @Test func stopsWhileOpening() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url, connections: 1000, messages: 1_000_000)
        plan.ramp = .rate(perSecond: 100)
        let statistics = try await LoadRun.run(plan) { engine in
            _ = try await server.counters(within: .seconds(20)) { $0.messagesReceived > 20 }
            engine.stop()
        }
        #expect(statistics.outcomes == [.aborted: 1000])
        #expect(statistics.started < 1000)
        await server.stop()
    }

    @Test func aborts() async throws {
        let server = try await TestServer.start()
        let plan = try LoadRun.plan(server.url("/fault/no-close"), connections: 20, messages: 1_000_000)
        let statistics = try await LoadRun.run(plan) { engine in
            _ = try await server.counters(within: .seconds(20)) { $0.messagesReceived > 100 }
            engine.stop()
            engine.abort()
        }
        #expect(statistics.outcomes == [.aborted: 20])
        #expect(try await server.counters(within: .seconds(20)) { $0.connected == 0 }.upgraded == 20)
        await server.stop()
    }

    @Test func stoppedBeforeItRan() async throws {
        let engine = try LoadEngine(plan: LoadRun.plan("ws://127.0.0.1:9/"))
        engine.stop()
        let result = try await engine.run()
        #expect(result.statistics.outcomes == [.aborted: 4])
    }

    @Test func cancellationStops() async throws {
        let server = try await TestServer.start()
        let plan = try LoadRun.plan(server.url, connections: 10, messages: 1_000_000)
        let task = Task { try await LoadEngine(plan: plan).run() }
        _ = try await server.counters(within: .seconds(20)) { $0.messagesReceived > 100 }
        task.cancel()
        #expect(try await task.value.statistics.outcomes == [.aborted: 10])
        await server.stop()
    }

    @Test func timeLimit() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url, connections: 10, messages: 1_000_000)
        plan.timeLimit = .milliseconds(300)
        let result = try await LoadEngine(plan: plan).run()
        #expect(result.timeLimitReached)
        #expect(result.statistics.outcomes == [.aborted: 10])
        await server.stop()
    }

    @Test func requestFollowsThePlan() async throws {
        var options = TestServerOptions()
        options.subprotocols = ["chat"]
        let server = try await TestServer.start(options: options)
        var plan = try LoadRun.plan(server.url("/path?query=1"), connections: 1)
        plan.headers = [Header(name: "X-Test", value: "1"), Header(name: "X-Test", value: "2")]
        plan.subprotocols = ["other", "chat"]
        #expect(try await LoadRun.run(plan).outcomes == [.succeeded: 1])
        let request = try #require(await server.counters().lastRequest)
        #expect(request.path == "/path?query=1")
        #expect(request.headers.filter { $0.name == "X-Test" }.map(\.value) == ["1", "2"])
        #expect(request.headers.contains { $0.name == "Sec-WebSocket-Protocol" && $0.value == "other, chat" })
        await server.stop()
    }

    @Test func replay() async throws {
        let server = try await TestServer.start()
        var log = ""
        var lengths = 0
        var random = SeededGenerator(seed: 3, stream: 0)
        for line in 0..<1000 {
            let length = random.nextInteger(in: 0...2000)
            lengths += length
            log +=
                #"{"t_us": \#(line * 2000), "conn": 0, "dir": "send", "op": \#(1 + line % 2), "len": \#(length)}"#
                + "\n"
        }
        var plan = try LoadRun.plan(server.url, connections: 50)
        plan.messages = nil
        plan.attachments = ["log.jsonl": Array(log.utf8)]
        plan.schedule = .replay(ReplayOptions(log: "log.jsonl", speed: 10))
        plan.payload = .replay
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.succeeded: 50])
        #expect(statistics.sent == 50_000)
        #expect(statistics.bytesSent == UInt64(50 * lengths))
        #expect(await server.counters().bytesReceived == 50 * lengths)
        await server.stop()
    }

    @Test func unknownComponents() {
        #expect(throws: PlanError.self) {
            var plan = try LoadRun.plan("ws://127.0.0.1:9/")
            plan.client = ComponentPlan(kind: "stok")
            _ = try LoadEngine(plan: plan)
        }
    }

    /// What a test harness asks of a result.
    @Test func aResultSaysWhetherItIsValid() {
        var statistics = LoadStatistics()
        statistics.outcomes = [.succeeded: 7, .refused: 3]
        statistics.sendLag.record(1_000)
        statistics.openLag.record(1_000)
        #expect(LoadResult(planned: 10, elapsed: 1, statistics: statistics).failed == 3)
        #expect(LoadResult(planned: 10, elapsed: 1, statistics: statistics).isValid)
        #expect(LoadResult(planned: 10, elapsed: 1, statistics: statistics).verdict == .keptUp)
        #expect(!LoadResult(planned: 10, elapsed: 1, statistics: statistics, problems: ["a problem"]).isValid)
        statistics.untimed = 1
        #expect(!LoadResult(planned: 10, elapsed: 1, statistics: statistics).isValid)
        statistics.untimed = 0
        for _ in 0..<10 { statistics.openLag.record(2_000_000_000) }
        let late = LoadResult(planned: 10, elapsed: 1, statistics: statistics)
        #expect(late.verdict == .tooSlow)
        #expect(!late.isValid)
        #expect(late.judgement.reason?.contains("connections were opened") == true)
    }
}
