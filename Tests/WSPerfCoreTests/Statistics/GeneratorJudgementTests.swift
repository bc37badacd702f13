import Testing

@testable import WSPerfCore

@Suite("GeneratorJudgement")
struct GeneratorJudgementTests {
    /// Measurements: lags in milliseconds (-1 for none), and the loops' times in per cent.
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var sendLag: Double = -1
        var openLag: Double = -1
        var sent: UInt64 = 1000
        var blocked: UInt64 = 0
        var isClosed = false
        var busy: UInt64?
        var processor: UInt64 = 0
        var verdict: GeneratorVerdict
        var reason: String?
    }

    private static let unloaded =
        "; its event loops were busy only 40 % of the time: the load came in bursts, or the machine or its hypervisor held"
        + " the process up"

    static let cases: [Case] = [
        Case(testDescription: "in time", sendLag: 1, openLag: 1, verdict: .keptUp),
        Case(testDescription: "just in time", sendLag: 9.9, openLag: 9.9, verdict: .keptUp),
        Case(testDescription: "only opened, in time", openLag: 1, sent: 0, verdict: .keptUp),
        Case(testDescription: "sent by a client without openings", sendLag: 1, verdict: .keptUp),
        Case(
            testDescription: "messages a little late", sendLag: 12.5, openLag: 1, verdict: .strained,
            reason: "messages were sent 12.5 ms late (99th percentile)"),
        Case(
            testDescription: "openings a little late", sendLag: 1, openLag: 99, verdict: .strained,
            reason: "connections were opened 99 ms late (99th percentile)"),
        Case(
            testDescription: "messages too late", sendLag: 2500, verdict: .tooSlow,
            reason: "messages were sent 2.5 s late (99th percentile)"),
        Case(
            testDescription: "openings too late, in a run that only opens", openLag: 59_000, sent: 0, verdict: .tooSlow,
            reason: "connections were opened 59 s late (99th percentile)"),
        Case(
            testDescription: "both, one of them too late", sendLag: 20, openLag: 101, verdict: .tooSlow,
            reason: "messages were sent 20 ms late and connections were opened 101 ms late (99th percentile)"),
        Case(
            testDescription: "loops busy", sendLag: 250, busy: 98, processor: 95, verdict: .tooSlow,
            reason: "messages were sent 250 ms late (99th percentile); its event loops were busy 98 % of the time: "
                + "give the plan more threads or processes"),
        Case(
            testDescription: "loops just busy enough", sendLag: 250, busy: 92, processor: 69, verdict: .tooSlow,
            reason: "messages were sent 250 ms late (99th percentile); its event loops were busy 92 % of the time: "
                + "give the plan more threads or processes"),
        Case(
            testDescription: "loops waiting for a CPU", sendLag: 250, busy: 98, processor: 51, verdict: .tooSlow,
            reason: "messages were sent 250 ms late (99th percentile); its event loops waited for a processor "
                + "(busy 98 % of the time, on a processor 51 %): the machine was busy with something else"),
        Case(
            testDescription: "loops idle", openLag: 250, busy: 40, processor: 40, verdict: .tooSlow,
            reason: "connections were opened 250 ms late (99th percentile)" + unloaded),
        Case(
            testDescription: "strained by a machine that stalls", sendLag: 50, busy: 40, processor: 39,
            verdict: .strained, reason: "messages were sent 50 ms late (99th percentile)" + unloaded),
        Case(
            testDescription: "a closed loop", sendLag: 0, openLag: 1, isClosed: true, verdict: .notJudged,
            reason: "the replies decided when messages were sent (in_flight, no pauses)"),
        Case(
            testDescription: "a closed loop that is late anyway", sendLag: 150, isClosed: true, verdict: .tooSlow,
            reason: "messages were sent 150 ms late (99th percentile)"),
        Case(
            testDescription: "blocked", sendLag: 1, blocked: 11, verdict: .notJudged,
            reason: "more than one message in a hundred found its socket's buffer full"),
        Case(testDescription: "seldom blocked", sendLag: 1, blocked: 10, verdict: .keptUp),
        Case(
            testDescription: "blocked, and late anyway", sendLag: 11, blocked: 500, verdict: .strained,
            reason: "messages were sent 11 ms late (99th percentile)"),
        Case(testDescription: "nothing", sent: 0, verdict: .notJudged, reason: "nothing was opened or sent"),
    ]

    @Test("depends on what was late, and says what the limit was", arguments: cases)
    func judges(_ item: Case) {
        var statistics = LoadStatistics()
        statistics.sent = item.sent
        statistics.blocked = item.blocked
        // One value in a hundred is not in the 99th percentile.
        for index in 0..<100 {
            if item.sendLag >= 0 { statistics.sendLag.record(index == 0 ? 1 << 40 : UInt64(item.sendLag * 1e6)) }
            if item.openLag >= 0 { statistics.openLag.record(index == 0 ? 1 << 40 : UInt64(item.openLag * 1e6)) }
            // However slow the server seems to be.
            statistics.rttResponse.record(1 << 41)
        }
        if let busy = item.busy {
            statistics.loopTime = 100_000
            statistics.loopBusy = busy * 1000
            statistics.loopCPU = item.processor * 1000
        }
        let judgement = GeneratorJudgement(statistics, isClosedLoopWithoutPauses: item.isClosed)
        #expect(judgement.verdict == item.verdict)
        #expect(judgement.reason == item.reason)
    }

    @Test(
        "knows the plans in which replies decide when messages are sent",
        arguments: [
            (#"{}"#, false),
            (#"{"in_flight":1}"#, false),
            (#"{"in_flight":1,"schedule":{"kind":"periodic","interval":"0s"}}"#, true),
            (#"{"in_flight":4,"schedule":{"kind":"periodic","interval":0}}"#, true),
            (#"{"in_flight":1,"schedule":{"kind":"periodic","interval":"10ms"}}"#, false),
            (#"{"schedule":{"kind":"randomized","distribution":"exponential","interval":"1s"}, "in_flight":1}"#, false),
            (#"{"in_flight":1,"schedule":{"kind":"of_my_own"}}"#, true),
            (#"{"in_flight":1,"send_messages":false,"schedule":{"kind":"of_my_own"}}"#, false),
        ])
    func closedLoops(json: String, expected: Bool) throws {
        var entries = try PlanNode(json: json).entries
        entries.append(PlanNode.Entry(key: "target", value: .string("ws://h/")))
        entries.append(PlanNode.Entry(key: "messages", value: .integer(1)))
        let plan = try Plan(document: .mapping(entries))
        #expect(plan.isClosedLoopWithoutPauses == expected)
        #expect(RecordedPlan(document: plan.document).isClosedLoopWithoutPauses == expected)
    }

    @Test("knows how busy loops were, if at all")
    func utilisation() {
        var statistics = LoadStatistics()
        #expect(statistics.loopUtilisation == nil && statistics.loopCPUShare == nil)
        statistics.loopTime = 4000
        statistics.loopBusy = 1000
        statistics.loopCPU = 500
        #expect(statistics.loopUtilisation == 0.25 && statistics.loopCPUShare == 0.125)
        // Clocks are not read at the same instant.
        statistics.loopBusy = 4001
        #expect(statistics.loopUtilisation == 1)
    }
}
