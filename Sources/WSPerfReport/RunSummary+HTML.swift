import WSPerfCore

extension RunSummary {
    /// The content of `report.html`: one file that needs no other and makes no request. Its tables are complete without
    /// its script, which draws the charts.
    public func html() -> String {
        let title = "\(name.isEmpty ? "run" : name) · WSPerf"
        let sections: [String] = [
            header, tiles, lists, thresholdTable, charts,
            "<div class=\"grid\">\(outcomeTable)\(messageTable)\(timesTables)\(machineTable)"
                + "\(generatorTable)\(planTable)</div></main>",
        ]
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
            script-src 'unsafe-inline'">
            <title>\(Markup.escaped(title))</title>
            <style>
            \(Self.text(PackageResources.report_css))</style>
            </head>
            <body>
            \(sections.filter { !$0.isEmpty }.joined(separator: "\n"))
            <footer>
            Made by WSPerf from run \(Markup.escaped(id)). Percentiles come from the histograms of all
            workers and are never averaged. Response times include all waiting since the intended send.
            </footer>
            <script type="application/json" id="data">\(chartData)</script>
            <script>
            \(Self.text(PackageResources.report_js))</script>
            </body>
            </html>

            """
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    // MARK: Sections

    private var header: String {
        var states: [String] = []
        if !checks.isEmpty {
            let kept = checks.count(where: \.isMet)
            states.append(
                kept == checks.count
                    ? Self.mark("good", "All \(kept) thresholds kept")
                    : Self.mark("bad", "\(checks.count - kept) of \(checks.count) thresholds not kept"))
        }
        states.append(
            isValid
                ? Self.mark("good", "Measured as planned")
                : Self.mark("bad", end == .interrupted ? "Interrupted; not valid" : "Not valid"))
        if generator.verdict == .strained { states.append(Self.mark("warn", "The load generator was strained")) }
        let started = startedAt == 0 ? "" : "started \(UTCTime(milliseconds: startedAt).readable)"
        let against = [plan.map { "against \($0.target)" } ?? "", started].filter { !$0.isEmpty }
        return """
            <header>
            <div class="row"><h1>\(Markup.escaped(name.isEmpty ? "run" : name)): \(Markup.escaped(headline))</h1>
            <span><button id="reset" hidden>Show all</button> <button id="theme" hidden>Dark / light</button></span></div>
            <p>\(states.joined(separator: " · "))</p>
            <p class="soft">\(Markup.escaped(against.joined(separator: ", ")))</p>
            </header>
            """
    }

    private var tiles: String {
        func tile(_ label: String, _ figure: String, _ text: String) -> String {
            "<div class=\"tile\"><span class=\"soft\">\(label)</span><b data-figure=\"\(figure)\">\(Markup.escaped(text))</b></div>"
        }
        func milliseconds(_ percentile: Double) -> String {
            statistics.rttResponse.percentile(percentile).map { "\(Figures.milliseconds(Double($0))) ms" } ?? "–"
        }
        return """
            <main>
            <div class="tiles">
            \(tile("succeeded", "connections.succeeded", Figures.percent(connections.succeeded, of: connections.planned)))
            \(tile("response p50", "response.p50", milliseconds(50)))
            \(tile("response p99", "response.p99", milliseconds(99)))
            \(tile("response p99.9", "response.p999", milliseconds(99.9)))
            \(tile("messages sent", "messages.sent", Figures.grouped(statistics.sent)))
            \(tile("sent per second", "messages.sent_rate", sentPerSecond.map { Figures.rate($0) } ?? "–"))
            </div>
            """
    }

    private var lists: String {
        func list(_ title: String, _ sentences: [String]) -> String {
            guard !sentences.isEmpty else { return "" }
            let items = sentences.map { "<li>\(Markup.escaped($0))</li>" }.joined()
            return "<section class=\"wide\"><h2>\(title)</h2><ul>\(items)</ul></section>\n"
        }
        return list(end == .interrupted ? "Interrupted" : "Not valid", invalidBecause) + list("Notes", notices)
    }

    private var thresholdTable: String {
        guard !checks.isEmpty else { return "" }
        let rows = checks.map { check in
            [
                check.isMet
                    ? Self.mark("good", "pass")
                    : Self.mark("bad", check.endedTheLoad ? "FAIL, ended the load" : "FAIL"),
                Markup.escaped(check.measured), Markup.escaped("\(check.threshold)"),
            ]
        }
        return "<section class=\"wide\"><h2>Thresholds</h2>"
            + Self.table(["result", "measured", "threshold"], rows, isText: true) + "</section>"
    }

    private var charts: String {
        func chart(_ id: String, _ title: String, _ note: String, isWide: Bool = false) -> String {
            "<section id=\"\(id)\"\(isWide ? " class=\"wide\"" : "")><h2>\(title)</h2><p class=\"soft\">\(note)</p></section>"
        }
        return """
            <div class="grid">
            \(chart(
                "response-over-time", "Response time",
                "Percentiles of each second, from the intended send to the reply. Drag to zoom, double-click to see all; "
                    + "arrow keys move the cursor.",
                isWide: true))
            \(chart("throughput", "Messages per second", "What the plan offered, and what became of it."))
            \(chart("connections", "Connections", "Open at the end of each second; opened and failed in it."))
            \(chart("distribution", "Percentiles", "Each nine has the same width. Where response is above service, messages waited."))
            \(chart("heat", "Response times in each second", "Stronger colour means more replies."))
            \(chart("errors", "Failed connections per second", "By outcome, the six most frequent."))
            \(chart("generator-over-time", "The generator's own delay", "How late messages were sent; with the handshakes' response."))
            \(chart(
                "utilisation", "The generator's event loops",
                "Share of the time in which they did not wait. Near 100 %, the generator is the limit.", isWide: true))
            </div>
            """
    }

    private var outcomeTable: String {
        let rows = connections.ranked.map { outcome, count in
            let share = connections.planned > 0 ? Double(count) / Double(connections.planned) * 100 : 0
            return [
                Markup.escaped(outcome.rawValue), Figures.grouped(count),
                Figures.percent(count, of: connections.planned),
                "<div class=\"bar\" style=\"width:\(Figures.fixed(min(share, 100), 2))%\"></div>",
            ]
        }
        return section("Connections", Self.table(["outcome", "count", "share", ""], rows, figure: "outcomes"))
    }

    private var timesTables: String {
        let percentiles: [(String, Double)] = [("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99), ("p99.9", 99.9)]
        func table(_ title: String, _ distributions: [(String, Histogram)], _ note: String) -> String {
            let rows = distributions.filter { !$0.1.isEmpty }.map { name, histogram in
                let figures = [histogram.mean] + percentiles.map { histogram.percentile($0.1).map { Double($0) } }
                return [name, Figures.grouped(histogram.count)]
                    + (figures + [histogram.max.map { Double($0) }]).map { $0.map(Figures.milliseconds) ?? "–" }
            }
            guard !rows.isEmpty else { return "" }
            return section(
                title,
                Self.table(["ms", "count", "mean"] + percentiles.map(\.0) + ["max"], rows)
                    + "<p class=\"soft\">\(note)</p>", isWide: true)
        }
        return table(
            "Round trip",
            [
                ("response", statistics.rttResponse), ("service", statistics.rttService),
                ("send lag", statistics.sendLag),
            ],
            "Quote response: it is timed from the intended send and includes all waiting. Service is timed from the actual "
                + "send. Send lag is the generator's own delay.")
            + table(
                "Handshake",
                [
                    ("DNS", statistics.dns), ("TCP connect", statistics.tcpConnect), ("TLS", statistics.tls),
                    ("upgrade", statistics.upgrade), ("total", statistics.handshake),
                    ("response", statistics.handshakeResponse), ("open lag", statistics.openLag),
                ],
                "Response is timed from the intended start of the connection, total from the actual start.")
    }

    private var machineTable: String {
        var machines: [String: [WorkerSummary]] = [:]
        for worker in workers { machines[worker.info.machine, default: []].append(worker) }
        guard !machines.isEmpty else { return "" }
        // The journal has all of them.
        let rows = machines.sorted { $0.key < $1.key }.prefix(200).map { name, workers in
            func sum(_ value: (WorkerSummary) -> UInt64) -> UInt64 { workers.reduce(0) { $0 &+ value($1) } }
            let lost = workers.count { $0.lost }
            return [
                Markup.escaped(name.printable(limit: 60)), "\(workers.count)",
                lost > 0 ? Self.mark("bad", "\(lost) lost") : "0 lost",
                "\(Figures.grouped(sum { $0.connections.succeeded })) / \(Figures.grouped(sum { $0.connections.planned }))",
                Figures.grouped(sum { $0.sent }), Figures.grouped(sum { $0.received }),
                Figures.duration(sum { $0.cpuUser &+ $0.cpuSystem }),
            ]
        }
        return section(
            "Machines",
            Self.table(["machine", "workers", "", "succeeded / planned", "sent", "received", "CPU"], Array(rows)),
            isWide: true)
    }

    private var messageTable: String {
        let counts: [(String, UInt64)] = [
            ("sent", statistics.sent), ("received", statistics.received), ("unanswered", statistics.unanswered),
            ("unexpected", statistics.unexpected), ("late", statistics.late), ("untimed", statistics.untimed),
            ("blocked", statistics.blocked), ("unsent", statistics.unsent),
        ]
        var rows = counts.map { [$0.0, Figures.grouped($0.1)] }
        rows.append(["payload sent", Figures.bytes(statistics.bytesSent)])
        rows.append(["payload received", Figures.bytes(statistics.bytesReceived)])
        return section("Messages", Self.table(["", "count"], rows))
    }

    private var generatorTable: String {
        let verdict: String =
            switch generator.verdict {
            case .keptUp: Self.mark("good", "kept up")
            case .strained: Self.mark("warn", "strained")
            case .tooSlow: Self.mark("bad", "too slow")
            case .notJudged: "not judged"
            }
        var rows = [["verdict", verdict]]
        if let reason = generator.reason { rows.append(["reason", Markup.escaped(reason)]) }
        rows.append(["workers that reported to the end", "\(workers.count { !$0.lost }) of \(plannedWorkers)"])
        rows.append([
            "CPU", "\(Figures.duration(statistics.cpuUser)) user, \(Figures.duration(statistics.cpuSystem)) system",
        ])
        if let busy = statistics.loopUtilisation { rows.append(["loops busy", "\(Figures.fixed(busy * 100, 1)) %"]) }
        return section("Load generator", Self.table(["", ""], rows, isText: true))
    }

    private var planTable: String {
        guard let plan else { return "" }
        var rows = [
            ["target", plan.target],
            [
                "load",
                "\(plan.machines) machines × \(plan.processes) processes × \(Figures.grouped(plan.instances)) connections",
            ],
        ]
        if plan.sendsMessages {
            let each = plan.messages.map { "; \(Figures.grouped($0)) messages each" } ?? ""
            rows.append(["schedule", plan.schedule + each])
            rows.append(["payload", plan.payload])
        } else {
            rows.append(["messages", "none"])
        }
        rows.append(["run", id])
        if let waiting { rows.append(["waited for the fleet", Figures.duration(waiting)]) }
        rows.append(["whole run", Figures.duration(elapsed)])
        return section(
            "Plan",
            Self.table(["", ""], rows.map { [$0[0], Markup.escaped($0[1].printable(limit: 400))] }, isText: true))
    }

    private func section(_ title: String, _ content: String, isWide: Bool = false) -> String {
        "<section\(isWide ? " class=\"wide\"" : "")><h2>\(title)</h2>\(content)</section>"
    }

    // MARK: Data

    /// What the script draws.
    private var chartData: String {
        func milliseconds(_ nanoseconds: UInt64?) -> JSONValue { nanoseconds.map { .milliseconds($0) } ?? .null }
        let rows = timeline.map { row in
            JSONValue.object([
                ("second", .unsigned(row.second)), ("width", .unsigned(row.width)), ("opened", .unsigned(row.opened)),
                ("open", .unsigned(row.open)), ("sent", .unsigned(row.sent)), ("received", .unsigned(row.received)),
                ("unsent", .unsigned(row.unsent)), ("errors", .unsigned(row.errors)),
                ("outcomes", .outcomes(row.outcomes)),
                ("response", row.percentiles.response.map { .array($0.map { .milliseconds($0) }) } ?? .null),
                ("send_lag", milliseconds(row.percentiles.sendLagP99)),
                ("handshake", milliseconds(row.percentiles.handshakeP99)),
                ("busy", .optional(rounding: row.loopUtilisation)),
                ("cells", .array(row.responses.map { .unsigned($0) })),
            ])
        }
        let data = JSONValue.object([
            ("timeline", .array(rows)),
            (
                "cells",
                .object([
                    ("start", .number(TimelineRow.start(ofCell: 0) / 1e6)),
                    ("per_doubling", .integer(Int64(TimelineRow.cellsPerDoubling))),
                ])
            ),
            (
                "distributions",
                .object([
                    ("response", Self.curve(statistics.rttResponse)), ("service", Self.curve(statistics.rttService)),
                ])
            ),
        ])
        // `<` occurs only in strings, where it could otherwise end the script element.
        return data.compact().replacing("<", with: "\\u003c")
    }

    /// Percentiles from the first to the largest value, as far as there are values that distinguish them.
    private static func curve(_ histogram: Histogram) -> JSONValue {
        guard histogram.count > 0 else { return .array([]) }
        var percentiles = [0.001, 5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85]
        var rest = 10.0
        while rest * Double(histogram.count) >= 100, rest > 1e-9 {
            for part in [1, 0.75, 0.5, 0.25] { percentiles.append(100 - rest * part) }
            rest /= 10
        }
        return .array(
            percentiles.compactMap { percentile in
                histogram.percentile(percentile).map {
                    .array([.number((percentile * 1e9).rounded() / 1e9), .milliseconds($0)])
                }
            })
    }

    // MARK: Markup

    private static func mark(_ style: String, _ text: String) -> String {
        "<span class=\"\(style)\">\(Markup.escaped(text))</span>"
    }

    /// - Parameters:
    ///   - rows: Cells that are HTML already.
    ///   - figure: If the first column names figures, the path before their names, for tests.
    ///   - isText: Whether the last column is text.
    private static func table(
        _ head: [String], _ rows: [[String]], figure: String? = nil, isText: Bool = false
    ) -> String {
        let heads =
            head.allSatisfy(\.isEmpty)
            ? ""
            : "<thead><tr>"
                + head.map { "<th scope=\"col\">\($0)</th>" }.joined() + "</tr></thead>"
        let body = rows.map { cells in
            "<tr>"
                + cells.enumerated().map { column, cell in
                    let isTextCell = isText && column == cells.count - 1
                    let path = figure.map { column == 1 ? " data-figure=\"\($0).\(cells[0])\"" : "" } ?? ""
                    return "<td\(isTextCell ? " class=\"text\"" : "")\(path)>\(cell)</td>"
                }.joined() + "</tr>"
        }
        return "<div class=\"scroll\"><table>\(heads)<tbody>\(body.joined(separator: "\n"))</tbody></table></div>"
    }
}
