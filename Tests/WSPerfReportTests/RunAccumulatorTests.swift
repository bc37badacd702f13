import Testing
import WSPerfCore

@testable import WSPerfReport

@Suite("RunAccumulator")
struct RunAccumulatorTests {
    /// What happens to a worker with ten connections that reported five successes.
    struct Fate: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var isFinal = false
        var end: WorkerEnd?
        var run: RunEnd?
        var outcomes: [Outcome: UInt64]
        var exit: Int32
        var says: String
    }

    static let fates: [Fate] = [
        Fate(
            testDescription: "killed", end: WorkerEnd(lost: true, signal: 9, reason: "killed by signal 9"),
            run: .finished,
            outcomes: [.succeeded: 5, .lost: 5], exit: 3, says: "worker w0 on host-0 was lost: killed by signal 9"),
        Fate(
            testDescription: "never heard of again", run: .finished, outcomes: [.succeeded: 5, .lost: 5], exit: 3,
            says: "worker w0 on host-0 was lost: its last results never arrived"),
        Fate(
            testDescription: "overdue", run: .overdue, outcomes: [.succeeded: 5, .lost: 5], exit: 3,
            says: "a deadline passed with results still missing"),
        Fate(
            testDescription: "interrupted, and not waited for", run: .interrupted,
            outcomes: [.succeeded: 5, .aborted: 5], exit: 130, says: "interrupted by the operator"),
        Fate(
            testDescription: "killed in an interrupted run", end: WorkerEnd(lost: true, reason: "silent for 5 s"),
            run: .interrupted, outcomes: [.succeeded: 5, .lost: 5], exit: 130, says: "interrupted by the operator"),
        Fate(
            testDescription: "given up before it began", run: .incomplete, outcomes: [.succeeded: 5, .aborted: 5],
            exit: 3, says: "too few listeners or workers joined; nothing was sent"),
        Fate(
            testDescription: "ended well but short", isFinal: true, end: WorkerEnd(lost: false, status: 0, reason: ""),
            run: .finished, outcomes: [.succeeded: 5, .aborted: 5], exit: 3,
            says: "worker w0 on host-0 ended with 5 of its connections unaccounted for"),
        Fate(
            testDescription: "without its controller", outcomes: [.succeeded: 5, .lost: 5], exit: 3,
            says: "the controller ended before the run did"),
        Fate(
            testDescription: "thought lost, and back with its last results", isFinal: true,
            end: WorkerEnd(lost: true, reason: "silent for 5 s"), run: .finished,
            outcomes: [.succeeded: 5, .aborted: 5],
            exit: 3, says: "worker w0 on host-0 ended with 5 of its connections unaccounted for"),
    ]

    @Test("says why a run could not be carried out, with its exit status")
    func failed() {
        let summary = RunAccumulator.summary(of: [
            RunFixture.started(), .failed(reason: "client: unknown kind 'x'", exitStatus: 2),
            .ended(.incomplete, elapsed: 1),
        ])
        #expect(summary.invalidBecause.first == "client: unknown kind 'x'")
        #expect(!summary.isValid && summary.exitStatus == 2)
        #expect(summary.json().contains("\"exit\": 2"))
    }

    /// A worker with ten connections; the engine aborted four.
    private func notices(
        limit: String?, policy: String = "continue", end: RunEnd = .finished, lost: Bool = false
    ) -> [String] {
        guard case .mapping(var entries) = RunFixture.plan(machines: 1, processes: 1, instances: 10).content else {
            return []
        }
        entries += [
            PlanNode.Entry(key: "time_limit", value: limit.map { .string($0) } ?? .null),
            PlanNode.Entry(key: "on_lost_worker", value: .string(policy)),
        ]
        var accumulator = RunAccumulator()
        for event in [
            RunFixture.started(.mapping(entries)), .workerReady(RunFixture.worker(0)),
            RunFixture.snapshot(
                0, 1, final: true, RunFixture.statistics(opened: 10, outcomes: [.succeeded: 6, .aborted: 4])),
            .workerEnded(worker: "w0", WorkerEnd(lost: lost, status: 0, reason: "finished")),
            .ended(end, elapsed: RunFixture.second),
        ] { accumulator.fold(event) }
        let summary = accumulator.summary()
        #expect(summary.isValid == (end == .finished && !lost))
        return summary.notices
    }

    @Test func handshakesThatNobodyAnswersHintAtTheScheme() {
        let hint = "no TLS handshake was answered: the URL of a server without TLS begins with ws://, not wss://"
        func notices(_ outcomes: [Outcome: UInt64], answered: UInt64 = 0) -> [String] {
            var statistics = RunFixture.statistics(outcomes: outcomes)
            for _ in 0..<answered { statistics.tls.record(1) }
            var accumulator = RunAccumulator()
            for event in [
                RunFixture.started(RunFixture.plan(machines: 1, processes: 1, instances: 4)),
                .workerReady(RunFixture.worker(0)), RunFixture.snapshot(0, 1, final: true, statistics),
                .ended(.finished, elapsed: RunFixture.second),
            ] { accumulator.fold(event) }
            return accumulator.summary().notices
        }
        #expect(notices([.timeoutTLS: 4]).contains(hint))
        #expect(notices([.notTLS: 4]).contains(hint))
        #expect(!notices([.timeoutTLS: 3], answered: 1).contains(hint))
        #expect(!notices([.refused: 4]).contains(hint))
    }

    @Test("says how many connections the time limit cut short, and that alone does not make a run invalid")
    func timeLimit() {
        #expect(notices(limit: "5s") == ["the time limit of 5s (time_limit) cut 4 connections short: aborted"])
        #expect(
            notices(limit: nil) == [
                "the time limit computed from the plan (time_limit) cut 4 connections short: aborted"
            ])
        // Something else ended these.
        #expect(notices(limit: "5s", end: .interrupted) == [])
        #expect(notices(limit: "5s", lost: true) == [])
        #expect(notices(limit: "5s", policy: "abort", lost: true) == [])
    }

    @Test("gives every connection one outcome, whatever happens to its worker", arguments: fates)
    func fate(_ fate: Fate) {
        var events = [
            RunFixture.started(RunFixture.plan(machines: 1, processes: 1, instances: 10)),
            .workerReady(RunFixture.worker(0)),
            RunFixture.snapshot(
                0, 1, final: fate.isFinal, RunFixture.statistics(opened: 10, outcomes: [.succeeded: 5])),
        ]
        if let end = fate.end { events.append(.workerEnded(worker: "w0", end)) }
        if let run = fate.run { events.append(.ended(run, elapsed: 7)) }
        let summary = RunAccumulator.summary(of: events)
        #expect(summary.connections == ConnectionTally(planned: 10, outcomes: fate.outcomes))
        #expect(summary.exitStatus == fate.exit && !summary.isValid)
        #expect(summary.invalidBecause.contains(fate.says), "\(summary.invalidBecause)")
    }

    @Test("is not valid if a worker delivered everything, but ended on its own before its work was done")
    func endedByItself() {
        func summary(_ outcomes: [Outcome: UInt64], lost: Bool) -> RunSummary {
            RunAccumulator.summary(of: [
                RunFixture.started(RunFixture.plan(machines: 1, processes: 1, instances: 10)),
                .workerReady(RunFixture.worker(0)),
                RunFixture.snapshot(0, 1, final: true, RunFixture.statistics(opened: 10, outcomes: outcomes)),
                .workerEnded(worker: "w0", WorkerEnd(lost: lost, status: 1, reason: "its listener is gone")),
                .ended(.finished, elapsed: 7),
            ])
        }
        let early = summary([.succeeded: 4, .aborted: 6], lost: true)
        #expect(early.invalidBecause == ["worker w0 on host-0 ended early: its listener is gone"])
        #expect(early.exitStatus == 3 && !early.workers[0].lost)
        // It had done everything by then; and a time limit is the plan's own.
        #expect(summary([.succeeded: 9, .refused: 1], lost: true).isValid)
        #expect(summary([.succeeded: 4, .aborted: 6], lost: false).isValid)
    }

    @Test("compares runs by their load, however long they waited for their listeners")
    func waiting() {
        func summary(waited: UInt64) -> RunSummary {
            let events = RunFixture.allWell.map { event -> RunEvent in
                switch event {
                case .workerReady(var info):
                    info.waited = waited
                    return .workerReady(info)
                case .ended(let end, _): return .ended(end, elapsed: waited + 3 * RunFixture.second + 5_000_000)
                default: return event
                }
            }
            return RunAccumulator.summary(of: events)
        }
        let (prompt, late) = (summary(waited: 50_000_000), summary(waited: 9 * RunFixture.second))
        #expect(prompt.waiting == 50_000_000 && late.waiting == 9 * RunFixture.second)
        #expect(prompt.load == 3 * RunFixture.second && late.load == prompt.load)
        #expect(late.elapsed == 12 * RunFixture.second + 5_000_000)
        let rows = RunComparison([prompt, late]).text().split(separator: "\n")
        #expect(rows.count == 3 && rows[1] == rows[2] && rows[1].contains(" 3,333 "), "\(rows)")
        #expect(late.text().contains("waited 9.0 s for listeners and workers"), "\(late.text())")
    }

    @Test("says nothing of the waiting if the record does not, and has no load if there was none")
    func unknownWaiting() {
        var old = RunFixture.worker(0)
        old.waited = nil
        let beginning = RunFixture.started(RunFixture.plan(machines: 1, processes: 1))
        let unknown = RunAccumulator.summary(
            of: [beginning, .workerReady(old)] + RunFixture.snapshots(0) + [.ended(.finished, elapsed: .max)])
        #expect(unknown.waiting == nil && unknown.load == 3 * RunFixture.second)
        let nothing = RunAccumulator.summary(of: [beginning, .ended(.incomplete, elapsed: 60 * RunFixture.second)])
        #expect(nothing.waiting == 60 * RunFixture.second && nothing.load == 0)
        // The controller died: what is known of the run is its waiting and its last snapshot.
        let died = RunAccumulator.summary(
            of: [beginning, .workerReady(RunFixture.worker(0))] + RunFixture.snapshots(0).prefix(2))
        #expect(died.elapsed == 2 * RunFixture.second + 210_000_000 && died.load == 2 * RunFixture.second)
    }

    @Test("is valid if everything went well, or if the target refused everything")
    func valid() {
        for events in [RunFixture.allWell, RunFixture.allRefused] {
            let summary = RunAccumulator.summary(of: events)
            #expect(summary.isValid && summary.exitStatus == 0, "\(summary.invalidBecause)")
            #expect(summary.generator.verdict != .tooSlow)
        }
        #expect(RunAccumulator.summary(of: RunFixture.allRefused).connections.outcomes == [.refused: 200])
    }

    @Test("adds up what all workers measured, exactly")
    func totals() {
        let summary = RunAccumulator.summary(of: RunFixture.allWell)
        var expected = LoadStatistics()
        for case .snapshot(_, let encoded) in RunFixture.allWell { expected += encoded.snapshot.statistics }
        #expect(summary.statistics == expected)
        #expect(summary.workers.reduce(0) { $0 + $1.sent } == expected.sent)
        #expect(summary.workers.map(\.connections.succeeded) == [250, 250, 250, 250])
    }

    @Test("counts a snapshot once, in order, and only from a worker it knows")
    func duplicates() {
        var events = RunFixture.beginning
        let snapshots = RunFixture.snapshots(0)
        events += [snapshots[0], snapshots[0], snapshots[1], snapshots[0], snapshots[1], snapshots[2], snapshots[2]]
        events.append(
            .snapshot(
                worker: "stranger",
                EncodedSnapshot(Snapshot(sequence: 1, elapsed: 1, isFinal: true, statistics: .init()))))
        // Nothing counts after the last one.
        events.append(RunFixture.snapshot(0, 4, RunFixture.statistics(messages: 5)))
        let summary = RunAccumulator.summary(of: events)
        #expect(summary.workers[0].sent == 2500 && summary.statistics.sent == 2500)
        #expect(summary.workers[0].connections.outcomes == [.succeeded: 250])
        #expect(summary.notices == ["6 snapshots came twice, out of order or from unknown workers; they do not count"])
    }

    @Test("counts connections as lost if their results fell into a gap")
    func gap() {
        let snapshots = RunFixture.snapshots(0)
        let events =
            [
                RunFixture.started(RunFixture.plan(machines: 1, processes: 1)), .workerReady(RunFixture.worker(0)),
                snapshots[0], snapshots[2],
                .workerEnded(worker: "w0", WorkerEnd(lost: false, status: 0, reason: "finished")),
            ] + [.ended(.finished, elapsed: 1)]
        let summary = RunAccumulator.summary(of: events)
        #expect(summary.connections.outcomes == [.succeeded: 220, .lost: 30])
        #expect(summary.invalidBecause == ["1 snapshots of worker w0 on host-0 never arrived"])
    }

    @Test("takes back what a worker claims beyond its share, successes first")
    func overClaim() {
        let statistics = RunFixture.statistics(outcomes: [.succeeded: 8, .refused: 6, .reset: 3])
        let summary = RunAccumulator.summary(of: [
            RunFixture.started(RunFixture.plan(machines: 1, processes: 2, instances: 8)),
            .workerReady(RunFixture.worker(0)), .workerReady(RunFixture.worker(1)),
            RunFixture.snapshot(0, 1, final: true, statistics),
            RunFixture.snapshot(1, 1, final: true, RunFixture.statistics(outcomes: [.succeeded: 8])),
            .ended(.finished, elapsed: 1),
        ])
        #expect(summary.connections == ConnectionTally(planned: 16, outcomes: [.refused: 5, .reset: 3, .succeeded: 8]))
        #expect(summary.invalidBecause == ["worker w0 on host-0 reported 17 outcomes for 8 connections"])
    }

    @Test("stays valid if a worker died before it had any load and another took over its share")
    func replaced() {
        let summary = RunAccumulator.summary(
            of: [
                RunFixture.started(RunFixture.plan(machines: 1, processes: 1)),
                .workerReady(RunFixture.worker(0, id: "first")),
                .workerEnded(worker: "first", WorkerEnd(lost: true, signal: 11, reason: "killed by signal 11")),
                .workerReady(RunFixture.worker(0)),
            ] + RunFixture.snapshots(0) + [.ended(.finished, elapsed: 1)])
        #expect(summary.isValid && summary.connections.outcomes == [.succeeded: 250])
        #expect(summary.workers.map(\.replaced) == [true, false])
        #expect(summary.workers[0].lost && summary.workers[0].connections.planned == 0)
        #expect(summary.text().contains("lost, replaced"))
    }

    @Test("is not valid if the worker had some load, and counts what it did")
    func continued() {
        let summary = RunAccumulator.summary(of: [
            RunFixture.started(RunFixture.plan(machines: 1, processes: 1)),
            .workerReady(RunFixture.worker(0, id: "first")),
            .snapshot(
                worker: "first",
                EncodedSnapshot(
                    Snapshot(
                        sequence: 1, elapsed: 1, isFinal: false,
                        statistics: RunFixture.statistics(opened: 100, outcomes: [.reset: 100])))),
            .workerEnded(worker: "first", WorkerEnd(lost: true, reason: "silent for 5 s")),
            .workerReady(RunFixture.worker(0)),
            RunFixture.snapshot(0, 1, final: true, RunFixture.statistics(outcomes: [.succeeded: 140])),
            .workerEnded(worker: "w0", WorkerEnd(lost: false, reason: "")),
            .ended(.finished, elapsed: 1),
        ])
        #expect(!summary.isValid)
        #expect(summary.connections.outcomes == [.reset: 100, .succeeded: 140, .aborted: 10])
    }

    @Test(
        "accounts for workers that never came",
        arguments: [
            (RunEnd.finished, Outcome.aborted), (.overdue, .aborted), (.interrupted, .aborted), (.incomplete, .aborted),
        ])
    func neverCame(end: RunEnd, outcome: Outcome) {
        let summary = RunAccumulator.summary(of: [
            RunFixture.started(), .notice("listener host-1 never joined"), .ended(end, elapsed: 60_000_000_000),
        ])
        #expect(summary.connections == ConnectionTally(planned: 1000, outcomes: [outcome: 1000]))
        #expect(!summary.isValid && summary.notices == ["listener host-1 never joined"])
    }

    @Test("counts connections as lost, not aborted, if the record broke off")
    func neverCameAsFarAsIsKnown() {
        let summary = RunAccumulator.summary(of: [RunFixture.started()])
        #expect(summary.connections.outcomes == [.lost: 1000])
    }

    @Test("ignores a worker whose share the plan does not have")
    func strangeShare() {
        let plan = RunFixture.plan(machines: 1, processes: 1, instances: 5)
        var events = [RunFixture.started(plan)]
        for index in [-1, 1, .max] { events.append(.workerReady(RunFixture.worker(index, id: "x\(index)"))) }
        events.append(.ended(.finished, elapsed: 1))
        let summary = RunAccumulator.summary(of: events)
        #expect(summary.workers.isEmpty && summary.connections.outcomes == [.aborted: 5])
        #expect(summary.invalidBecause.contains { $0.hasPrefix("3 workers claimed a share") })
    }

    /// A run of one worker that measured this.
    private func summary(_ statistics: LoadStatistics, plan: PlanNode? = nil) -> RunSummary {
        RunAccumulator.summary(of: [
            RunFixture.started(plan ?? RunFixture.plan(machines: 1, processes: 1, instances: 1)),
            .workerReady(RunFixture.worker(0)), RunFixture.snapshot(0, 1, final: true, statistics),
            .workerEnded(worker: "w0", WorkerEnd(lost: false, reason: "")), .ended(.finished, elapsed: 1),
        ])
    }

    @Test(
        "is not valid if the generator was too slow, whatever the response time, and says why",
        arguments: [
            (sendLag: 1_000_000, openLag: 1_000_000, GeneratorVerdict.keptUp),
            (sendLag: 40_000_000, openLag: 0, .strained),
            (sendLag: 0, openLag: 40_000_000, .strained),
            (sendLag: 300_000_000, openLag: 0, .tooSlow),
            (sendLag: 0, openLag: 300_000_000, .tooSlow),
        ] as [(sendLag: UInt64, openLag: UInt64, GeneratorVerdict)])
    func generator(sendLag: UInt64, openLag: UInt64, verdict: GeneratorVerdict) throws {
        var statistics = RunFixture.statistics(outcomes: [.succeeded: 1])
        statistics.sent = 100
        statistics.openLag.record(openLag)
        for _ in 0..<100 {
            statistics.sendLag.record(sendLag)
            // A saturated machine makes its own response times.
            statistics.rttService.record(60_000_000_000)
            statistics.rttResponse.record(60_000_000_000 + sendLag)
        }
        let summary = summary(statistics)
        #expect(summary.generator.verdict == verdict)
        #expect(summary.exitStatus == (verdict == .tooSlow ? 3 : 0))
        let reason = try #require(summary.generator.reason ?? (verdict == .keptUp ? "" : nil))
        #expect(summary.invalidBecause == (verdict == .tooSlow ? ["the load generator was too slow: \(reason)"] : []))
        #expect(summary.notices == (verdict == .strained ? ["the load generator was strained: \(reason)"] : []))
        let document = try PlanNode(json: summary.json())
        #expect(document["generator"]?["verdict"]?.text == verdict.rawValue)
    }

    @Test("does not judge a closed loop without pauses by small lags")
    func closedLoop() {
        var statistics = RunFixture.statistics(opened: 1, messages: 100, outcomes: [.succeeded: 1])
        func verdict(_ schedule: PlanNode) -> GeneratorVerdict {
            let plan = RunFixture.plan(machines: 1, processes: 1, instances: 1, inFlight: 1, schedule: schedule)
            return summary(statistics, plan: plan).generator.verdict
        }
        let withoutPauses: PlanNode = .mapping(["kind": .string("periodic"), "interval": .string("0s")])
        let withPauses: PlanNode = .mapping(["kind": .string("periodic"), "interval": .string("10ms")])
        #expect(verdict(withoutPauses) == .notJudged)
        #expect(verdict(withPauses) == .keptUp)
        statistics.sendLag.record(200_000_000)
        statistics.sendLag.record(200_000_000)
        #expect(verdict(withoutPauses) == .tooSlow)
    }

    @Test(
        "is not valid if more than one reply in a thousand was not timed",
        arguments: [(timed: 999, untimed: 1, valid: true), (998, 2, false), (4, 1, false), (0, 0, true)])
    func untimed(timed: Int, untimed: UInt64, valid: Bool) {
        var statistics = RunFixture.statistics(messages: UInt64(timed), outcomes: [.succeeded: 1])
        statistics.untimed = untimed
        let summary = summary(statistics)
        #expect(summary.isValid == valid && summary.exitStatus == (valid ? 0 : 3))
        let said =
            "\(untimed) of \(Figures.grouped(UInt64(timed) + untimed)) replies were not timed (untimed), so the round-trip times"
        #expect(valid || summary.invalidBecause.count == 1 && summary.invalidBecause[0].hasPrefix(said))
    }

    @Test("is not valid if a payload generator did not write what it announced")
    func payloadErrors() {
        let summary = summary(RunFixture.statistics(messages: 3, outcomes: [.payloadError: 1]))
        #expect(summary.exitStatus == 3)
        #expect(summary.invalidBecause.count == 1)
        #expect(summary.invalidBecause.first?.contains("payload generator") == true)
    }

    /// How connections opened, and what the report says about it.
    struct Opening: Sendable {
        var ramp: String
        var workers: UInt64 = 1
        var started: UInt64
        var took: UInt64
        var asked: Double?
        var achieved: Double?
        var line: String?
    }

    @Test(
        "compares the opening rate with what was asked",
        arguments: [
            Opening(ramp: #"{"rate":"1000/s"}"#, started: 1001, took: second, asked: 1000, achieved: 1000),
            Opening(
                ramp: #"{"rate":"1000/s"}"#, started: 1001, took: 2 * second, asked: 1000, achieved: 500,
                line: "1,000/s asked, 500/s achieved"),
            Opening(
                ramp: #"{"rate":"1000/s","max_opening":50}"#, started: 1001, took: second, asked: 1000, achieved: 1000,
                line: "1,000/s asked, 1,000/s achieved (at most 50 opening at once in each worker)"),
            Opening(
                ramp: #"{"rate":"4500/s","max_opening":1500}"#, workers: 2, started: 9002, took: second * 3 / 2,
                asked: 9000, achieved: 6000,
                line: "9,000/s asked, 6,000/s achieved (at most 1,500 opening at once in each worker)"),
            // 1,001 connections in 10 s: a step every 10 s / 1,001.
            Opening(
                ramp: #"{"over":"10s"}"#, started: 1001, took: 20 * second, asked: 100.1, achieved: 50,
                line: "100/s asked, 50.0/s achieved"),
            Opening(ramp: #"{"over":"0s"}"#, started: 1001, took: second, asked: nil, achieved: 1000),
            // One connection has no rate, however late it is.
            Opening(ramp: #"{"rate":"1000/s"}"#, started: 1, took: second, asked: 1000),
            Opening(ramp: #"{"rate":"10/s"}"#, workers: 2, started: 2, took: 30_000, asked: 20),
            // Not reported: it took less than 10 ms longer.
            Opening(ramp: #"{"rate":"1000/s"}"#, started: 2, took: 8_000_000, asked: 1000, achieved: 125),
            Opening(ramp: #"{"rate":"1000/s"}"#, started: 0, took: 0, asked: 1000),
        ])
    func opening(_ opening: Opening) throws {
        let instances = max(1, opening.started / opening.workers)
        let ramp = try PlanNode(json: opening.ramp)
        let plan = RunFixture.plan(
            machines: 1, processes: Int(opening.workers), instances: Int(instances), ramp: ramp)
        var events = [RunFixture.started(plan)]
        for worker in 0..<Int(opening.workers) {
            var statistics = LoadStatistics()
            statistics.started = opening.started / opening.workers
            statistics.lastStart = opening.took - UInt64(worker) * min(1000, opening.took)
            events += [
                .workerReady(RunFixture.worker(worker)), RunFixture.snapshot(worker, 1, final: true, statistics),
            ]
        }
        let summary = RunAccumulator.summary(of: events + [.ended(.finished, elapsed: 1)])
        #expect(summary.opening.askedPerSecond == opening.asked)
        #expect(summary.opening.achievedPerSecond == opening.achieved)
        #expect(summary.opening.took == (opening.took > 0 ? opening.took : nil))
        let text = summary.text().replacing("\n" + String(repeating: " ", count: 13), with: " ")
        let lines = text.split(separator: "\n").map(String.init).filter { $0.hasPrefix("Opening") }
        let expected: [String] = opening.line.map { ["Opening      \($0)"] } ?? []
        #expect(lines == expected)
        let document = try PlanNode(json: summary.json())["connections"]?["opening"]
        let achieved = document?["achieved_per_s"]?.text.flatMap { Double($0) }
        #expect(achieved == opening.achieved)
        #expect(
            document?["took_s"]?.text.flatMap { Double($0) } == (opening.took > 0 ? Double(opening.took) / 1e9 : nil))
    }

    @Test("copes with any claim of a worker about its opening and its loops")
    func hostileFigures() {
        var statistics = LoadStatistics()
        statistics.started = 1 << 53
        statistics.lastStart = 1
        statistics.loopTime = 1
        statistics.loopBusy = 1 << 53
        statistics.loopCPU = 1 << 53
        statistics.untimed = .max
        statistics.rttResponse.record(1)
        let summary = summary(statistics)
        #expect(summary.text().contains("Loops      busy 100.0 % of the time"))
        #expect(summary.json().contains(#""achieved_per_s": 1000000000000,"#))
    }

    private static let second = RunFixture.second

    @Test("adds up and claims no more than arrived, whatever the events", arguments: 0..<8)
    func anything(seed: UInt64) {
        var random = SeededGenerator(seed: seed, stream: 0)
        for _ in 0..<25 {
            let plan = RunFixture.plan(
                machines: Int.random(in: 0...2, using: &random), processes: Int.random(in: 1...2, using: &random),
                instances: Int.random(in: 1...20, using: &random))
            var accumulator = RunAccumulator()
            accumulator.fold(RunFixture.started(plan))
            var arrived: [Outcome: UInt64] = [:]
            for _ in 0..<Int.random(in: 0...30, using: &random) {
                let worker = Int.random(in: 0...4, using: &random)
                let event: RunEvent
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<3:
                    event = .workerReady(RunFixture.worker(Int.random(in: -1...4, using: &random), id: "w\(worker)"))
                case 3..<8:
                    let kinds: [Outcome] = [.succeeded, .refused, .closed(1011), .aborted, .lost]
                    var outcomes: [Outcome: UInt64] = [:]
                    for kind in kinds.shuffled(using: &random).prefix(2) {
                        outcomes[kind] = UInt64.random(in: 0...12, using: &random)
                    }
                    for (outcome, count) in outcomes { arrived[outcome, default: 0] += count }
                    event = RunFixture.snapshot(
                        worker, UInt64.random(in: 0...6, using: &random),
                        final: Int.random(in: 0..<4, using: &random) == 0,
                        RunFixture.statistics(opened: 1, messages: 1, outcomes: outcomes))
                case 8:
                    event = .workerEnded(
                        worker: "w\(worker)", WorkerEnd(lost: Bool.random(using: &random), reason: "x"))
                default:
                    let ends: [RunEnd] = [.finished, .interrupted, .incomplete, .overdue]
                    event =
                        Int.random(in: 0..<4, using: &random) == 0
                        ? .ended(ends.randomElement(using: &random) ?? .finished, elapsed: 5) : .notice("n")
                }
                accumulator.fold(event)
                guard Int.random(in: 0..<6, using: &random) == 0 else { continue }
                let summary = accumulator.summary()
                let connections = summary.connections
                #expect(connections.outcomes.values.reduce(0, +) == connections.planned)
                #expect(!connections.outcomes.values.contains(0))
                for (outcome, count) in connections.outcomes where outcome != .lost && outcome != .aborted {
                    #expect(count <= arrived[outcome] ?? 0)
                }
                let byWorker = summary.workers.reduce(0) { $0 + $1.connections.outcomes.values.reduce(0, +) }
                #expect(byWorker <= connections.planned)
            }
        }
    }
}
