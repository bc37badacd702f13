internal import WSPerfCore

/// A table that compares the runs of a sweep, with a row for each.
public struct RunComparison: Sendable {
    private let runs: [RunSummary]
    /// Names of the entries of the sweep that were not run.
    private let notRun: [String]

    public init(_ runs: [RunSummary], notRun: [String] = []) {
        self.runs = runs
        self.notRun = notRun
    }

    /// For a terminal; times in milliseconds.
    public func text() -> String {
        let right = TextTable.Column(alignment: .right, width: 0)
        var table = TextTable(
            [TextTable.Column(alignment: .left, width: 12)] + [TextTable.Column](repeating: right, count: 9))
        table.append(
            ["run", "connections", "succeeded", "sent", "received", "msgs/s", "rtt p50", "rtt p99", "lag p99", "valid"])
        for run in runs {
            let statistics = run.statistics
            func percentile(_ histogram: Histogram, _ percentile: Double) -> String {
                histogram.percentile(percentile).map { Figures.milliseconds(Double($0)) } ?? "–"
            }
            table.append([
                run.name.printable(), Figures.grouped(run.connections.planned),
                Figures.grouped(run.connections.succeeded),
                Figures.grouped(statistics.sent), Figures.grouped(statistics.received),
                run.sentPerSecond.map { Figures.grouped(UInt64($0)) } ?? "–",
                percentile(statistics.rttResponse, 50), percentile(statistics.rttResponse, 99),
                percentile(statistics.sendLag, 99), run.isValid ? "yes" : "no",
            ])
        }
        let rest = notRun.isEmpty ? "" : "not run: \(notRun.map { $0.printable(limit: 100) }.joined(separator: ", "))\n"
        return table.lines.joined(separator: "\n") + "\n" + rest
    }

    /// The same for programs: `comparison.json`.
    public func json() -> String {
        func milliseconds(_ histogram: Histogram, _ percentile: Double) -> JSONValue {
            histogram.percentile(percentile).map { .number(Double($0) / 1e6) } ?? .null
        }
        return JSONValue.object([
            ("schema", .string("wsperf.comparison/1")),
            (
                "runs",
                .array(
                    runs.map { run in
                        .object([
                            ("name", .string(run.name)), ("id", .string(run.id)), ("valid", .bool(run.isValid)),
                            ("exit", .integer(Int64(run.exitStatus))),
                            ("planned", .unsigned(run.connections.planned)),
                            ("succeeded", .unsigned(run.connections.succeeded)),
                            ("sent", .unsigned(run.statistics.sent)), ("received", .unsigned(run.statistics.received)),
                            ("sent_per_s", run.sentPerSecond.map { .number($0) } ?? .null),
                            ("response_p50_ms", milliseconds(run.statistics.rttResponse, 50)),
                            ("response_p99_ms", milliseconds(run.statistics.rttResponse, 99)),
                            ("send_lag_p99_ms", milliseconds(run.statistics.sendLag, 99)),
                        ])
                    })
            ),
            ("not_run", .array(notRun.map { .string($0) })),
        ]).indented()
    }

    /// The entries that a sweep's directory says were not run.
    static func notRun(in directory: RunDirectory) -> [String] {
        let path = "\(directory.path)/\(RunDirectory.comparisonJSON)"
        guard let bytes = try? Plan.read(path, limit: 16 << 20), let old = try? PlanNode(json: bytes),
            case .sequence(let names)? = old["not_run"]?.content
        else { return [] }
        return names.compactMap(\.text)
    }
}

extension RunDirectory {
    static let comparisonText = "comparison.txt"
    static let comparisonJSON = "comparison.json"

    /// Writes the comparison of the runs in a sweep's directory.
    func write(_ comparison: RunComparison) throws(RunDirectoryError) {
        try write(comparison.text(), to: Self.comparisonText)
        try write(comparison.json(), to: Self.comparisonJSON)
    }

    /// The directories of the runs in a sweep's directory: `1-…`, `2-…`, in the order of their numbers.
    static func runs(of path: String) -> [String] {
        let numbered = ((try? list(path)) ?? []).compactMap { name -> (Int, String)? in
            guard let number = name.split(separator: "-").first.flatMap({ Int($0) }), !name.hasSuffix(".incomplete")
            else { return nil }
            return (number, "\(path)/\(name)")
        }
        return numbered.sorted { $0 < $1 }.map(\.1).filter { RunDirectory(existing: $0).hasJournal }
    }
}
