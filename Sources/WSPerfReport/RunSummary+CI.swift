import WSPerfCore

// The result for the pages of continuous integration.
extension RunSummary {
    /// The content of `junit.xml`: a test case for the measurement, which fails if the run is not valid, and one for each
    /// threshold. The format is JUnit's, as CI servers read it.
    public func junitXML() -> String {
        let seconds = "\(Double(load) / 1e9)"
        let suite = Markup.escaped(name.isEmpty ? "run" : name)
        var cases: [(name: String, failure: (message: String, text: String)?)] = [
            (
                "measured as planned",
                isValid ? nil : (invalidBecause.first ?? "", invalidBecause.joined(separator: "\n"))
            )
        ]
        for check in checks {
            let text = check.endedTheLoad ? "\(check.measured); it ended the load" : check.measured
            cases.append(("\(check.threshold)", check.isMet ? nil : ("measured \(check.measured)", text)))
        }
        let failures = cases.count { $0.failure != nil }
        var lines = [
            #"<?xml version="1.0" encoding="UTF-8"?>"#,
            #"<testsuites name="wsperf" tests="\#(cases.count)" failures="\#(failures)" time="\#(seconds)">"#,
            #"  <testsuite name="\#(suite)" tests="\#(cases.count)" failures="\#(failures)" errors="0" skipped="0" "#
                + #"time="\#(seconds)" timestamp="\#(UTCTime(milliseconds: startedAt).iso8601)">"#,
        ]
        for one in cases {
            let open = #"    <testcase classname="\#(suite)" name="\#(Markup.escaped(one.name))" time="\#(seconds)""#
            guard let failure = one.failure else {
                lines.append(open + "/>")
                continue
            }
            lines.append(open + ">")
            lines.append(
                #"      <failure message="\#(Markup.escaped(failure.message))">\#(Markup.escaped(failure.text))</failure>"#
            )
            lines.append("    </testcase>")
        }
        return (lines + ["  </testsuite>", "</testsuites>"]).joined(separator: "\n") + "\n"
    }

    /// The content of `summary.md`: the result, the thresholds and the main figures in Markdown (with GitHub's tables).
    public func markdown() -> String {
        var lines = [
            "# \(Self.markdown(name.isEmpty ? "run" : name)): \(isValid && meetsThresholds ? "pass" : "FAIL")", "",
            "\(headline).  ",
            isValid
                ? "Measured as planned." : "Not valid: \(Self.markdown(invalidBecause.joined(separator: "; "))).",
        ]
        func table(_ head: [String], _ rows: [[String]]) {
            guard !rows.isEmpty else { return }
            let rule = head.indices.map { $0 == 0 ? "---" : "---:" }
            for row in [head, rule] + rows { lines.append("| " + row.joined(separator: " | ") + " |") }
        }
        if !checks.isEmpty {
            lines += ["", "## Thresholds", ""]
            table(
                ["threshold", "measured", ""],
                checks.map {
                    [
                        "`\($0.threshold)`", $0.measured,
                        $0.isMet ? "pass" : $0.endedTheLoad ? "**FAIL**, ended the load" : "**FAIL**",
                    ]
                })
        }
        lines += ["", "## Figures", ""]
        let distributions: [(String, Histogram)] = [
            ("response", statistics.rttResponse), ("service", statistics.rttService),
            ("send lag", statistics.sendLag), ("handshake", statistics.handshake), ("open lag", statistics.openLag),
        ]
        table(
            ["ms", "count", "p50", "p95", "p99", "p99.9", "max"],
            distributions.filter { !$0.1.isEmpty }.map { name, histogram in
                [name, Figures.grouped(histogram.count)]
                    + [50, 95, 99, 99.9, 100].map { percentile in
                        histogram.percentile(percentile).map { Figures.milliseconds(Double($0)) } ?? "–"
                    }
            })
        lines += [
            "",
            "\(Figures.grouped(statistics.sent)) messages sent, \(Figures.grouped(statistics.received)) received, "
                + "\(Figures.grouped(statistics.unanswered)) unanswered.",
        ]
        if !notices.isEmpty {
            lines += ["", "## Notes", ""] + notices.prefix(20).map { "- \(Self.markdown($0))" }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Text that Markdown does not interpret.
    private static func markdown(_ text: String) -> String {
        text.printable(limit: 4000).reduce(into: "") { result, character in
            if "\\`*_{}[]<>|#~".contains(character) { result.append("\\") }
            result.append(character)
        }
    }
}
