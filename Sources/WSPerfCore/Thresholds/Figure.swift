/// A figure of a run, by its path in `summary.json` without the units: `response.p99`, `handshake.tls.p95`,
/// `messages.unanswered`, `outcomes.refused`, `errors.rate`.
public struct Figure: Sendable, Hashable, CustomStringConvertible {
    /// What a value is, and thus how it is written.
    enum Unit: Sendable, Hashable {
        /// Nanoseconds.
        case time
        case count(of: Whole?)
        /// Per second.
        case rate
        /// 0 to 1.
        case share
        case bytes
    }

    /// What a count can be a percentage of.
    enum Whole: Sendable, Hashable {
        case plannedConnections
        case sentMessages
    }

    /// The path, in its shortest form.
    public let path: String
    let unit: Unit
    /// Whether its value grows until the end of the run, so that a lower limit says nothing before the end.
    let isTotal: Bool
    private let source: Source

    private enum Source: Sendable, Hashable {
        case distribution(String, Statistic)
        case outcome(Outcome)
        case interruption(Outcome)
        case scalar(String)
    }

    private enum Statistic: Sendable, Hashable {
        case count, min, mean, deviation, max
        case percentile(Double)
    }

    public var description: String { path }

    /// Why there is no such figure.
    struct Unknown: Error {
        /// A figure with a similar name.
        var near: String?
    }

    init(_ text: String) throws(Unknown) {
        let path = Self.shortest(text)
        self.path = path
        if let (unit, _) = Self.scalars[path] {
            self.unit = unit
            isTotal =
                switch unit {
                case .count, .bytes: true
                case .time, .rate, .share: path.hasPrefix("generator.cpu") || path.hasPrefix("run.")
                }
            source = .scalar(path)
            return
        }
        let parts = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2, parts[0] == "outcomes" || parts[0] == "interruptions" {
            guard let outcome = Outcome(rawValue: parts[1]), outcome.isKnown else {
                let near = PlanText.nearest(to: parts[1], among: Outcome.known.map(\.rawValue).sorted())
                throw Unknown(near: near.map { "\(parts[0]).\($0)" })
            }
            unit = .count(of: .plannedConnections)
            isTotal = true
            source = parts[0] == "outcomes" ? .outcome(outcome) : .interruption(outcome)
            return
        }
        guard let name = Self.distributions.keys.first(where: { path.hasPrefix($0 + ".") }),
            let statistic = Self.statistic(String(path.dropFirst(name.utf8.count + 1)))
        else { throw Unknown(near: PlanText.nearest(to: path, among: Self.known)) }
        if statistic == .count {
            unit = .count(of: nil)
            isTotal = true
        } else {
            unit = .time
            isTotal = false
        }
        source = .distribution(name, statistic)
    }

    /// The value; nil if there is none, for example the percentile of nothing.
    func value(in figures: RunFigures) -> Double? {
        switch source {
        case .outcome(let outcome): return Double(figures.outcomes[outcome] ?? 0)
        case .interruption(let outcome): return Double(figures.statistics.interruptions[outcome] ?? 0)
        case .scalar(let path): return Self.scalars[path]?.value(figures)
        case .distribution(let name, let statistic):
            guard let histogram = Self.distributions[name].map({ figures.statistics[keyPath: $0] }) else { return nil }
            switch statistic {
            case .count: return Double(histogram.count)
            case .min: return histogram.min.map { Double($0) }
            case .mean: return histogram.mean
            case .deviation: return histogram.standardDeviation
            case .max: return histogram.max.map { Double($0) }
            case .percentile(let percentile): return histogram.percentile(percentile).map { Double($0) }
            }
        }
    }

    /// The whole of a percentage; nil if it is 0.
    func whole(in figures: RunFigures) -> Double? {
        guard case .count(let whole?) = unit else { return nil }
        let count =
            switch whole {
            case .plannedConnections: figures.planned
            case .sentMessages: figures.statistics.sent
            }
        return count > 0 ? Double(count) : nil
    }

    // MARK: Names

    /// Without units, and without the groups that a reader does not need: `rtt_ms.response.p99` is `response.p99`.
    private static func shortest(_ text: String) -> String {
        var parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        for (index, part) in parts.enumerated() {
            for unit in ["_per_s", "_ms", "_s"] where part.hasSuffix(unit) && part.utf8.count > unit.utf8.count {
                parts[index] = String(part.dropLast(unit.utf8.count))
                break
            }
        }
        if parts.count > 1, parts[0] == "rtt" { parts.removeFirst() }
        if parts.count > 2, parts[0] == "connections" { parts.removeFirst() }
        return parts.joined(separator: ".")
    }

    /// `p99`, `p99.9`, and as in `summary.json` `p999` for the latter.
    private static func statistic(_ name: String) -> Statistic? {
        switch name {
        case "count": return .count
        case "min": return .min
        case "mean": return .mean
        case "stddev": return .deviation
        case "max": return .max
        default: break
        }
        guard name.first == "p" else { return nil }
        let digits = String(name.dropFirst())
        guard digits.utf8.count <= 8, digits.utf8.allSatisfy({ ($0 >= 48 && $0 <= 57) || $0 == 46 }),
            digits.first != ".", digits.last != "."
        else { return nil }
        let isShort = !digits.contains(".") && digits.utf8.count > 2 && digits != "100"
        guard let value = Double(isShort ? "\(digits.prefix(2)).\(digits.dropFirst(2))" : digits), value > 0,
            value <= 100
        else { return nil }
        return .percentile(value)
    }

    private static let distributions: [String: any KeyPath<LoadStatistics, Histogram> & Sendable] = [
        "response": \.rttResponse, "service": \.rttService, "send_lag": \.sendLag, "open_lag": \.openLag,
        "handshake.dns": \.dns, "handshake.tcp_connect": \.tcpConnect, "handshake.tls": \.tls,
        "handshake.upgrade": \.upgrade, "handshake.total": \.handshake, "handshake.response": \.handshakeResponse,
    ]

    private static let scalars: [String: (unit: Unit, value: @Sendable (RunFigures) -> Double?)] = {
        var all: [String: (unit: Unit, value: @Sendable (RunFigures) -> Double?)] = [:]
        func add(_ path: String, _ unit: Unit, _ value: @escaping @Sendable (RunFigures) -> Double?) {
            all[path] = (unit, value)
        }
        func connections(_ name: String, _ count: @escaping @Sendable (RunFigures) -> UInt64) {
            add("connections.\(name)", .count(of: .plannedConnections)) { Double(count($0)) }
        }
        func messages(_ name: String, _ count: @escaping @Sendable (LoadStatistics) -> UInt64) {
            add("messages.\(name)", .count(of: .sentMessages)) { Double(count($0.statistics)) }
        }
        add("run.duration", .time) { $0.elapsed.map { Double($0) } }
        add("run.waiting", .time) { $0.waiting.map { Double($0) } }
        add("run.load", .time) { Double($0.load) }
        connections("planned") { $0.planned }
        connections("started") { $0.statistics.started }
        connections("opened") { $0.statistics.opened }
        connections("succeeded") { $0.outcomes[.succeeded] ?? 0 }
        add("opening.achieved", .rate) { $0.openingRate }
        add("opening.took", .time) { $0.statistics.lastStart > 0 ? Double($0.statistics.lastStart) : nil }
        add("errors.count", .count(of: .plannedConnections)) { Double($0.errors) }
        add("errors.rate", .rate) { $0.rate($0.errors) }
        messages("sent") { $0.sent }
        messages("received") { $0.received }
        messages("unanswered") { $0.unanswered }
        messages("unexpected") { $0.unexpected }
        messages("late") { $0.late }
        messages("untimed") { $0.untimed }
        messages("blocked") { $0.blocked }
        messages("unsent") { $0.unsent }
        add("messages.bytes_sent", .bytes) { Double($0.statistics.bytesSent) }
        add("messages.bytes_received", .bytes) { Double($0.statistics.bytesReceived) }
        add("messages.sent_rate", .rate) { $0.rate($0.statistics.sent) }
        add("messages.received_rate", .rate) { $0.rate($0.statistics.received) }
        add("generator.loop_utilisation", .share) { $0.statistics.loopUtilisation }
        add("generator.loop_cpu", .share) { $0.statistics.loopCPUShare }
        add("generator.cpu_user", .time) { Double($0.statistics.cpuUser) }
        add("generator.cpu_system", .time) { Double($0.statistics.cpuSystem) }
        add("generator.workers_ready", .count(of: nil)) { $0.workersReady.map { Double($0) } }
        add("generator.workers_lost", .count(of: nil)) { $0.workersLost.map { Double($0) } }
        return all
    }()

    /// All paths, with the usual statistics of each distribution.
    package static let known: [String] = {
        let statistics = ["count", "min", "mean", "stddev", "p50", "p90", "p95", "p99", "p999", "max"]
        return (scalars.keys + distributions.keys.flatMap { name in statistics.map { "\(name).\($0)" } }).sorted()
    }()
}

extension Outcome {
    /// All outcomes whose names are fixed.
    static let known: Set<Outcome> = [
        .succeeded, .dns, .refused, .unreachable, .portsExhausted, .sourceUnavailable, .descriptorsExhausted,
        .connectError, .timeoutDNS, .timeoutTCP, .timeoutTLS, .timeoutUpgrade, .tls, .notTLS, .tlsCertificate,
        .upgradeInvalid, .upgradeClosed, .reset, .connectionTimedOut, .connectionUnreachable, .connectionError,
        .protocolError, .idleTimeout, .replyTimeout, .sendTimeout, .closeTimeout, .closeIncomplete, .messageTooBig,
        .clientError, .payloadError, .aborted, .lost,
    ]

    /// Whether it is one of those, or has the form of one with a number.
    var isKnown: Bool {
        func isNumber(after prefix: String, digits: ClosedRange<Int>) -> Bool {
            guard rawValue.hasPrefix(prefix) else { return false }
            let rest = rawValue.utf8.dropFirst(prefix.utf8.count)
            return digits.contains(rest.count) && rest.allSatisfy { $0 >= 48 && $0 <= 57 }
        }
        return Self.known.contains(self) || isNumber(after: "upgrade_status_", digits: 1...3)
            || isNumber(after: "closed_", digits: 1...5)
    }
}
