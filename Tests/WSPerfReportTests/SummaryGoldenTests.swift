import Testing
import WSPerfCore

@testable import WSPerfReport

@Suite("Summary")
struct SummaryGoldenTests {
    private static let runs: [(name: String, events: [RunEvent])] = [
        ("all-well", RunFixture.allWell), ("one-killed", RunFixture.oneKilled), ("all-refused", RunFixture.allRefused),
        ("nothing", []), ("overloaded", RunFixture.overloaded), ("thresholds", RunFixture.thresholds),
    ]

    @Test("is, byte for byte, the golden file", arguments: [0, 1, 2, 3, 4, 5])
    func golden(run: Int) throws {
        let (name, events) = Self.runs[run]
        let summary = RunAccumulator.summary(of: events)
        try expectGolden(summary.json(), "\(name).json")
        try expectGolden(summary.text(), "\(name).txt")
        try expectGolden(summary.timelineCSV(), "\(name).csv")
        try expectGolden(summary.markdown(), "\(name).md")
        try expectGolden(summary.junitXML(), "\(name).xml")
    }

    @Test("is JSON that says what the text says", arguments: [0, 1, 2, 3, 4, 5])
    func parses(run: Int) throws {
        let summary = RunAccumulator.summary(of: Self.runs[run].events)
        let document = try PlanNode(json: summary.json())
        #expect(document["schema"]?.text == "wsperf.summary/1")
        #expect(document["run"]?["valid"]?.text == String(summary.isValid))
        #expect(document["connections"]?["planned"]?.text == String(summary.connections.planned))
        for key in ["handshake_ms", "open_lag_ms", "messages", "rtt_ms", "send_lag_ms", "workers", "plan"] {
            #expect(document[key] != nil, "\(key)")
        }
    }

    @Test("keeps within 80 columns and never prints a control character")
    func width() {
        var events = RunFixture.oneKilled
        events.insert(.notice(String(repeating: "long words \u{1b}[2J ", count: 200)), at: 1)
        let text = RunAccumulator.summary(of: events).text()
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
        #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control })
    }

    @Test("stays short however many workers and outcomes there are")
    func large() throws {
        let plan = RunFixture.plan(machines: 100, processes: 10, instances: 100)
        var events = [RunFixture.started(plan)]
        for index in 0..<1000 {
            events.append(.workerReady(RunFixture.worker(index)))
            var statistics = LoadStatistics()
            statistics.outcomes = [.closed(UInt16(3000 + index)): 100]
            events.append(RunFixture.snapshot(index, 1, final: index >= 500, statistics))
            events.append(.workerEnded(worker: "w\(index)", WorkerEnd(lost: index < 500, reason: "killed by signal 9")))
        }
        events.append(.ended(.finished, elapsed: 1))
        let summary = RunAccumulator.summary(of: events)
        let text = summary.text()
        #expect(text.split(separator: "\n").count < 80)
        #expect(text.contains("988 other outcomes"))
        #expect(text.contains("and 488 more (see summary.json)"))
        #expect(summary.invalidBecause.count == 101)
        let document = try PlanNode(json: summary.json())
        guard case .sequence(let workers) = document["workers"]?.content else {
            Issue.record("no workers")
            return
        }
        #expect(workers.count == 1000)
    }

    @Test("of a load in this process needs no fleet")
    func inProcess() {
        var plan = Plan(target: Self.target)
        plan.instances = 250
        plan.processes = 7
        var statistics = RunFixture.statistics(opened: 240, messages: 500, outcomes: [.succeeded: 240, .refused: 9])
        statistics.started = 249
        let result = LoadResult(planned: 250, elapsed: 2_500_000_000, statistics: statistics)
        let summary = RunSummary(plan: plan, result: result, end: .interrupted)
        #expect(summary.connections.planned == 250)
        #expect(summary.connections.outcomes == [.succeeded: 240, .refused: 9, .aborted: 1])
        #expect(summary.exitStatus == 130 && summary.timeline.isEmpty)
        #expect(summary.elapsed == 2_500_000_000 && summary.statistics == statistics)
        #expect(RunSummary(plan: plan, result: LoadResult(planned: 249, elapsed: 1, statistics: statistics)).isValid)
    }

    private static let target: Target = {
        guard let target = try? Target("ws://127.0.0.1:9000/") else { preconditionFailure("a good URL is refused") }
        return target
    }()
}

extension RunAccumulator {
    static func summary(of events: [RunEvent]) -> RunSummary {
        var accumulator = RunAccumulator()
        for event in events { accumulator.fold(event) }
        return accumulator.summary()
    }
}
