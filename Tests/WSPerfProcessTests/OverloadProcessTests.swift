import Foundation
import Testing

/// Compares the reports about servers that are overloaded, pause or are slow with computed values.
/// `Scripts/overload` has the same cases for longer, with tighter limits.
@Suite(.serialized, .enabled(if: TimedServer.isAvailable, "python3 is needed"), .timeLimit(.minutes(3)))
struct OverloadProcessTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// Runs a plan against `server`. Returns the controller's exit status and its report.
    private func run(_ server: TimedServer, _ plan: String) async throws -> (status: Int32, summary: TimedSummary) {
        let path = try folder.write(
            """
            target: ws://127.0.0.1:\(server.port)/
            payload: {kind: random, length: 32}
            timeouts: {reply: 60s}
            \(plan)
            """, to: "plan.yaml")
        let controller = try Executable(
            "wsperf-controller", ["run", path, "--local", "--quiet", "--output", folder.path + "/run"], in: folder)
        let status = try await controller.status()
        let data = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/run/summary.json"))
        return (status, try JSONDecoder().decode(TimedSummary.self, from: data))
    }

    /// Whether a time is what was computed, within `share` of it: the machine that runs this is busy.
    private func expect(
        _ measured: Double?, near expected: Double, share: Double, _ location: SourceLocation = #_sourceLocation
    ) {
        let text = "expected \(expected) ms, reported \(measured.map { "\($0) ms" } ?? "nothing")"
        #expect(measured.map { abs($0 - expected) <= share * expected } == true, "\(text)", sourceLocation: location)
    }

    struct Overload: Sendable, CustomTestStringConvertible {
        /// Messages a second.
        var offered: Double
        var served: Double
        var count: Int
        var maxUnanswered: Int?
        var testDescription: String { "\(Int(offered))/s offered, \(Int(served))/s served, \(count) messages" }

        /// Response times in milliseconds, in order of size: message i is due at i / offered and answered at (i + 1) / served.
        var truth: [Double] { (0..<count).map { (Double($0 + 1) / served - Double($0) / offered) * 1e3 } }
    }

    /// More is offered than served for the whole run, so that ever more messages wait than the connection remembers.
    @Test(arguments: [
        Overload(offered: 800, served: 600, count: 3200, maxUnanswered: 64),
        Overload(offered: 2000, served: 1000, count: 4000),
    ])
    func aLongOverloadIsTimedToItsEnd(_ overload: Overload) async throws {
        let server = try await TimedServer(["capacity", "--rate", "\(overload.served)"], in: folder)
        let (status, summary) = try await run(
            server,
            """
            messages: \(overload.count)
            schedule: {interval: \(Int(1e9 / overload.offered))ns, phase: aligned}
            max_unanswered: \(overload.maxUnanswered ?? 1024)
            """)
        let truth = overload.truth
        let response = summary.rtt.response
        expect(response.p50, near: truth[truth.count / 2 - 1], share: 0.05)
        expect(response.p99, near: truth[truth.count * 99 / 100 - 1], share: 0.05)
        expect(response.max, near: truth[truth.count - 1], share: 0.05)
        #expect(response.count == overload.count)
        #expect(summary.messages.untimed == 0)
        #expect(summary.messages.received == overload.count)
        #expect(summary.connections.outcomes == ["succeeded": 1])
        #expect(status == 0)
    }

    /// The server answers no connection during 0.5 s of every 2.5 s. What was due meanwhile waited for the end of the pause, whether
    /// it could be sent (open loop) or had to wait for the reply before it.
    @Test(arguments: [nil, 1]) func whatWaitsInAPauseIsTimedFromWhenItWasDue(_ inFlight: Int?) async throws {
        // Counted from the first message, so that two whole pauses are within the load.
        let server = try await TimedServer(["stall", "--every", "2.5", "--pause", "0.5", "--after", "1"], in: folder)
        let (status, summary) = try await run(
            server,
            """
            instances: 10
            ramp: {rate: 200/s}
            schedule: {interval: 50ms, phase: aligned}
            duration: 4975ms
            in_flight: \(inFlight.map { "\($0)" } ?? "null")
            """)
        // A fifth of the messages wait, evenly from nothing to the whole pause: the ramp spreads the connections over one
        // interval.
        let response = summary.rtt.response
        expect(response.p90, near: 250, share: 0.1)
        expect(response.p95, near: 375, share: 0.1)
        expect(response.p99, near: 475, share: 0.1)
        // Five seconds of messages that are 50 ms apart.
        #expect(summary.messages.received + (summary.messages.unsent ?? 0) == 10 * 100)
        #expect(summary.connections.outcomes == ["succeeded": 10])
        #expect(status == 0)
    }

    /// A hundred messages are due in a second, but a reply takes a tenth of one and each message waits for the reply before
    /// it. Sending ends with `duration`, not with the last message, and what was not sent is counted.
    @Test func durationEndsSendingAndTheRestIsUnsent() async throws {
        let server = try await TimedServer(["delay", "--by", "0.1"], in: folder)
        let (status, summary) = try await run(
            server,
            """
            instances: 10
            ramp: {over: 0}
            in_flight: 1
            schedule: {interval: 10ms}
            duration: 1s
            """)
        let messages = summary.messages
        #expect(summary.connections.outcomes == ["succeeded": 10])
        #expect(messages.sent <= 10 * 10, "\(messages)")
        #expect(messages.unsent.map { $0 + messages.sent } == 10 * 100, "\(messages)")
        #expect(messages.received == messages.sent)
        #expect(status == 0)
    }
}

/// `Tests/Interop/timed_server.py`: an echo server on Python whose answers are late by arithmetic.
private struct TimedServer {
    static let isAvailable = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
        FileManager.default.isExecutableFile(atPath: $0 + "/python3")
    }

    let port: Int
    private let process: Executable

    init(_ arguments: [String], in folder: TestFolder) async throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Interop/timed_server.py").path
        let process = try Executable(
            "/usr/bin/env", ["python3", "-B", script] + arguments, in: folder, endsWithUs: true)
        try await eventually("the server prints its port") { process.standardOutput.contains("\n") }
        let line = process.standardOutput.prefix { $0 != "\n" }
        port = try #require(Int(line), "\(line)\(process.standardError)")
        self.process = process
    }
}

/// What these tests read of `summary.json`.
private struct TimedSummary: Decodable {
    struct Connections: Decodable {
        var outcomes: [String: Int]
    }
    struct Messages: Decodable {
        var sent: Int
        var received: Int
        var untimed: Int
        var unsent: Int?
    }
    struct Distribution: Decodable {
        var count: Int
        var max: Double?
        var p50: Double?
        var p90: Double?
        var p95: Double?
        var p99: Double?
    }
    struct RoundTrips: Decodable {
        var response: Distribution
    }
    var connections: Connections
    var messages: Messages
    var rtt: RoundTrips

    enum CodingKeys: String, CodingKey {
        case connections, messages
        case rtt = "rtt_ms"
    }
}
