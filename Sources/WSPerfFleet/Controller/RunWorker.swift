internal import WSPerfCore

/// One worker process of a run, as seen by the controller.
struct RunWorker {
    let id: String
    /// Its share of the plan.
    let index: Int
    /// Identity of the listener that was told to launch it.
    let listener: String
    /// Name of that listener.
    let machine: String

    /// Nil until its hello arrives; then it only moves forward.
    private(set) var state: WorkerState?
    /// It answered the welcome, so it receives what is published to it.
    var isConfirmed = false
    var pid: Int32 = 0
    var lastHeard: FleetInstant
    var lastSequence: UInt64 = 0
    private(set) var inbox = SnapshotInbox()
    /// Connections with an outcome, according to the snapshots so far.
    private(set) var accounted: UInt64 = 0
    /// Connections that have opened or failed to open, according to the snapshots so far.
    private(set) var attempted: UInt64 = 0
    /// Why it ended its load early, or why it failed. The first reason is kept.
    private(set) var reason: String?
    var exit: WorkerExit?
    var exitAt: FleetInstant?
    /// When its final snapshot was accepted.
    private(set) var deliveredAt: FleetInstant?
    /// Connections that were aborted, according to the snapshots so far.
    private var aborted: UInt64 = 0
    /// It has sent nothing for as long as the plan's liveness limit. It may come back.
    var isSilent = false
    /// How its listener was lost; nil if it was not.
    var listenerLoss: String?
    /// It was told to stop before the others, because its listener is lost.
    var isStoppedEarly = false
    /// Its listener has left or the listener's process has ended, so a silent worker does not come back.
    var isDoomed = false
    /// Its end was recorded, or it was replaced before the load. Its messages no longer count.
    var hasEnded = false
    /// Why it must exit: its machine was given up before the load, or one of its snapshots breaks a rule.
    var refusal: String?
    /// Its last message had a new number, so it is not a replay.
    var lastWasNew = false
    /// Why its last unreadable message was dropped.
    var unreadable: UnreadableMessage?
    /// Its recorded end says that it was lost.
    var isLost = false

    init(order: WorkerOrder, listener: String, machine: String, now: FleetInstant) {
        id = order.id
        index = order.index
        self.listener = listener
        self.machine = machine
        lastHeard = now
    }

    /// Its listener is lost.
    var isOrphan: Bool { listenerLoss != nil }
    var isDelivered: Bool { deliveredAt != nil }
    /// The run no longer waits for it.
    var isSettled: Bool { hasEnded || (isSilent && !isDelivered) }
    /// It has set up the plan and can start.
    var isReady: Bool { isAtLeast(.prepared) && !isSilent && exit == nil }

    func isAtLeast(_ state: WorkerState) -> Bool { self.state.map { $0 >= state } ?? false }

    /// For notices: "worker 3 on host-a".
    var title: String { "worker \(index) on \(machine)" }

    // MARK: What it says

    /// Returns true if the state has changed: states only move forward.
    mutating func advance(to next: WorkerState) -> Bool {
        guard state.map({ next > $0 }) ?? true else { return false }
        state = next
        return true
    }

    mutating func note(reason new: String?) {
        if reason == nil { reason = new }
    }

    /// Its final snapshot was accepted.
    mutating func deliver(now: FleetInstant) {
        deliveredAt = now
        // If its load had ended before the stop arrived, every result is what the plan asked for.
        if isStoppedEarly, aborted > 0 { note(reason: listenerLoss) }
    }

    /// The result of taking the body of a snapshot.
    struct Taken {
        /// Snapshots that are now in order.
        var ready: [EncodedSnapshot] = []
        /// The rule that the snapshot after those in `ready` breaks: "snapshot 2: max below min"; nil if there is none.
        var offence: String?
        /// Whether the snapshot can be requested again, because it was not taken.
        var mayComeAgain = true
    }

    /// Takes the body of a snapshot that the inbox wants.
    mutating func take(_ sequence: UInt64, _ body: [UInt8], instances: Int) -> Taken {
        let (snapshots, offence) = inbox.take(sequence, body)
        var taken = Taken(offence: offence)
        for encoded in snapshots {
            let statistics = encoded.snapshot.statistics
            let (sum, overflow) = accounted.addingReportingOverflow(statistics.accounted)
            guard !overflow, sum <= UInt64(instances) else {
                taken.mayComeAgain = false
                taken.offence =
                    "snapshot \(encoded.snapshot.sequence): it has outcomes for more connections than the worker has "
                    + "(\(instances))"
                break
            }
            accounted = sum
            aborted &+= statistics.outcomes[.aborted] ?? 0
            let failed = statistics.accounted &- min(statistics.ended, statistics.accounted)
            attempted &+= statistics.opened &+ failed
            taken.ready.append(encoded)
        }
        return taken
    }

    /// Drops snapshots that can no longer be used.
    mutating func forgetSnapshots() { inbox.forget() }

    // MARK: Judging it

    enum Judgement: Equatable {
        /// Nothing to do.
        case wait
        /// It has just become silent.
        case silent(Duration)
        /// Its end can be recorded.
        case ended(lost: Bool, reason: String)
    }

    /// - Parameters:
    ///   - liveness: The longest silence of a living worker.
    ///   - isUnderLoad: Whether the load has begun.
    ///   - drained: Whether every message that has arrived was read.
    func judgement(now: FleetInstant, liveness: Duration, isUnderLoad: Bool, drained: Bool) -> Judgement {
        guard !hasEnded else { return .wait }
        if let deliveredAt {
            // Its exit status is not worth a longer wait.
            let isOver = exit != nil || isOrphan || now - deliveredAt >= FleetLimits.exitStatusWait
            return isOver ? delivered : .wait
        }
        if let exit, let exitAt {
            // Snapshots may still be on their way, or in the socket's queue.
            guard isUnderLoad, drained, now - exitAt >= FleetLimits.settle else { return .wait }
            let why = reason ?? (isStoppedEarly ? listenerLoss : nil)
            return .ended(lost: true, reason: why.map { "\(exit.readable): \($0)" } ?? exit.readable)
        }
        let silence = now - lastHeard
        return state != nil && !isSilent && silence >= liveness ? .silent(silence) : .wait
    }

    /// The recorded end of this worker if the run ends as `end` before the worker does.
    func judgement(endOfRun end: RunEnd, now: FleetInstant) -> (lost: Bool, reason: String) {
        if isDelivered { return (reason != nil, reason ?? "finished") }
        if let exit { return (true, exit.readable) }
        if isSilent {
            let silence = "silent for \((now - lastHeard).readable)"
            return (true, isOrphan ? "its listener is lost; \(silence)" : silence)
        }
        if end == .interrupted { return (false, "interrupted") }
        return (true, "results were still missing at the deadline")
    }

    private var delivered: Judgement { .ended(lost: reason != nil, reason: reason ?? "finished") }

    /// When the judgement may change without a message; nil if it cannot.
    func nextJudgement(liveness: Duration) -> FleetInstant? {
        if let deliveredAt { return deliveredAt + FleetLimits.exitStatusWait }
        if let exitAt { return exitAt + FleetLimits.settle }
        return state != nil && !isSilent ? lastHeard + liveness : nil
    }
}
