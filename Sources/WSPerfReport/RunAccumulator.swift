public import WSPerfCore

/// Sums a run up: a fold over its events, pure and bounded in memory, whatever the events say.
///
/// Every planned connection comes to exactly one outcome, and nothing is claimed that did not arrive: what a worker's
/// share of the plan lacks at the end is `lost` if the worker was lost or never heard of again, `aborted` if the run ended
/// before it; what a worker claims beyond its share is taken back, and said.
///
/// ```swift
/// var accumulator = RunAccumulator()
/// for event in events { accumulator.fold(event) }
/// print(accumulator.summary().text())
/// ```
public struct RunAccumulator: Sendable {
    /// Notices and reasons kept at most; beyond that they are counted.
    static let listLimit = 100

    /// What is kept of one worker: counters only, because a controller has thousands of workers.
    private struct Worker {
        var info: WorkerInfo
        var sequence: UInt64 = 0
        var elapsed: UInt64 = 0
        /// Snapshots that should have come before one that did.
        var missing: UInt64 = 0
        var isFinal = false
        var end: WorkerEnd?
        var started: UInt64 = 0
        var outcomes: [Outcome: UInt64] = [:]
        var sent: UInt64 = 0
        var received: UInt64 = 0
        var cpuUser: UInt64 = 0
        var cpuSystem: UInt64 = 0
        /// Connections it has open, as far as is known.
        var open: Int64 = 0
        /// True while `open` has been taken out of the timeline because the worker is gone.
        var isGone = false

        var accounted: UInt64 { outcomes.values.reduce(0, &+) }
        var isIdle: Bool { started == 0 && outcomes.isEmpty }
    }

    private var run = ""
    private var startedAt: Int64 = 0
    private var plan: RecordedPlan?
    private var shares: UInt64 = 0
    private var share: UInt64 = 0
    private var phase: RunPhase?
    private var end: RunEnd?
    private var elapsed: UInt64 = 0
    private var workers: [String: Worker] = [:]
    /// Ids of the workers in the order in which they became ready.
    private var order: [String] = []
    private var total = LoadStatistics()
    private var timeline = Timeline()
    private var notices = BoundedList(limit: listLimit)
    private var ignoredSnapshots: UInt64 = 0
    private var ignoredWorkers: UInt64 = 0
    /// Whether the run's time limit passed, where that is known; otherwise it follows from who else ended what is `aborted`.
    var timeLimitPassed: Bool?

    /// Begins with nothing; the run's first event says the rest.
    public init() {}

    /// Begins with a run of which only `shares` shares of `share` connections each are run.
    init(run: String, startedAt: Int64, plan: RecordedPlan, shares: UInt64, share: UInt64) {
        self.run = run
        self.startedAt = startedAt
        self.plan = plan
        self.shares = shares
        self.share = share
    }

    /// Takes the next event of the run.
    public mutating func fold(_ event: RunEvent) {
        guard end == nil else { return }
        switch event {
        case .started(let run, let startedAt, let plan):
            guard self.plan == nil else { return }
            self = RunAccumulator(
                run: run, startedAt: startedAt, plan: plan, shares: plan.workers, share: plan.instances)
        case .phase(let phase): self.phase = phase
        case .workerReady(let info): fold(info)
        case .snapshot(let id, let encoded): fold(encoded.snapshot, of: id)
        case .workerEnded(let id, let end): fold(end, of: id)
        case .notice(let text): notices.append(text)
        case .ended(let end, let elapsed):
            self.end = end
            self.elapsed = elapsed
        }
    }

    private mutating func fold(_ info: WorkerInfo) {
        if let known = workers[info.id] {
            if known.info.index == info.index { workers[info.id]?.info = info }
            return
        }
        // Workers that replace others make more than there are shares, but never without end.
        guard info.index >= 0, UInt64(info.index) < shares, UInt64(workers.count) < 4 * shares + 64 else {
            ignoredWorkers += 1
            return
        }
        workers[info.id] = Worker(info: info)
        order.append(info.id)
    }

    private mutating func fold(_ snapshot: Snapshot, of id: String) {
        guard var worker = workers[id], snapshot.sequence > worker.sequence, !worker.isFinal else {
            ignoredSnapshots += 1
            return
        }
        // Given up here so that the dictionary's storage is not copied with it.
        workers[id] = nil
        let statistics = snapshot.statistics
        let previous = worker.elapsed
        worker.missing += snapshot.sequence - worker.sequence - 1
        worker.sequence = snapshot.sequence
        worker.elapsed = max(previous, snapshot.elapsed)
        worker.isFinal = snapshot.isFinal
        worker.started &+= statistics.started
        worker.sent &+= statistics.sent
        worker.received &+= statistics.received
        worker.cpuUser &+= statistics.cpuUser
        worker.cpuSystem &+= statistics.cpuSystem
        for (outcome, count) in statistics.outcomes where count > 0 { worker.outcomes[outcome, default: 0] &+= count }

        total.merge(statistics)
        timeline.add(statistics, from: previous, to: worker.elapsed)
        if worker.isGone {
            worker.isGone = false
            timeline.changeOpen(by: worker.open)
        }
        worker.open &+= Int64(clamping: statistics.opened) - Int64(clamping: statistics.ended)
        workers[id] = worker
    }

    private mutating func fold(_ end: WorkerEnd, of id: String) {
        guard let worker = workers[id] else { return }
        workers[id]?.end = end
        if end.lost, !worker.isFinal, !worker.isGone {
            timeline.changeOpen(by: -worker.open)
            workers[id]?.isGone = true
        }
    }
}

// MARK: - Summing up

extension RunAccumulator {
    /// The result so far. Before the run's last event it is that of a run whose controller ended too early.
    public func summary() -> RunSummary {
        var reasons = BoundedList(limit: Self.listLimit)
        switch end {
        case .finished: break
        case nil: reasons.append("the controller ended before the run did")
        case .interrupted: reasons.append("interrupted by the operator")
        case .incomplete: reasons.append("too few listeners or workers came; nothing was sent")
        case .overdue: reasons.append("a deadline passed with results still missing")
        }

        var summaries: [WorkerSummary] = []
        var planned: UInt64 = 0
        var outcomes: [Outcome: UInt64] = [:]
        let byShare = Dictionary(grouping: order.compactMap { workers[$0] }, by: \.info.index)
        for index in byShare.keys.sorted() {
            let settled = settle(byShare[index] ?? [], into: &reasons)
            summaries += settled
            for worker in settled {
                planned &+= worker.connections.planned
                for (outcome, count) in worker.connections.outcomes { outcomes[outcome, default: 0] &+= count }
            }
        }

        let all = shares.multipliedReportingOverflow(by: share)
        let unclaimed = (all.overflow ? 0 : all.partialValue) - min(planned, all.overflow ? 0 : all.partialValue)
        if unclaimed > 0 {
            // A record that came to its end names everyone who was told to begin, so these were not; in one that broke
            // off they may have been.
            outcomes[end == nil ? .lost : .aborted, default: 0] += unclaimed
            let absent = shares - UInt64(byShare.count)
            if !isCutShort { reasons.append("\(absent) of \(shares) workers never became ready") }
        }
        if ignoredWorkers > 0 {
            reasons.append(
                "\(ignoredWorkers) workers claimed a share that the plan does not have; they were not counted")
        }

        let generator = GeneratorJudgement(
            total, isClosedLoopWithoutPauses: plan?.isClosedLoopWithoutPauses ?? false)
        var notices = notices
        switch generator.verdict {
        case .tooSlow: reasons.append("the load generator was too slow: \(generator.reason ?? "")")
        case .strained: notices.append("the load generator was strained: \(generator.reason ?? "")")
        case .keptUp, .notJudged: break
        }
        if let count = total.outcomes[.payloadError] {
            reasons.append(
                "the payload generator did not do as it had said on \(Figures.grouped(count)) connection"
                    + "\(count == 1 ? "" : "s"), so not all messages were those of the plan")
        }
        if total.leavesOutReplies {
            let replies = total.rttResponse.count &+ total.untimed
            reasons.append(
                "\(Figures.grouped(total.untimed)) of \(Figures.grouped(replies)) replies were not timed (untimed), so the"
                    + " round-trip times are not those of all replies")
        }
        if let unknown = unknownFields { notices.append(unknown) }
        if ignoredSnapshots > 0 {
            notices.append(
                "\(ignoredSnapshots) snapshots came twice, out of order or from strangers; they were not counted")
        }
        if let cut = connectionsCutByTheLimit, cut > 0 {
            let limit = plan?.timeLimit.map { "of \(PlanQuantity.text($0))" } ?? "computed from the plan"
            notices.append(
                "the time limit \(limit) (time_limit) cut \(cut) connection\(cut == 1 ? "" : "s") short: aborted")
        }
        if total.outcomes[.portsExhausted] != nil || total.outcomes[.descriptorsExhausted] != nil {
            notices.append("some connections failed for want of local ports or descriptors on the workers' machines")
        }
        if total.outcomes[.sourceUnavailable] != nil {
            notices.append("some connections had a source address that was not on their worker's machine any more")
        }

        return RunSummary(
            id: run, name: plan?.name ?? "", plan: plan, startedAt: startedAt,
            elapsed: end == nil ? workers.values.map(\.elapsed).max() ?? 0 : elapsed, end: end, phase: phase,
            invalidBecause: reasons.items,
            connections: ConnectionTally(planned: all.overflow ? 0 : all.partialValue, outcomes: outcomes),
            opening: OpeningTally(
                total, plan: plan, shares: shares, share: share,
                workers: UInt64(workers.values.count { $0.started > 0 })),
            statistics: total, generator: generator, plannedWorkers: shares, workers: summaries, notices: notices.items,
            timeline: timeline.rows)
    }

    /// Connections that workers were still busy with at the run's time limit, or that had not begun by then; nil where it was
    /// not the limit that ended them. Workers abort on nothing else but the operator's word, the policy about lost workers,
    /// and for reasons of their own, which they give.
    private var connectionsCutByTheLimit: UInt64? {
        guard timeLimitPassed ?? (end == .finished || end == .overdue) else { return nil }
        let isPolicy = plan?.onLostWorker == .abort && workers.values.contains { $0.end?.lost == true }
        guard !isPolicy else { return nil }
        return workers.values.filter { $0.isFinal && $0.end?.lost == false }
            .reduce(0) { $0 &+ ($1.outcomes[.aborted] ?? 0) }
    }

    /// Whether the run ended before every worker had the chance to come to its end.
    private var isCutShort: Bool { end == .interrupted || end == .incomplete }

    /// What workers of another version measured in vain.
    private var unknownFields: String? {
        let names = total.unknownFields.sorted()
        guard !names.isEmpty else { return nil }
        // When the list is full there may have been more.
        let isFull = names.count == LoadStatistics.unknownFieldLimit
        let shown = names.prefix(LoadStatistics.unknownFieldLimit - 1).joined(separator: ", ")
        return "workers of another version measured what this one does not know, and it was left out: \(shown)"
            + (isFull ? " and others" : "")
    }

    /// Gives each connection of one share of the plan its outcome. Usually one worker had the share; more if some died.
    private func settle(_ holders: [Worker], into reasons: inout BoundedList) -> [WorkerSummary] {
        var claimed: UInt64 = 0
        var summaries: [WorkerSummary] = []
        for (position, worker) in holders.enumerated() {
            let isLast = position == holders.count - 1
            let replaced = !isLast && worker.isIdle
            let accounted = worker.accounted
            var outcomes = worker.outcomes
            let room = share - claimed
            var planned = min(room, accounted)
            if accounted > room {
                outcomes = Self.reduce(outcomes, by: accounted - room)
                reasons.append("\(name(worker)) reported \(accounted) outcomes for \(room) connections")
            }
            let isLost = !worker.isFinal && (worker.end?.lost ?? !isCutShort)
            if isLast, room > planned {
                let fate: Outcome = isLost || worker.missing > 0 ? .lost : .aborted
                outcomes[fate, default: 0] += room - planned
                if !isLost, worker.missing == 0, !isCutShort {
                    reasons.append("\(name(worker)) ended with \(room - planned) of its connections unaccounted for")
                }
                planned = room
            }
            claimed += planned
            if isLost, !replaced {
                let why = worker.end?.reason ?? ""
                reasons.append("\(name(worker)) was lost: \(why.isEmpty ? "its last results never came" : why)")
            } else if let end = worker.end, end.lost, !isCutShort, total.outcomes[.aborted, default: 0] > 0 {
                // All it measured has arrived, but it or, on its account, others were ended before their work was done.
                reasons.append("\(name(worker)) ended early: \(end.reason)")
            }
            if worker.missing > 0 {
                reasons.append("\(worker.missing) snapshots of \(name(worker)) never arrived")
            }
            summaries.append(
                WorkerSummary(
                    info: worker.info, connections: ConnectionTally(planned: planned, outcomes: outcomes),
                    sent: worker.sent, received: worker.received, cpuUser: worker.cpuUser, cpuSystem: worker.cpuSystem,
                    status: worker.end?.status, signal: worker.end?.signal, lost: isLost, replaced: replaced,
                    reason: worker.end?.reason ?? "", stderr: worker.end?.stderr ?? ""))
        }
        return summaries
    }

    private func name(_ worker: Worker) -> String { "worker \(worker.info.id) on \(worker.info.machine)" }

    /// Takes outcomes back until there are `excess` fewer, successes first, so that the rest claims no more than it may.
    private static func reduce(_ outcomes: [Outcome: UInt64], by excess: UInt64) -> [Outcome: UInt64] {
        var rest = excess
        var reduced = outcomes
        for outcome in [.succeeded] + outcomes.keys.filter({ $0 != .succeeded }).sorted() {
            guard let count = reduced[outcome] else { continue }
            let taken = min(rest, count)
            reduced[outcome] = count == taken ? nil : count - taken
            rest -= taken
        }
        return reduced
    }
}
