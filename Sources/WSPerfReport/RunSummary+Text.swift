import WSPerfCore

extension RunSummary {
    /// The content of `summary.txt`, which is also printed at the end of a run: what came of the connections, whether
    /// thresholds are kept and the measurement is what the plan asked for, and the figures. At most 80 columns, unless a
    /// number is very long.
    public func text() -> String {
        let sections = [
            result, thresholds, state, list("Notes", notices), outcomes,
            times(
                "Handshake, ms",
                [
                    ("DNS", statistics.dns), ("TCP connect", statistics.tcpConnect), ("TLS", statistics.tls),
                    ("upgrade", statistics.upgrade), ("total", statistics.handshake),
                    ("response", statistics.handshakeResponse), ("open lag", statistics.openLag),
                ],
                note: statistics.handshakeResponse.isEmpty
                    ? nil : "response: from the intended start; total: from the actual start"),
            times(
                "Round trip, ms",
                [
                    ("response", statistics.rttResponse), ("service", statistics.rttService),
                    ("send lag", statistics.sendLag),
                ],
                note: "quote response: from the intended send; service: from the actual send"),
            messages, crew, loadLines,
        ]
        return sections.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
    }

    // MARK: Sections

    /// What the server did, in one sentence without a full stop.
    var headline: String {
        let failures = connections.ranked.filter { $0.outcome != .succeeded }
        let named = failures.prefix(3).map { "\(Figures.grouped($0.count)) \($0.outcome)" }.joined(separator: ", ")
        return "\(Figures.grouped(connections.succeeded)) of \(count(connections.planned, "connection")) succeeded"
            + " in \(Figures.duration(load))"
            + (failures.isEmpty ? "" : ": \(named)\(failures.count > 3 ? ", …" : "")")
    }

    private var result: [String] {
        var lines = [headline]
        if statistics.sent > 0 || statistics.received > 0 {
            lines.append("\(count(statistics.sent, "message")) sent, \(Figures.grouped(statistics.received)) received")
        }
        return lines
    }

    private var thresholds: [String] {
        guard !checks.isEmpty else { return [] }
        let kept = checks.count(where: \.isMet)
        var table = TextTable([
            .init(alignment: .left, width: 6), .init(alignment: .left, width: 44), .init(alignment: .right, width: 12),
            .init(alignment: .left, width: 0),
        ])
        for check in checks {
            table.append([
                check.isMet ? "  pass" : "  FAIL", "\(check.threshold)".printable(limit: 60), check.measured,
                check.endedTheLoad ? "ended the load" : "",
            ])
        }
        return ["Thresholds: \(kept == checks.count ? "all" : "\(kept) of \(checks.count)") kept"] + table.lines
    }

    /// Whether the figures are what the plan asked for.
    private var state: [String] {
        if isValid { return ["Measured as planned"] }
        return list(end == .interrupted ? "Interrupted; not valid:" : "Not valid:", invalidBecause)
    }

    private func list(_ title: String, _ sentences: [String]) -> [String] {
        guard !sentences.isEmpty else { return [] }
        // The whole list is in summary.json.
        let shown = sentences.prefix(Self.listLimit).flatMap { Self.wrap($0) }
        let rest = sentences.count - Self.listLimit
        return [title] + shown + (rest > 0 ? ["  - and \(rest) more (see summary.json)"] : [])
    }

    private var loadLines: [String] {
        var table = TextTable([.init(alignment: .left, width: 11), .init(alignment: .left, width: 0)])
        func add(_ title: String, _ text: String?) {
            guard let text, !text.isEmpty else { return }
            for (number, line) in Self.lines(of: text.printable(limit: 200), width: 66).enumerated() {
                table.append([number == 0 ? title : "", line])
            }
        }
        if !name.isEmpty { add("Plan", name.printable(limit: 60)) }
        add("Run", id + (startedAt == 0 ? "" : ", started \(UTCTime(milliseconds: startedAt).readable)"))
        if let waiting {
            let whole = "load \(Figures.duration(load)), whole run \(Figures.duration(elapsed))"
            add("Time", "waited \(Figures.duration(waiting)) for listeners and workers, \(whole)")
        }
        guard let plan else { return table.lines }
        add("Target", plan.target)
        add(
            "Load",
            "\(count(plan.machines, "machine")) × \(count(plan.processes, "process", plural: "processes")) × "
                + count(plan.instances, "connection"))
        add("Opening", openingRate)
        if plan.sendsMessages {
            let each = plan.messages.map { "; \(count($0, "message")) each" } ?? ""
            add("Schedule", plan.schedule.isEmpty ? nil : plan.schedule + each)
            add("Payload", plan.payload)
        } else {
            add("Messages", "none")
        }
        return table.lines
    }

    /// How fast connections opened, if that differs from the plan.
    private var openingRate: String? {
        guard opening.isBehind || opening.maxOpening != nil, opening.took != nil else { return nil }
        let asked = opening.askedPerSecond.map { "\(Figures.rate($0))/s asked" }
        let achieved = opening.achievedPerSecond.map { "\(Figures.rate($0))/s achieved" }
        let bound = opening.maxOpening.map { "at most \(Figures.grouped($0)) opening at once in each worker" }
        let rates = [asked, achieved].compactMap(\.self).joined(separator: ", ")
        return rates.isEmpty ? bound : rates + (bound.map { " (\($0))" } ?? "")
    }

    private var outcomes: [String] {
        var table = TextTable([
            .init(alignment: .left, width: 24), .init(alignment: .right, width: 11), .init(alignment: .right, width: 7),
            .init(alignment: .left, width: 0),
        ])
        table.append(["Connections", Figures.grouped(connections.planned)])
        let ranked = connections.ranked
        for (outcome, count) in ranked.prefix(Self.listLimit) {
            let share = Figures.percent(count, of: connections.planned)
            let bar = Figures.bar(count, of: connections.planned, width: 30)
            table.append(["  \(outcome)", Figures.grouped(count), share, bar])
        }
        if ranked.count > Self.listLimit {
            let rest = ranked.dropFirst(Self.listLimit)
            let count = rest.reduce(0) { $0 &+ $1.count }
            table.append(["  \(rest.count) other outcomes", Figures.grouped(count)])
        }
        let interruptions = statistics.interruptions.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        if !interruptions.isEmpty {
            table.append(["New attempts", Figures.grouped(interruptions.reduce(0) { $0 &+ $1.value })])
            for (outcome, count) in interruptions.prefix(Self.listLimit) {
                table.append(["  after \(outcome)", Figures.grouped(count)])
            }
        }
        return table.lines
    }

    /// A table of distributions in milliseconds; empty if there are none.
    private func times(_ title: String, _ distributions: [(String, Histogram)], note: String? = nil) -> [String] {
        let present = distributions.filter { !$0.1.isEmpty }
        guard !present.isEmpty else { return [] }
        let figure = TextTable.Column(alignment: .right, width: 7)
        var table = TextTable(
            [.init(alignment: .left, width: 14), .init(alignment: .right, width: 9)]
                + Array(repeating: figure, count: 6))
        table.append([title, "count", "mean", "p50", "p95", "p99", "p99.9", "max"])
        for (name, histogram) in present {
            let figures =
                [histogram.mean] + [50, 95, 99, 99.9, 100].map { histogram.percentile($0).map { Double($0) } }
            table.append(
                ["  \(name)", Figures.grouped(histogram.count)] + figures.map { $0.map(Figures.milliseconds) ?? "–" })
        }
        return table.lines + (note.map { ["  (\($0))"] } ?? [])
    }

    private var messages: [String] {
        guard statistics.sent > 0 || statistics.received > 0 || statistics.unsent > 0 else { return [] }
        var table = TextTable([
            .init(alignment: .left, width: 14), .init(alignment: .right, width: 9), .init(alignment: .right, width: 9),
            .init(alignment: .left, width: 0),
        ])
        table.append(["Messages", "count", "payload"])
        table.append(["  sent", Figures.grouped(statistics.sent), Figures.bytes(statistics.bytesSent), sendRate])
        table.append(["  received", Figures.grouped(statistics.received), Figures.bytes(statistics.bytesReceived)])
        func add(_ name: String, _ count: UInt64, _ meaning: String, always: Bool = false) {
            guard always || count > 0 else { return }
            table.append(["  \(name)", Figures.grouped(count), "", count > 0 ? meaning : ""])
        }
        add("unanswered", statistics.unanswered, "no reply when the connection ended", always: true)
        add("unexpected", statistics.unexpected, "no message waited for them", always: true)
        add("late", statistics.late, "replies after the reply deadline")
        add("untimed", statistics.untimed, "their message was no longer remembered")
        add("blocked", statistics.blocked, "waited for room in the socket's buffer")
        add("unsent", statistics.unsent, "due, but their connection had stopped")
        return table.lines
    }

    /// Messages per second, over the seconds in which messages were sent.
    private var sendRate: String {
        let seconds = timeline.reduce(0) { $0 + ($1.sent > 0 ? $1.width : 0) }
        guard seconds > 1 else { return "" }
        return "\(Figures.rate(Double(statistics.sent) / Double(seconds)))/s on average"
    }

    private var crew: [String] {
        guard !workers.isEmpty else { return [] }
        let reported = workers.count { !$0.lost }
        let verdict =
            switch generator.verdict {
            case .keptUp: "kept up"
            case .strained: "strained (see the notes)"
            case .tooSlow: "TOO SLOW (see above)"
            case .notJudged: "not judged: \(generator.reason ?? "")"
            }
        var lines = Self.lines(of: "Generator  \(verdict)", width: 78)
        lines.append("Workers    \(reported) of \(plannedWorkers) reported to the end")
        var line =
            "CPU        \(Figures.duration(statistics.cpuUser)) user, \(Figures.duration(statistics.cpuSystem)) system"
        let exchanged = statistics.sent &+ statistics.received
        if statistics.sent > 0, exchanged > 0 {
            let cost = Double(statistics.cpuUser &+ statistics.cpuSystem) / Double(statistics.sent) / 1000
            line += " (\(Figures.fixed(cost, 1)) µs a message sent)"
        }
        lines.append(line)
        if let busy = statistics.loopUtilisation, let processor = statistics.loopCPUShare {
            let (busy, processor) = (Figures.fixed(busy * 100, 1), Figures.fixed(processor * 100, 1))
            lines.append("Loops      busy \(busy) % of the time, on a processor \(processor) %")
        }

        let isShort = workers.count <= Self.listLimit
        let noteworthy = isShort ? workers : workers.filter(\.isNoteworthy)
        guard !noteworthy.isEmpty else { return lines }
        let left = TextTable.Column(alignment: .left, width: 0)
        let right = TextTable.Column(alignment: .right, width: 0)
        var table = TextTable([left, left, right, right, right, left])
        table.append(["  id", "machine", "succeeded", "sent", "received", "end"])
        for worker in noteworthy.prefix(Self.listLimit) {
            table.append([
                "  " + worker.info.id.printable(limit: 20), worker.info.machine.printable(limit: 12),
                "\(Figures.grouped(worker.connections.succeeded))/\(Figures.grouped(worker.connections.planned))",
                Figures.grouped(worker.sent), Figures.grouped(worker.received), worker.ending,
            ])
        }
        let rest = noteworthy.count - Self.listLimit
        let more = rest > 0 ? ["  and \(rest) more (see summary.json)"] : []
        return lines + table.lines + more + noteworthy.prefix(Self.listLimit).flatMap(\.lastWords)
    }

    // MARK: Words

    /// The most entries of a list to show. `summary.json` has all of them.
    private static let listLimit = 12

    private func count(_ count: UInt64, _ noun: String, plural: String? = nil) -> String {
        "\(Figures.grouped(count)) \(count == 1 ? noun : plural ?? noun + "s")"
    }

    /// A sentence as an item of a list, in lines of at most 78 columns.
    private static func wrap(_ sentence: String) -> [String] {
        lines(of: sentence.printable(), width: 74).enumerated().map { ($0 == 0 ? "  - " : "    ") + $1 }
    }

    /// A text in lines of at most `width` columns, unless a word is longer.
    private static func lines(of text: String, width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            if line.count + 1 + word.count > width, !line.isEmpty {
                lines.append(line)
                line = String(word)
            } else {
                line += (line.isEmpty && lines.isEmpty || line.isEmpty ? "" : " ") + word
            }
        }
        return lines + [line]
    }
}

extension WorkerSummary {
    fileprivate var ending: String {
        var parts: [String] = []
        if lost { parts.append(replaced ? "lost, replaced" : "LOST") }
        if !reason.isEmpty { parts.append(reason.printable(limit: 20)) }
        if let signal, !reason.contains("signal") { parts.append("signal \(signal)") }
        if let status, status != 0 || parts.isEmpty { parts.append("exit \(status)") }
        return parts.joined(separator: ", ")
    }

    /// The last lines that it printed. After a crash, the first lines of what was printed about it: the reason, and the
    /// frames of the thread that crashed.
    fileprivate var lastWords: [String] {
        guard !stderr.isEmpty else { return [] }
        let all = stderr.split(whereSeparator: \.isNewline)
        let lines = signal == nil ? all.suffix(5) : all.prefix(12)
        return ["  output of \(info.id.printable(limit: 60)):"]
            + lines.map { "    | " + $0.description.printable(limit: 74) }
    }
}
