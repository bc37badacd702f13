import ArgumentParser
internal import Foundation
internal import Synchronization
internal import WSPerfCore

/// Runs the engine in this process for one case of `Scripts/bench`, and prints one line of JSON. It has the fields of
/// the reference client, and also send lag and response times.
@main
struct EngineBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine-bench",
        abstract: "Measures the engine the way Benchmarks/Reference/client.c measures itself.")

    enum Mode: String, ExpressibleByArgument, CaseIterable { case closed, paced, open, idle }

    @Argument(help: "closed, paced, open or idle.") var mode: Mode
    @Option(help: "The server's address.") var address = "127.0.0.1"
    @Option(help: "The server's port.") var port: Int
    @Option(help: "Connections.") var connections = 200
    @Option(help: "Payload bytes of each message.") var length = 20
    @Option(help: "Seconds of the measured window; rounded up to whole snapshots.") var seconds = 3.0
    @Option(help: "The least seconds from when all are open to the beginning of the window.") var warmUp = 1.0
    @Option(help: "Seconds from one message to the next on each connection, in paced mode.") var interval = 1.0
    @Option(help: "Loops, each on its own thread.") var threads = 1
    @Option(help: "Connections opened per second; 0: all at once.") var rate = 0.0
    @Option(help: "Seconds that opening may take.") var deadline = 60.0
    @Option(help: "Certification authority (PEM): use wss.") var ca: String?
    @Option(help: "The server's name in its certificate.") var serverName = "localhost"
    @Option(help: "fixed: the same payload in every message, like the reference; random: a new one each time.")
    var payload = "fixed"

    mutating func validate() throws {
        guard (1...65535).contains(port) else { throw ValidationError("--port: 1 to 65535") }
        guard (1...1_000_000).contains(connections) else { throw ValidationError("--connections: 1 to 1000000") }
        guard (1...16 << 20).contains(length) else { throw ValidationError("--length: 1 to \(16 << 20)") }
        guard (0.01...3600).contains(seconds), (0...3600).contains(warmUp), (0.001...3600).contains(interval),
            (1...3600).contains(deadline), (0...1e7).contains(rate)
        else { throw ValidationError("seconds: at most 3600, and not negative; a rate: at most 10000000") }
        guard (1...64).contains(threads) else { throw ValidationError("--threads: 1 to 64") }
        guard ["fixed", "random"].contains(payload) else { throw ValidationError("--payload: fixed or random") }
    }

    func run() async throws {
        let plan = try plan()
        let engine = try LoadEngine(plan: plan)
        let isSteady = mode == .closed || mode == .paced
        let window = Window(
            connections: connections, warmUp: warmUp, seconds: isSteady ? seconds : 0, deadline: deadline)
        // Read it once before, so that the first figure also includes the memory for reading.
        _ = residentBytes()
        let before = residentBytes()
        let result = try await engine.run { snapshot in
            switch window.take(snapshot) {
            case .goOn: break
            case .measured:
                window.resident = residentBytes()
                engine.abort()
            case .gaveUp: engine.abort()
            }
        }
        guard let measured = window.result else {
            let outcomes = result.statistics.outcomes.map { "\($0.key): \($0.value)" }.sorted().joined(separator: ", ")
            throw Failure("\(result.statistics.opened) of \(connections) connections opened (\(outcomes))")
        }
        print(isSteady ? steadyFields(measured) : openingFields(measured, before: before, after: window.resident))
    }

    private func plan() throws -> Plan {
        let scheme = ca == nil ? "ws" : "wss"
        var plan = Plan(target: try Target("\(scheme)://\(address):\(port)/"))
        plan.instances = connections
        plan.threads = threads
        plan.ramp = rate > 0 ? .rate(perSecond: rate) : .over(.zero)
        plan.match = .echo
        plan.timeouts.connect = .seconds(deadline)
        plan.timeLimit = .seconds(deadline + warmUp + seconds + 20)
        plan.tls.ca = ca
        plan.tls.serverName = ca == nil ? nil : serverName
        // Longer than the run, which stops when the window has been measured.
        plan.duration = plan.timeLimit
        switch mode {
        case .closed:
            plan.inFlight = 1
            plan.schedule = .periodic(PeriodicOptions(interval: .zero, phase: .aligned))
        case .paced:
            plan.schedule = .periodic(every: .seconds(interval))
        case .open, .idle:
            // Connections stay open and silent: the first message is due in up to a year.
            plan.schedule = .periodic(PeriodicOptions(interval: .seconds(30_000_000), phase: .random))
            plan.duration = nil
            plan.messages = 1
        }
        plan.payload =
            payload == "fixed"
            ? .fixed(FixedPayloadOptions(source: .data(String(repeating: "x", count: length))))
            : .random(RandomPayloadOptions(format: .text, length: .fixed(length)))
        return plan
    }

    // MARK: - Figures

    private var commonFields: String {
        """
        "client": "engine", "mode": "\(mode)", "tls": \(ca != nil), "connections": \(connections), "threads": \(threads)
        """
    }

    private func steadyFields(_ measured: Window.Result) -> String {
        let statistics = measured.statistics
        let cpu = Double(statistics.cpuUser + statistics.cpuSystem) / 1e9
        let seconds = Double(measured.elapsed) / 1e9
        let messages = Double(statistics.received)
        let each = statistics.received > 0 ? cpu * 1e6 / messages : 0
        return """
            {\(commonFields), "length": \(length), "payload": "\(payload)", "seconds": \(seconds), \
            "messages": \(statistics.received), "sent": \(statistics.sent), \
            "user_seconds": \(Double(statistics.cpuUser) / 1e9), "system_seconds": \(Double(statistics.cpuSystem) / 1e9), \
            "messages_per_second": \(messages / seconds), "cpu_us_per_message": \(each), \
            \(fields("send_lag", statistics.sendLag)), \(fields("response", statistics.rttResponse)), \
            \(fields("service", statistics.rttService))}
            """
    }

    /// Microseconds; null if nothing was recorded.
    private func fields(_ name: String, _ histogram: Histogram) -> String {
        let values = [("p50", 50.0), ("p99", 99), ("p99_9", 99.9), ("max", 100)].map { label, percentile in
            "\"\(name)_us_\(label)\": " + (histogram.percentile(percentile).map { "\(Double($0) / 1e3)" } ?? "null")
        }
        return values.joined(separator: ", ")
    }

    private func openingFields(_ measured: Window.Result, before: Int, after: Int) -> String {
        let statistics = measured.statistics
        let cpu = Double(statistics.cpuUser + statistics.cpuSystem) / 1e9
        return """
            {\(commonFields), "user_seconds": \(Double(statistics.cpuUser) / 1e9), \
            "system_seconds": \(Double(statistics.cpuSystem) / 1e9), \
            "cpu_us_per_upgrade": \(cpu * 1e6 / Double(connections)), "rss_before": \(before), "rss_after": \(after), \
            "rss_bytes_per_connection": \(Double(after - before) / Double(connections)), \
            \(fields("handshake", statistics.handshake))}
            """
    }
}

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
