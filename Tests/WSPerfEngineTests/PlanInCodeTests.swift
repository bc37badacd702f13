import Testing
import WSPerfTestServer

@testable import WSPerfCore

/// Plans made in code obey the same rules as plan files.
@Suite struct PlanInCodeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let message: String
        let change: @Sendable (inout Plan) throws -> Void
        init(_ message: String, _ change: @escaping @Sendable (inout Plan) throws -> Void) {
            self.message = message
            self.change = change
        }
        var testDescription: String { message }
    }

    static let cases = [
        Case("threads: must be from 1 to 1024, not 0") { $0.threads = 0 },
        Case("threads: more threads than instances (4)") { $0.threads = 5 },
        Case("instances: must be from 1 to 10000000, not -1") { $0.instances = -1 },
        Case("instances: must be from 1 to 10000000, not 0") { $0.instances = 0 },
        Case("machines: must be from 1 to 10000, not 0") { $0.machines = 0 },
        Case("machines: must be from 1 to 10000, not \(Int.max)\nprocesses: must be from 1 to 10000, not \(Int.max)") {
            $0.machines = .max
            $0.processes = .max
        },
        Case("in_flight: must be from 1 to 1000000, not 0") { $0.inFlight = 0 },
        Case("in_flight: waits for replies, but match is none: nothing received is a reply") {
            $0.inFlight = 1
            $0.match = .none
        },
        Case("max_unanswered: must be from 1 to 1000000, not 0") { $0.maxUnanswered = 0 },
        Case("max_message_size: must not be negative, not -1") { $0.maxMessageSize = -1 },
        Case("messages: must be from 1 to 1000000000, not -1") { $0.messages = -1 },
        Case("messages: missing: give messages or duration, so that the run ends") { $0.messages = nil },
        Case("duration: must not be negative, not -5s") { $0.duration = .seconds(-5) },
        Case("duration: must not be negative, not -1ns") {
            $0.duration = Duration(secondsComponent: 0, attosecondsComponent: -1)
        },
        Case("duration: must be at most 8784h (366 days), not 9223372036854775807ns") {
            $0.duration = .seconds(Int64.max)
        },
        Case("time_limit: must be from 1ms to 31622400s, not 0s") { $0.timeLimit = .zero },
        Case("timer_slack: must be from 0s to 10ms, not 1s") { $0.timerSlack = .seconds(1) },
        Case("timeouts.connect: must be from 1ms to 31622400s, not 0s") { $0.timeouts.connect = .zero },
        Case("timeouts.reply: must not be negative, not -1s") { $0.timeouts.reply = .seconds(-1) },
        Case("timeouts.idle: must be from 1ms to 31622400s, not 0s") { $0.timeouts.idle = .zero },
        Case("fleet.liveness: must be from 100ms to 31622400s, not 0s") { $0.fleet.liveness = .zero },
        Case("ramp.rate: must be from 0.001/s to 1000000/s, not 0/s") { $0.ramp = .rate(perSecond: 0) },
        Case("ramp.rate: must be from 0.001/s to 1000000/s, not -1/s") { $0.ramp = .rate(perSecond: -1) },
        Case("ramp.rate: expected a rate such as 500/s or 30/m, not 'nan/s'") { $0.ramp = .rate(perSecond: .nan) },
        Case("ramp.rate: expected a rate such as 500/s or 30/m, not 'inf/s'") {
            $0.ramp = .rate(perSecond: .infinity)
        },
        Case("ramp.over: must not be negative, not -1s") { $0.ramp = .over(.seconds(-1)) },
        Case("ramp.max_opening: must be from 1 to 10000000, not 0") { $0.maxOpening = 0 },
        Case("ramp.max_opening: fewer than threads (2): each event loop opens at least one at a time") {
            $0.threads = 2
            $0.maxOpening = 1
        },
        Case("headers[0]: the client writes the header Host itself") {
            $0.headers = [Header(name: "Host", value: "example.org")]
        },
        Case("headers[0]: the client writes the header content-length itself") {
            $0.headers = [Header(name: "content-length", value: "5")]
        },
        Case("headers[1].a:b: 'a:b' is not a header name") {
            $0.headers = [Header(name: "x", value: ""), Header(name: "a:b", value: "c")]
        },
        Case("headers[0]: 'Host ' is not a header name") { $0.headers = [Header(name: "Host ", value: "x")] },
        Case("headers[0]: '' is not a header name") { $0.headers = [Header(name: "", value: "x")] },
        Case("headers[0]: a header's value must have at most 8192 bytes and no control characters") {
            $0.headers = [Header(name: "a", value: "x\r\nb: y")]
        },
        Case("headers[0].a: a header's value must have at most 8192 bytes and no control characters") {
            $0.headers = [Header(name: "a", value: " x\r\nb: y")]
        },
        Case("subprotocols[0]: 'a b' is not a subprotocol: use letters, digits and -._~!#$%&'*+^`|") {
            $0.subprotocols = ["a b"]
        },
        Case("name: '../x' is not a name: use 1 to 100 bytes without '/', control characters or a leading '.'") {
            $0.name = "../x"
        },
        Case("congestion_control: '' is not a congestion control: write a name such as cubic") {
            $0.congestionControl = ""
        },
        Case("source_addresses: 127.0.0.2 occurs twice") {
            $0.sourceAddresses = [try AddressRange("127.0.0.2"), try AddressRange("127.0.0.2")]
        },
        Case("tls.certificate: needs tls.key as well") { $0.tls.certificate = "c.pem" },
        Case("tls.server_name: 'a b' is not a host name") { $0.tls.serverName = "a b" },
        Case("min_machines: more than machines (1)") { $0.minMachines = 2 },
        Case("reconnect.backoff.initial: must be from 1ms to 31622400s, not 0s") {
            $0.reconnect = ReconnectPlan()
            $0.reconnect?.initial = .zero
        },
        Case("reconnect.backoff.max: less than initial") {
            $0.reconnect = ReconnectPlan()
            $0.reconnect?.max = .milliseconds(5)
        },
        Case("reconnect.backoff.jitter: expected a number, not 'nan'") {
            $0.reconnect = ReconnectPlan()
            $0.reconnect?.jitter = .nan
        },
        Case("reconnect.limit: must be from 1 to 1000000000, not -1") {
            $0.reconnect = ReconnectPlan()
            $0.reconnect?.limit = -1
        },
        Case("schedule.interval: must not be negative, not -1s") { $0.schedule = .periodic(every: .seconds(-1)) },
        Case("schedule.interval: 0 needs a closed loop: give in_flight as well") {
            $0.schedule = .periodic(every: .zero)
        },
        Case("schedule.min: min is above max") {
            $0.schedule = .randomized(.uniform(min: .seconds(2), max: .seconds(1)))
        },
        Case("schedule.unit: must be from 1us to 86400s, not 0s") {
            $0.schedule = .randomized(.poisson(mean: .seconds(1), unit: .zero))
        },
        Case("schedule.speed: expected a number, not 'nan'") {
            $0.schedule = .replay(ReplayOptions(log: "x", speed: .nan))
        },
        Case("schedule.log: expected the path of a file, not ''") { $0.schedule = .replay(ReplayOptions(log: "")) },
        Case("schedule.loop: needs messages or duration, so that the run ends") {
            $0.schedule = .replay(ReplayOptions(log: "x", loop: true))
            $0.messages = nil
        },
        Case("schedule.kind: '' is not a valid kind") { $0.schedule = .custom(kind: "") },
        Case("schedule: expected a mapping (key: value), not 'fast'") {
            $0.schedule = .custom(kind: "periodic", options: .string("fast"))
        },
        Case("schedule.intervall: unknown key; did you mean 'interval'?") {
            $0.schedule = .custom(kind: "periodic", options: .mapping(["intervall": .string("1s")]))
        },
        Case("schedule.kind: the key occurs twice") {
            $0.schedule = .custom(kind: "own", options: .mapping(["kind": .string("other")]))
        },
        Case("client.a.b: the key occurs twice") {
            $0.client = ComponentPlan(
                kind: "own",
                options: .mapping(["a": .mapping([.init(key: "b", value: .null), .init(key: "b", value: .null)])]))
        },
        Case("client.deep" + String(repeating: "[0]", count: 31) + ": nested deeper than 32 levels") {
            let deep = (0..<50).reduce(PlanNode.null) { node, _ in .sequence([node]) }
            $0.client = ComponentPlan(kind: "own", options: .mapping(["deep": deep]))
        },
        Case("payload.length: must not be negative, not -1") {
            $0.payload = .random(RandomPayloadOptions(length: .fixed(-1)))
        },
        Case("payload.length.weighted: expected at least one pair of a size and its weight: [[16, 0.7], [4096, 0.3]]") {
            $0.payload = .random(RandomPayloadOptions(length: .weighted([])))
        },
        Case("payload.length.weighted[0][1]: expected a number, not 'nan'") {
            $0.payload = .random(RandomPayloadOptions(length: .weighted([.init(length: 1, weight: .nan)])))
        },
        Case("payload.length.exponential.mean: expected a size such as 240, 4KiB or 1MiB, not 'inf'") {
            $0.payload = .random(RandomPayloadOptions(length: .exponential(mean: .infinity, range: 0...9)))
        },
        Case("payload.kind: replay needs the replay schedule, whose log it sends") { $0.payload = .replay },
        Case("payload.length: match: tagged needs text messages of at least 48 bytes, not 8") {
            $0.match = .tagged
            $0.payload = .random(RandomPayloadOptions(length: .fixed(8)))
        },
        Case("machines: must be from 1 to 10000, not 0\nthreads: must be from 1 to 1024, not -1") {
            $0.machines = 0
            $0.threads = -1
        },
    ]

    /// Each is refused before anything runs, with the same message as for a plan file.
    @Test(arguments: cases) func refuses(_ refused: Case) throws {
        var plan = try LoadRun.plan("ws://127.0.0.1:9/")
        try refused.change(&plan)
        let error = #expect(throws: PlanError.self) { _ = try LoadEngine(plan: plan, share: WorkerShare()) }
        #expect(error?.description == refused.message)
    }

    /// An engine is one worker, so a plan for several must say which.
    @Test(
        arguments: [
            (
                2, 1,
                "machines: 2 machines × 1 processes are 2 workers, but an engine runs one: set both to 1, say which "
                    + "one it is (share: WorkerShare(workerIndex: 0)), or run the plan with a fleet"
            ),
            (
                1, 3,
                "processes: 1 machines × 3 processes are 3 workers, but an engine runs one: set both to 1, say which "
                    + "one it is (share: WorkerShare(workerIndex: 0)), or run the plan with a fleet"
            ),
        ])
    func aPlanOfSeveralWorkersNeedsAShare(machines: Int, processes: Int, message: String) throws {
        var plan = try LoadRun.plan("ws://127.0.0.1:9/")
        plan.machines = machines
        plan.processes = processes
        let error = #expect(throws: PlanError.self) { _ = try LoadEngine(plan: plan) }
        #expect(error?.description == message)
        for index in 0..<machines * processes { _ = try LoadEngine(plan: plan, share: WorkerShare(workerIndex: index)) }
        for index in [-1, machines * processes] {
            let error = #expect(throws: PlanError.self) {
                _ = try LoadEngine(plan: plan, share: WorkerShare(workerIndex: index))
            }
            #expect(
                error?.description
                    == "share.workerIndex: \(index) is not a worker of this plan: machines × processes gives 0 to "
                    + "\(machines * processes - 1)")
        }
    }

    /// Computed durations are rarely whole nanoseconds, so fractions are accepted.
    @Test func fractionsOfANanosecondAreDropped() throws {
        var plan = try LoadRun.plan("ws://127.0.0.1:9/")
        plan.duration = .seconds(1) / 3
        plan.headers = [Header(name: "a", value: " b:c "), Header(name: "a", value: "d: e")]
        let engine = try LoadEngine(plan: plan)
        #expect(engine.plan.duration == .nanoseconds(333_333_333))
        #expect(engine.plan.headers == plan.headers)
        plan.duration = engine.plan.duration
        #expect(engine.plan == plan)
    }

    @Test func anEngineRunsOnce() async throws {
        let engine = try LoadEngine(plan: LoadRun.plan("ws://127.0.0.1:9/"))
        engine.stop()
        let result = try await engine.run()
        #expect(result.failed == 4)
        let error = await #expect(throws: LoadEngineError.self) { try await engine.run() }
        #expect(error == .hasRun)
        #expect(
            error?.description
                == "this engine has already run, and an engine runs only once: make a new one with the same plan")
    }

    @Test func failedCountsAllThatDidNotSucceed() async throws {
        let server = try await TestServer.start()
        let good = try await LoadEngine(plan: LoadRun.plan(server.url)).run()
        #expect(good.failed == 0)
        let url = server.url
        await server.stop()
        let refused = try await LoadEngine(plan: LoadRun.plan(url, connections: 7)).run()
        #expect(refused.failed == 7 && refused.planned == 7)
    }
}
