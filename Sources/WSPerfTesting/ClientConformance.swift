public import WSPerfCore
internal import WSPerfTestServer

/// Checks a client: uses it as a load test does, against a server on this machine that behaves well, behaves badly, or
/// does not run at all.
///
/// ```swift
/// var registry = Registry()
/// registry.register(client: "mine") { _ in MyClient() }
/// let findings = try await ClientConformance(registry: registry, client: ComponentPlan(kind: "mine")).check()
/// #expect(findings.isEmpty)
/// ```
///
/// All traffic goes to 127.0.0.1.
public struct ClientConformance: Sendable {
    public var registry: Registry
    public var client: ComponentPlan
    /// Whether the client can send pings. If not, it must answer `.unsupported`.
    public var hasPings = true
    /// How long a check waits for something that a client should do at once (monotonic clock). Long enough for busy
    /// machines.
    public var patience: Duration = .seconds(20)

    public init(registry: Registry, client: ComponentPlan) {
        self.registry = registry
        self.client = client
    }

    /// Runs all checks, one after another, and returns the findings. Takes some seconds.
    ///
    /// - Throws: If the checks cannot run at all: no port is free, or the client cannot be set up.
    public func check() async throws -> [Finding] {
        let server = try await TestServer.start()
        var findings: [Finding] = []
        for check in Self.checks where check.needsPings != true || hasPings {
            var plan = Plan(target: try Target(server.url(check.path)))
            plan.client = client
            plan.instances = 5
            plan.messages = 5
            plan.schedule = .periodic(PeriodicOptions(interval: .milliseconds(2)))
            plan.timeouts.connect = patience
            plan.timeouts.reply = patience
            plan.timeouts.close = patience
            check.change(&plan)
            let before = await server.counters()
            let statistics = try await LoadEngine(plan: plan, registry: registry).run().statistics
            // The server learns of the last closes a little later than the client.
            let after = try? await server.counters(within: patience) { $0.connected == 0 }
            if after == nil { findings.append(Finding(check.name, "a connection stays open")) }
            let counters = await server.counters()
            if counters.protocolErrors > before.protocolErrors {
                findings.append(Finding(check.name, "the server found frames that break RFC 6455"))
            }
            let total = statistics.outcomes.values.reduce(0, +)
            if total != UInt64(plan.instances) {
                findings.append(Finding(check.name, "\(total) outcomes for \(plan.instances) connections"))
            }
            findings += check.judge(statistics).map { Finding(check.name, $0) }
        }
        await server.stop()
        return findings + (try await checkUnreachable())
    }

    private func checkUnreachable() async throws -> [Finding] {
        let server = try await TestServer.start()
        let url = server.url
        await server.stop()
        var plan = Plan(target: try Target(url))
        plan.client = client
        plan.instances = 5
        plan.messages = 1
        let statistics = try await LoadEngine(plan: plan, registry: registry).run().statistics
        return Self.notOpened(statistics).map { Finding("nothing listens", $0) }
    }

    private struct Check: Sendable {
        var name: String
        var path = "/"
        var needsPings: Bool?
        var change: @Sendable (inout Plan) -> Void = { _ in }
        var judge: @Sendable (LoadStatistics) -> [String]
    }

    private static let checks: [Check] =
        [MessageKind.text, .binary].flatMap { kind in
            [0, 1, 125, 126, 65_535, 65_536, 1 << 20].map { length in
                Check(
                    name: "\(kind) messages of \(length) bytes",
                    change: {
                        let format: PayloadFormat = kind == .text ? .text : .binary
                        $0.payload = .random(RandomPayloadOptions(format: format, length: .fixed(length)))
                    },
                    judge: {
                        allAnswered($0) + expect($0.bytesReceived == $0.bytesSent, "bytes received are not those sent")
                    })
            }
        } + [
            Check(name: "replies in fragments", path: "/fault/fragment?parts=4", judge: allAnswered),
            Check(name: "pings between fragments", path: "/fault/interleave?parts=4", judge: allAnswered),
            Check(name: "pings of the server", path: "/fault/ping?every=1ms&length=125", judge: allAnswered),
            Check(name: "a response head in pieces", path: "/fault/dribble?every=100us", judge: allAnswered),
            Check(
                name: "frames right behind the response head", path: "/fault/early?count=3",
                judge: { allSucceeded($0) + expect($0.received == 25 + 15, "\($0.received) messages received, not 40") }
            ),
            Check(
                name: "tags",
                change: {
                    $0.match = .tagged
                    $0.payload = .random(RandomPayloadOptions(length: .fixed(100)))
                },
                judge: { allAnswered($0) + expect($0.unexpected == 0, "replies without their tag") }),
            Check(
                name: "pings", path: "/fault/silent", needsPings: true, change: { $0.match = .ping },
                judge: {
                    allSucceeded($0) + expect($0.rttService.count == 25, "\($0.rttService.count) pongs for 25 pings")
                }),
            Check(name: "only opening and closing", change: { $0.sendMessages = false }, judge: allSucceeded),
            Check(
                name: "the server's close code", path: "/fault/close?after=2&code=1011",
                change: longRun, judge: { all($0, [.closed(1011)]) }),
            Check(
                name: "the end of the stream without a close frame", path: "/fault/eof?after=2",
                change: longRun, judge: { all($0, [.closed(1006), .reset]) }),
            Check(
                name: "a reset", path: "/fault/reset?after=2", change: longRun,
                judge: { all($0, [.reset, .closed(1006)]) }),
            Check(name: "a refused upgrade", path: "/fault/refuse?status=503", judge: notOpened),
            Check(name: "a wrong Sec-WebSocket-Accept", path: "/fault/wrong-accept", judge: notOpened),
            Check(name: "the end of the stream instead of an answer", path: "/fault/drop", judge: notOpened),
            Check(
                name: "an upgrade that is never answered", path: "/fault/hang",
                change: { $0.timeouts.connect = .milliseconds(300) }, judge: notOpened),
            Check(
                name: "a missing reply", path: "/fault/silent", change: { $0.timeouts.reply = .milliseconds(300) },
                judge: { all($0, [.replyTimeout]) }),
            Check(
                name: "a close that is never answered", path: "/fault/no-close",
                change: { $0.timeouts.close = .milliseconds(300) }, judge: { all($0, [.closeTimeout]) }),
            Check(
                name: "a server that stops reading", path: "/fault/stall?after=1",
                change: {
                    longRun(&$0)
                    $0.inFlight = nil
                    $0.payload = .random(RandomPayloadOptions(format: .binary, length: .fixed(1 << 20)))
                    $0.timeouts.reply = .seconds(1)
                },
                judge: { all($0, [.sendTimeout]) + expect($0.blocked > 0, "it never reported backpressure") }),
        ]

    @Sendable private static func longRun(_ plan: inout Plan) {
        plan.messages = 1000
        plan.inFlight = 1
    }

    private static func expect(_ condition: Bool, _ message: @autoclosure () -> String) -> [String] {
        condition ? [] : [message()]
    }

    private static func all(_ statistics: LoadStatistics, _ outcomes: Set<Outcome>) -> [String] {
        let others = statistics.outcomes.keys.filter { !outcomes.contains($0) }.sorted()
        let names = outcomes.sorted().map(\.rawValue).joined(separator: " or ")
        return expect(others.isEmpty, "outcomes \(others.map(\.rawValue).joined(separator: ", ")), not \(names)")
    }

    @Sendable private static func allSucceeded(_ statistics: LoadStatistics) -> [String] {
        all(statistics, [.succeeded])
    }

    @Sendable private static func allAnswered(_ statistics: LoadStatistics) -> [String] {
        allSucceeded(statistics)
            + expect(statistics.sent == 25, "\(statistics.sent) messages sent, not 25")
            + expect(statistics.rttService.count == 25, "\(statistics.rttService.count) replies matched, not 25")
    }

    @Sendable private static func notOpened(_ statistics: LoadStatistics) -> [String] {
        expect(statistics.opened == 0, "\(statistics.opened) connections count as open")
            + expect(statistics.outcomes[.succeeded] == nil, "connections count as succeeded")
    }
}
