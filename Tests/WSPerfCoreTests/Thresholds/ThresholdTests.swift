import Foundation
import Testing

@testable import WSPerfCore

@Suite struct ThresholdTests {
    /// 1,000 planned connections, of which 990 succeeded; 2,000 messages in 10 s; response times of 1 to 100 ms.
    private static let figures: RunFigures = {
        var statistics = LoadStatistics()
        statistics.started = 1000
        statistics.opened = 995
        statistics.outcomes = [.succeeded: 990, .refused: 5, .closed(1011): 3, .aborted: 2]
        statistics.interruptions = [.reset: 7]
        statistics.sent = 2000
        statistics.received = 1990
        statistics.unanswered = 10
        statistics.bytesSent = 4096
        statistics.loopTime = 100
        statistics.loopBusy = 25
        statistics.cpuUser = 1_500_000_000
        for milliseconds in UInt64(1)...100 {
            statistics.rttResponse.record(milliseconds * 1_000_000)
            statistics.tls.record(milliseconds * 10_000)
        }
        var figures = RunFigures(statistics: statistics, planned: 1000, load: 10_000_000_000)
        figures.elapsed = 12_000_000_000
        figures.workersReady = 4
        figures.workersLost = 0
        return figures
    }()

    @Test(
        arguments: [
            ("response.p99 < 110ms", true, "99.0"), ("response.p99<50ms", false, "99.0"),
            ("rtt_ms.response.p50 <= 51ms", true, "50.0"), ("response.p99.9 >= 100ms", true, "100"),
            ("response.p999 <= 100ms", true, "100"), ("response.max == 100ms", true, "100ms"),
            ("response.mean > 50ms", true, "50.5ms"), ("response.count == 100", true, "100"),
            ("service.p99 < 1s", false, "no value"), ("handshake.tls.p95 < 1ms", true, "us"),
            ("handshake_ms.tls.min == 10us", true, "10us"), ("connections.succeeded >= 99 %", true, "99 %"),
            ("connections.succeeded >= 99.1%", false, "99 %"), ("connections.opened != 1000", true, "995"),
            ("outcomes.refused <= 0.5 %", true, "0.5 %"), ("connections.outcomes.refused < 5", false, "5"),
            ("outcomes.closed_1011 == 3", true, "3"), ("outcomes.upgrade_status_503 == 0", true, "0"),
            ("interruptions.reset < 1 %", true, "0.7 %"), ("errors.count <= 8", true, "8"),
            ("errors.rate < 1/s", true, "0.8/s"), ("errors.rate_per_s < 30/m", false, "0.8/s"),
            ("messages.unanswered <= 0.5 %", true, "0.5 %"), ("messages.sent_rate >= 200/s", true, "200/s"),
            ("messages.bytes_sent >= 4KiB", true, "4,096"), ("generator.loop_utilisation < 50 %", true, "25 %"),
            ("generator.loop_utilisation < 0.2", false, "25 %"), ("generator.cpu_user_s < 2s", true, "1.5s"),
            ("run.duration_s <= 12s", true, "12s"), ("generator.workers_lost == 0", true, "0"),
            ("opening.achieved > 1/s", false, "no value"),
        ])
    func aFigureIsCompared(_ text: String, _ isMet: Bool, _ measured: String) throws {
        let check = try Threshold(text).check(Self.figures)
        #expect(check.isMet == isMet, "\(check)")
        #expect(check.measured.contains(measured), "\(check)")
    }

    /// Nothing that was measured is rounded to the other side of its limit.
    @Test func aValueBesideItsLimitIsWrittenInFull() throws {
        var figures = Self.figures
        figures.planned = 100_000
        figures.outcomes = [.succeeded: 99_899]
        #expect(try Threshold("connections.succeeded >= 99.9 %").check(figures).measured == "99.899 %")
        figures.planned = 10_000_000
        figures.outcomes = [.succeeded: 9_989_999]
        #expect(try Threshold("connections.succeeded >= 99.9 %").check(figures).measured == "99.89999 %")
    }

    /// A journal may say anything.
    @Test func anyValueCanBeWritten() throws {
        let threshold = try Threshold("messages.sent < 1")
        for value in [1e30, -1e30, -0.5, 1.9e19, .infinity, .nan] {
            #expect(!ThresholdCheck(threshold: threshold, value: value).measured.isEmpty)
        }
    }

    /// A percentage of nothing is no value, and a threshold without a value is not kept.
    @Test func withoutAValueNothingIsKept() throws {
        let figures = RunFigures(statistics: LoadStatistics(), planned: 0, load: 0)
        for text in ["messages.unanswered <= 1 %", "outcomes.refused <= 1 %", "errors.rate < 1/s", "response.p50 < 1s"]
        {
            let check = try Threshold(text).check(figures)
            #expect(!check.isMet && check.value == nil && check.measured == "no value", "\(text)")
        }
        #expect(try Threshold("outcomes.refused == 0").check(figures).isMet)
    }

    @Test(
        arguments: [
            ("", "expected a threshold such as 'response.p99 < 50ms', not ''"),
            ("response.p99", "expected a threshold such as 'response.p99 < 50ms', not 'response.p99'"),
            ("respons.p99 < 1s", "there is no figure 'respons.p99'; did you mean 'response.p99'?"),
            ("response.p0 < 1s", "there is no figure 'response.p0'"),
            ("response.p100.1 < 1s", "there is no figure"), ("response < 1s", "there is no figure 'response'"),
            ("mesages.sent > 1", "did you mean 'messages.sent'?"),
            ("outcomes.refusd < 1", "did you mean 'outcomes.refused'?"), ("outcomes.Ref < 1", "there is no figure"),
            ("response.p99 < 50", "the limit of response.p99: a duration needs its unit"),
            ("response.p99 < 5 %", "it has no percentage"), ("response.count < 5 %", "it has no percentage"),
            ("errors.rate < 5", "a rate needs its unit"), ("messages.sent > 5ms", "expected a number"),
            ("messages.sent > -5", "expected a number"), ("generator.loop_utilisation < x", "expected a share"),
            ("outcomes.refused < x %", "expected a percentage"),
            ("messages.bytes_sent < 5 XB", "is not a unit of size"),
        ])
    func whatMakesNoSenseIsNamed(_ text: String, _ message: String) {
        let error = #expect(throws: PlanError.self) { try Threshold(text) }
        #expect("\(error.map { "\($0)" } ?? "")".contains(message), "\(error.map { "\($0)" } ?? "")")
    }

    /// `succeeded` is 0 at the beginning of each run.
    @Test func aTotalHasNoLowerLimitThatAborts() throws {
        let error = #expect(throws: PlanError.self) { try Threshold("connections.succeeded >= 99 %", aborts: true) }
        #expect("\(error.map { "\($0)" } ?? "")".contains("connections.succeeded grows until the end"))
        #expect(try Threshold("outcomes.refused <= 1 %", aborts: true).aborts)
        #expect(try Threshold("messages.sent_rate > 5/s", aborts: true, grace: .seconds(5)).grace == .seconds(5))
    }

    @Test func aPlanHasThresholds() throws {
        let json =
            #"{"target":"ws://h/","messages":1,"thresholds":["response.p99 < 50ms",{"check":"errors.rate<1/s","after":"30s","abort":true}]}"#
        let plan = try Plan(document: PlanNode(json: json))
        #expect(
            plan.thresholds == [
                try Threshold("response.p99 < 50ms"),
                try Threshold("errors.rate < 1/s", aborts: true, grace: .seconds(30)),
            ])
        #expect(try Plan(document: plan.document) == plan)
        #expect(RecordedPlan(plan).thresholds == plan.thresholds)
        let one = try Plan(
            document: PlanNode(json: #"{"target":"ws://h/","messages":1,"thresholds":"errors.count == 0"}"#))
        #expect(one.thresholds.map(\.description) == ["errors.count == 0"])
        for (thresholds, message) in [
            (#"["errors.cout < 1"]"#, "thresholds[0]: there is no figure 'errors.cout'; did you mean 'errors.count'?"),
            (#"[{"after":"1s"}]"#, "thresholds[0].check: missing"),
            (#"[{"check":"errors.count < 1","abrt":true}]"#, "thresholds[0].abrt: unknown key; did you mean 'abort'?"),
        ] {
            let error = #expect(throws: PlanError.self) {
                try Plan(
                    document: PlanNode(json: #"{"target":"ws://h/","messages":1,"thresholds":\#(thresholds)}"#))
            }
            #expect("\(error.map { "\($0)" } ?? "")".contains(message), "\(error.map { "\($0)" } ?? "")")
        }
    }

    /// Every outcome with a name of its own is known, so that a misspelt one is an error.
    @Test func allOutcomesAreKnown() throws {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        let path = root.appendingPathComponent("Sources/WSPerfCore/Statistics/Outcome.swift")
        let source = try String(contentsOf: path, encoding: .utf8)
        let names = source.matches(of: /static let \w+ = Outcome\("(\w+)"\)/).map { String($0.1) }
        #expect(names.count > 30 && Set(names) == Set(Outcome.known.map(\.rawValue)))
        for outcome in [Outcome.upgradeStatus(503), .closed(1006), .lost] { #expect(outcome.isKnown) }
        for name in ["closed_", "closed_x", "upgrade_status_5033", "refuse"] {
            #expect(Outcome(rawValue: name)?.isKnown == false, "\(name)")
        }
    }
}
