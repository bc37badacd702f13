internal import WSPerfCore

/// A table that compares the runs of a sweep, with a row for each.
public struct RunComparison: Sendable {
    private let runs: [RunSummary]

    public init(_ runs: [RunSummary]) { self.runs = runs }

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
            let seconds = Double(run.elapsed) / 1e9
            table.append([
                run.name.printable(), Figures.grouped(run.connections.planned),
                Figures.grouped(run.connections.succeeded),
                Figures.grouped(statistics.sent), Figures.grouped(statistics.received),
                seconds > 0 ? Figures.grouped(UInt64(Double(statistics.sent) / seconds)) : "–",
                percentile(statistics.rttResponse, 50), percentile(statistics.rttResponse, 99),
                percentile(statistics.sendLag, 99), run.isValid ? "yes" : "no",
            ])
        }
        return table.lines.joined(separator: "\n") + "\n"
    }
}
