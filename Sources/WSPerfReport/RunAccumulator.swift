public import WSPerfCore

/// Summarizes a run: a pure fold over its events. Its memory is bounded, whatever the events say.
///
/// Every planned connection gets exactly one outcome, and the result claims nothing that did not arrive. At the end,
/// connections in a worker's share that have no outcome are `lost` if the worker was lost or fell silent, and `aborted`
/// if the run ended first. If a worker claims more outcomes than its share has, the extra ones are removed and the
/// report says so.
///
/// ```swift
/// var accumulator = RunAccumulator()
/// for event in events { accumulator.fold(event) }
/// print(accumulator.summary().text())
/// ```
public struct RunAccumulator: Sendable {
    /// The most notices and reasons that are kept. Further ones are only counted.
    static let listLimit = 100

    /// What is known about one worker: only counters, because a controller has thousands of workers.
    private struct Worker {
        var info: WorkerInfo
        var sequence: UInt64 = 0
        var elapsed: UInt64 = 0
        /// Snapshots that are missing before those that arrived.
        var missing: UInt64 = 0
        var isFinal = false
        var end: WorkerEnd?
        var started: UInt64 = 0
        var outcomes: [Outcome: UInt64] = [:]
        var sent: UInt64 = 0
        var received: UInt64 = 0
        var cpuUser: UInt64 = 0
        var cpuSystem: UInt64 = 0
        /// Its open connections, as far as known.
        var open: Int64 = 0
        /// True while the timeline excludes `open`, because the worker is gone.
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
    private var failure: (reason: String, exitStatus: Int32)?
    /// The values of thresholds that ended the load, by their places in the plan.
    private var breaches: [Int: Double] = [:]
    private var ignoredSnapshots: UInt64 = 0
    private var ignoredWorkers: UInt64 = 0
    /// Whether the run's time limit passed. Nil if unknown; then it is derived from the other possible reasons for
    /// aborted connections.
    var timeLimitPassed: Bool?

    /// Why the record has no end, if it has none.
    var missingEnd = "the controller ended before the run did"

    /// Starts empty; the run's first event brings the plan.
    public init() {}

    /// Starts with a run of `shares` workers with `share` connections each, whatever the plan says.
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
        case .snapshot(let id, let encoded): fold(encoded.snapshot, of: id, first: encoded.firstSequence)
        case .workerEnded(let id, let end): fold(end, of: id)
        case .notice(let text): notices.append(text)
        case .thresholdFailed(let index, let value):
            if plan?.thresholds.indices.contains(index) == true { breaches[index] = breaches[index] ?? value }
        case .failed(let reason, let status): failure = (reason, status)
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
        // Replacements make more workers than shares, but their number is bounded.
        guard info.index >= 0, UInt64(info.index) < shares, UInt64(workers.count) < 4 * shares + 64 else {
            ignoredWorkers += 1
            return
        }
        workers[info.id] = Worker(info: info)
        order.append(info.id)
    }

    /// Takes a snapshot of the worker with this id.
    ///
    /// - Parameter first: The first sequence number that it covers, if it was merged from several.
    mutating func fold(_ snapshot: Snapshot, of id: String, first: UInt64? = nil) {
        let first = first ?? snapshot.sequence
        guard var worker = workers[id], first > worker.sequence, first <= snapshot.sequence, !worker.isFinal else {
            ignoredSnapshots += 1
            return
        }
        // Removed first, so that changing the worker does not copy its outcomes.
        workers[id] = nil
        let statistics = snapshot.statistics
        let previous = worker.elapsed
        worker.missing += first - worker.sequence - 1
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
    /// The result so far. Before the run's last event, it is the result of a run whose controller ended too early.
    public func summary() -> RunSummary {
        var reasons = BoundedList(limit: Self.listLimit)
        switch end {
        case .finished: break
        case nil: reasons.append(missingEnd)
        case .interrupted: reasons.append("interrupted by the operator")
        case .incomplete: reasons.append(failure?.reason ?? "too few listeners or workers joined; nothing was sent")
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
            // A complete record names every worker that began, so these did not begin. In a record that broke off, they
            // may have begun.
            outcomes[end == nil ? .lost : .aborted, default: 0] += unclaimed
            let absent = shares - UInt64(byShare.count)
            if !isCutShort { reasons.append("\(absent) of \(shares) workers never became ready") }
        }
        if ignoredWorkers > 0 {
            reasons.append(
                "\(ignoredWorkers) workers claimed a share that the plan does not have; they do not count")
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
                "the payload generator did not write what it announced on \(Figures.grouped(count)) connection"
                    + "\(count == 1 ? "" : "s"), so not all messages are as planned")
        }
        if total.leavesOutReplies {
            let replies = total.rttResponse.count &+ total.untimed
            reasons.append(
                "\(Figures.grouped(total.untimed)) of \(Figures.grouped(replies)) replies were not timed (untimed), so the"
                    + " round-trip times do not cover all replies")
        }
        if let unknown = unknownFields { notices.append(unknown) }
        if ignoredSnapshots > 0 {
            notices.append(
                "\(ignoredSnapshots) snapshots came twice, out of order or from unknown workers; they do not count")
        }
        if let cut = connectionsCutByTheLimit, cut > 0 {
            let limit = plan?.timeLimit.map { "of \(PlanQuantity.text($0))" } ?? "computed from the plan"
            notices.append(
                "the time limit \(limit) (time_limit) cut \(cut) connection\(cut == 1 ? "" : "s") short: aborted")
        }
        if total.outcomes[.portsExhausted] != nil || total.outcomes[.descriptorsExhausted] != nil {
            notices.append(
                "some connections failed because the workers' machines ran out of local ports or descriptors")
        }
        if total.tls.count == 0, total.outcomes[.notTLS] != nil || total.outcomes[.timeoutTLS] != nil {
            notices.append(
                "no TLS handshake was answered: the URL of a server without TLS begins with ws://, not wss://")
        }
        if total.outcomes[.sourceUnavailable] != nil {
            notices.append("some connections used a source address that their worker's machine no longer had")
        }

        let waiting = workers.isEmpty && end != nil ? elapsed : workers.values.compactMap(\.info.waited).max()
        // A worker's clock cannot show more than the controller's.
        let longest = end == nil ? UInt64.max : elapsed - min(waiting ?? 0, elapsed)
        let load = min(workers.values.map(\.elapsed).max() ?? 0, longest)
        var summary = RunSummary(
            id: run, name: plan?.name ?? "", plan: plan, startedAt: startedAt,
            elapsed: end == nil ? Self.sum(waiting ?? 0, load) : elapsed,
            waiting: waiting, load: load, end: end, failureStatus: failure?.exitStatus, phase: phase,
            invalidBecause: reasons.items,
            connections: ConnectionTally(planned: all.overflow ? 0 : all.partialValue, outcomes: outcomes),
            opening: OpeningTally(
                total, plan: plan, shares: shares, share: share,
                workers: UInt64(workers.values.count { $0.started > 0 })),
            statistics: total, generator: generator, plannedWorkers: shares, workers: summaries, notices: notices.items,
            timeline: timeline.rows)
        let figures = summary.figures
        summary.checks = (plan?.thresholds ?? []).enumerated().map { index, threshold in
            guard let value = breaches[index] else { return threshold.check(figures) }
            return ThresholdCheck(threshold: threshold, value: value, endedTheLoad: true)
        }
        return summary
    }

    /// The figures so far.
    var figures: RunFigures {
        RunFigures(
            statistics: total, planned: shares.multipliedReportingOverflow(by: share).partialValue,
            load: workers.values.reduce(0) { max($0, $1.elapsed) })
    }

    /// Connections that were unfinished, or had not begun, at the run's time limit; nil if something else ended them.
    /// Apart from the limit, workers abort connections only if the operator or the policy on lost workers ends the run,
    /// or for their own reasons, which they report.
    private var connectionsCutByTheLimit: UInt64? {
        guard timeLimitPassed ?? (breaches.isEmpty && (end == .finished || end == .overdue)) else { return nil }
        let isPolicy = plan?.onLostWorker == .abort && workers.values.contains { $0.end?.lost == true }
        guard !isPolicy else { return nil }
        return workers.values.filter { $0.isFinal && $0.end?.lost == false }
            .reduce(0) { $0 &+ ($1.outcomes[.aborted] ?? 0) }
    }

    /// Whether the run ended before every worker could finish.
    private var isCutShort: Bool { end == .interrupted || end == .incomplete }

    /// The names of figures from workers of another version that this version does not know.
    private var unknownFields: String? {
        let names = total.unknownFields.sorted()
        guard !names.isEmpty else { return nil }
        // If the list is full, there may be more.
        let isFull = names.count == LoadStatistics.unknownFieldLimit
        let shown = names.prefix(LoadStatistics.unknownFieldLimit - 1).joined(separator: ", ")
        return "workers of another version measured figures that this version does not know and leaves out: \(shown)"
            + (isFull ? " and others" : "")
    }

    /// Gives each connection of one share its outcome. Usually one worker has the share; more if some died.
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
                reasons.append("\(name(worker)) was lost: \(why.isEmpty ? "its last results never arrived" : why)")
            } else if let end = worker.end, end.lost, !isCutShort, total.outcomes[.aborted, default: 0] > 0 {
                // All its results arrived, but it ended before its work was done, or other workers ended because of it.
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

    /// The sum, or the largest number if it is larger.
    private static func sum(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? .max : sum
    }

    private func name(_ worker: Worker) -> String { "worker \(worker.info.id) on \(worker.info.machine)" }

    /// Removes `excess` outcomes, successes first, so that the rest does not claim too much.
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

/// A list of at most `limit` sentences that counts the omitted ones.
struct BoundedList {
    private let limit: Int
    private var kept: [String] = []
    private var omitted = 0

    init(limit: Int) { self.limit = limit }

    mutating func append(_ sentence: String) {
        if kept.count < limit { kept.append(sentence.printable()) } else { omitted += 1 }
    }

    var items: [String] { omitted == 0 ? kept : kept + ["and \(omitted) more"] }
}
