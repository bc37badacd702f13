import WSPerfCore

extension RunSummary {
    /// The name and version of the format of `summary.json`.
    public static let schema = "wsperf.summary/1"

    /// The content of `summary.json`, as Docs/Results.md describes it. The same summary always gives the same text.
    public func json() -> String { document.indented() }

    private var document: JSONValue {
        .object([
            ("schema", .string(Self.schema)),
            (
                "run",
                .object([
                    ("id", .string(id)),
                    ("name", .string(name)),
                    ("valid", .bool(isValid)),
                    ("invalid_because", .array(invalidBecause.map { .string($0) })),
                    ("exit", .integer(Int64(exitStatus))),
                    ("end", end.map { .string($0.rawValue) } ?? .null),
                    ("phase", phase.map { .string($0.rawValue) } ?? .null),
                    ("started", .string(UTCTime(milliseconds: startedAt).iso8601)),
                    ("duration_s", .seconds(elapsed)),
                    ("waiting_s", waiting.map { .seconds($0) } ?? .null),
                    ("load_s", .seconds(load)),
                ])
            ),
            ("plan", plan?.document.jsonValue ?? .null),
            ("thresholds", .array(checks.map(\.json))),
            (
                "connections",
                .object([
                    ("planned", .unsigned(connections.planned)),
                    ("started", .unsigned(statistics.started)),
                    ("opened", .unsigned(statistics.opened)),
                    ("succeeded", .unsigned(connections.succeeded)),
                    ("outcomes", .outcomes(connections.outcomes)),
                    ("interruptions", .outcomes(statistics.interruptions)),
                    (
                        "opening",
                        .object([
                            ("asked_per_s", .optional(rounding: opening.askedPerSecond)),
                            ("achieved_per_s", .optional(rounding: opening.achievedPerSecond)),
                            ("max_opening", .optional(opening.maxOpening)),
                            ("took_s", opening.took.map { .seconds($0) } ?? .null),
                        ])
                    ),
                ])
            ),
            (
                "errors",
                .object([
                    ("count", .unsigned(figures.errors)),
                    ("rate_per_s", .optional(rounding: figures.rate(figures.errors))),
                ])
            ),
            (
                "handshake_ms",
                .object([
                    ("dns", .distribution(statistics.dns)),
                    ("tcp_connect", .distribution(statistics.tcpConnect)),
                    ("tls", .distribution(statistics.tls)),
                    ("upgrade", .distribution(statistics.upgrade)),
                    ("total", .distribution(statistics.handshake)),
                    ("response", .distribution(statistics.handshakeResponse)),
                ])
            ),
            ("open_lag_ms", .distribution(statistics.openLag)),
            (
                "messages",
                .object([
                    ("sent", .unsigned(statistics.sent)),
                    ("received", .unsigned(statistics.received)),
                    ("unanswered", .unsigned(statistics.unanswered)),
                    ("unexpected", .unsigned(statistics.unexpected)),
                    ("late", .unsigned(statistics.late)),
                    ("untimed", .unsigned(statistics.untimed)),
                    ("blocked", .unsigned(statistics.blocked)),
                    ("unsent", .unsigned(statistics.unsent)),
                    ("bytes_sent", .unsigned(statistics.bytesSent)),
                    ("bytes_received", .unsigned(statistics.bytesReceived)),
                    ("sent_rate_per_s", .optional(rounding: figures.rate(statistics.sent))),
                    ("received_rate_per_s", .optional(rounding: figures.rate(statistics.received))),
                ])
            ),
            (
                "rtt_ms",
                .object([
                    ("response", .distribution(statistics.rttResponse)),
                    ("service", .distribution(statistics.rttService)),
                ])
            ),
            ("send_lag_ms", .distribution(statistics.sendLag)),
            (
                "generator",
                .object([
                    ("verdict", .string(generator.verdict.rawValue)),
                    ("reason", generator.reason.map { .string($0) } ?? .null),
                    ("loop_utilisation", .optional(rounding: statistics.loopUtilisation)),
                    ("loop_cpu", .optional(rounding: statistics.loopCPUShare)),
                    ("cpu_user_s", .seconds(statistics.cpuUser)),
                    ("cpu_system_s", .seconds(statistics.cpuSystem)),
                    ("workers_planned", .unsigned(plannedWorkers)),
                    ("workers_ready", .unsigned(UInt64(workers.count))),
                    ("workers_lost", .unsigned(UInt64(workers.count { $0.lost }))),
                ])
            ),
            ("workers", .array(workers.map(\.json))),
            ("notices", .array(notices.map { .string($0) })),
        ])
    }
}

extension ThresholdCheck {
    fileprivate var json: JSONValue {
        let (value, unit) = quantity
        return .line(
            .object([
                ("check", .string("\(threshold)")), ("met", .bool(isMet)),
                ("value", value.map { .number($0) } ?? .null), ("unit", .string(unit)),
                ("measured", .string(measured)), ("ended_the_load", .bool(endedTheLoad)),
            ]))
    }
}

extension WorkerSummary {
    fileprivate var json: JSONValue {
        .line(
            .object([
                ("id", .string(info.id)),
                ("index", .integer(Int64(info.index))),
                ("machine", .string(info.machine)),
                ("pid", .integer(Int64(info.pid))),
                ("status", .optional(status)),
                ("signal", .optional(signal)),
                ("lost", .bool(lost)),
                ("replaced", .bool(replaced)),
                ("reason", .string(reason)),
                ("stderr", .string(stderr)),
                ("planned", .unsigned(connections.planned)),
                ("outcomes", .outcomes(connections.outcomes)),
                ("sent", .unsigned(sent)),
                ("received", .unsigned(received)),
                ("cpu_user_s", .seconds(cpuUser)),
                ("cpu_system_s", .seconds(cpuSystem)),
            ]))
    }
}
