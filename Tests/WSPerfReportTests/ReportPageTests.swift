import Foundation
import Testing
import WSPerfCore

@testable import WSPerfReport

/// `report.html`. Scripts/check-report opens one in a browser.
@Suite("Report page")
struct ReportPageTests {
    private func data(_ page: String) throws -> PlanNode {
        let start = try #require(page.range(of: #"<script type="application/json" id="data">"#)).upperBound
        let end = try #require(page.range(of: "</script>", range: start..<page.endIndex)).lowerBound
        return try PlanNode(json: String(page[start..<end]))
    }

    @Test("says what the summary says")
    func figures() throws {
        let summary = RunAccumulator.summary(of: RunFixture.thresholds)
        let page = summary.html()
        for text in [
            "demo: 1,000 of 1,000 connections succeeded in 3.0 s", "3 of 5 thresholds not kept", "Measured as planned",
            #"<b data-figure="response.p99">5.452 ms</b>"#, #"<b data-figure="messages.sent">10,000</b>"#,
            #"<td data-figure="outcomes.succeeded">1,000</td>"#, "FAIL, ended the load", "handshake.tls.p95 &lt; 1s",
            "host-0", "500 / 500", "kept up",
        ] {
            #expect(page.contains(text), "\(text)")
        }
        let rows = try #require(data(page)["timeline"])
        guard case .sequence(let entries) = rows.content else { return #expect(Bool(false)) }
        #expect(entries.count == 3)
        #expect(entries.compactMap { $0["sent"]?.text } == summary.timeline.map { String($0.sent) })
        #expect(entries[2]["outcomes"]?["succeeded"]?.text == "880")
    }

    @Test("shows a run that failed, was lost or is empty", arguments: [0, 1, 2, 3])
    func others(run: Int) throws {
        let runs = [RunFixture.oneKilled, RunFixture.allRefused, [], RunFixture.overloaded]
        let page = RunAccumulator.summary(of: runs[run]).html()
        _ = try data(page)
        #expect(page.contains("Not valid") == (run != 1))
    }

    @Test("escapes every text, and contains nothing that a browser would fetch")
    func hostile() throws {
        let evil = #"</script><script>alert(1)</script><img src=x onerror=alert(2)> "'&\u{1b}"#
        guard case .mapping(var entries) = RunFixture.plan().content else { return }
        entries.append(PlanNode.Entry(key: "name", value: .string(evil)))
        var plan = RecordedPlan(document: .mapping(entries))
        (plan.name, plan.target, plan.schedule, plan.payload) = (evil, evil, evil, evil)
        let worker = WorkerInfo(id: evil, index: 0, machine: evil, pid: 1, waited: 0)
        let events: [RunEvent] = [
            .started(run: evil, startedAt: 0, plan: plan), .workerReady(worker), .notice(evil),
            .workerEnded(worker: evil, WorkerEnd(lost: true, reason: evil, stderr: evil)),
            .failed(reason: evil, exitStatus: 3),
            .ended(.incomplete, elapsed: 1),
        ]
        let page = RunAccumulator.summary(of: events).html()
        #expect(!page.contains("<img") && !page.contains("alert(1)</script>") && !page.contains("\u{1b}"))
        #expect(page.components(separatedBy: "<script").count == 3, "its data and its own script")
        #expect(page.contains("default-src 'none'"))
        for tag in ["<link", "<iframe", "<object", "@import", "url(", "fetch(", "XMLHttpRequest", "import("] {
            #expect(!page.contains(tag), "\(tag)")
        }
        // XML too.
        let junit = RunAccumulator.summary(of: events).junitXML()
        #expect(!junit.contains("<script") && !junit.contains("\u{1b}"))
        let markdown = RunAccumulator.summary(of: events).markdown()
        #expect(!markdown.replacing(#"\<"#, with: "").contains("<"))
    }

    @Test("of an hour stays small")
    func large() {
        var events = RunFixture.beginning
        for second in 1...3600 as ClosedRange<UInt64> {
            var statistics = RunFixture.statistics(messages: 60, seed: second)
            if second == 1 { statistics.opened = 250 }
            statistics.outcomes = second % 7 == 0 ? [.reset: 1, .closed(1011): 1] : [:]
            events.append(RunFixture.snapshot(0, second, statistics))
        }
        events.append(.ended(.interrupted, elapsed: 3601 * RunFixture.second))
        #expect(RunAccumulator.summary(of: events).html().utf8.count < 2_000_000)
    }
}
