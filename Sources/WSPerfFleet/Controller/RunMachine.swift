internal import WSPerfCore

/// One run on the controller, from waiting for listeners to the end of its record. Pure: it is told what arrives and what
/// time it is, and says what to publish and what to record.
///
/// Whatever is fed to it, and whatever is not, it ends by its deadlines; `.ended` is recorded exactly once and last, and a
/// snapshot is recorded exactly once and in order.
struct RunMachine {
    enum Action: Sendable, Equatable {
        case publish(to: String, Command)
        case record(RunEvent)
        case over(RunOutcome)
    }

    /// What all workers are to do.
    private enum Order: Int, Comparable {
        case wait
        case start
        case stop
        case abort
        static func < (a: Order, b: Order) -> Bool { a.rawValue < b.rawValue }
    }

    private struct Assignment {
        var name: String
        /// The latest order for each share.
        var workers: [WorkerOrder]
        /// How many it was given in all, those that were replaced included.
        var ordered: Int
        /// How often a share was ordered from this listener, by index.
        var launches: [Int: Int] = [:]
        var isAccepted = false
        var publishedAt: FleetInstant?
    }

    let setup: RunSetup
    private(set) var phase: RunPhase = .waitingForListeners
    private(set) var outcome: RunOutcome?
    private(set) var workers: [RunWorker] = []
    private var places: [String: Int] = [:]
    /// By the identities of the listeners that take part.
    private var assignments: [String: Assignment] = [:]
    /// Shares of the plan, a machine's worth each, that no living listener runs.
    private var unassigned: [Int]
    /// Listeners whose workers died again and again before the load; they get no share of this run.
    private var unfit: Set<String> = []
    /// Machines there can be at most; nil while more may come.
    private var reachable: Int?
    /// Places of the workers that take part in the load, once it has begun.
    private var crew: [Int] = []
    /// How often each machine's worth, and each share of it, has been launched anywhere.
    private var attempts: [Int: Int] = [:]
    private var launches: [Int: Int] = [:]
    private var order = Order.wait
    private var interrupts = 0
    private let begun: FleetInstant
    /// From here on, fewer machines than planned may be enough.
    private var joinAt: FleetInstant { begun + setup.join }
    /// Of the phases before the load.
    private var deadline: FleetInstant
    private var limitAt: FleetInstant?
    private var abortAt: FleetInstant?
    private var overdueAt: FleetInstant?
    private var acknowledgements: Set<Int> = []
    private var isDirty = true
    private var scanAt: FleetInstant?
    private var scannedAt: FleetInstant?
    private var actions: [Action] = []
    /// Bytes of all workers' snapshots that wait for one before them.
    private var heldBytes = 0
    /// Snapshots dropped because they could not be what they claimed.
    private(set) var implausible = 0

    init(setup: RunSetup, now: FleetInstant) {
        self.setup = setup
        begun = now
        deadline = now + setup.join
        unassigned = Array(0..<setup.machines)
        record(.started(run: setup.id, startedAt: setup.startedAt, plan: setup.document))
        record(.phase(.waitingForListeners))
    }

    var isOver: Bool { outcome != nil }

    /// When `tick` next has something to do; nil when the run is over.
    var nextDeadline: FleetInstant? {
        guard !isOver else { return nil }
        if !acknowledgements.isEmpty || !actions.isEmpty { return FleetInstant(nanoseconds: .min) }
        return isDirty ? nextDirtyScan : scanAt
    }

    /// A look at a large fleet is not repeated for every message.
    private var nextDirtyScan: FleetInstant {
        guard let scannedAt else { return FleetInstant(nanoseconds: .min) }
        return workers.count > 64 ? scannedAt + FleetLimits.timerSlack : FleetInstant(nanoseconds: .min)
    }

    // MARK: What arrives

    /// A worker said hello.
    mutating func hello(worker id: String, _ hello: Report.Hello, sequence: UInt64, now: FleetInstant) {
        guard let place = heard(id, sequence: sequence, now: now), !refuse(place) else { return }
        workers[place].pid = hello.pid
        if workers[place].state == nil { workers[place].state = .waiting }
        if !workers[place].isConfirmed {
            actions.append(
                .publish(
                    to: id,
                    .welcome(
                        Command.Welcome(name: workers[place].machine, liveness_ms: setup.liveness.milliseconds))))
        }
    }

    mutating func status(worker id: String, _ status: Report.WorkerStatus, sequence: UInt64, now: FleetInstant) {
        guard let place = heard(id, sequence: sequence, now: now), !refuse(place) else { return }
        workers[place].isConfirmed = true
        workers[place].pid = status.pid
        if let reason = status.reason, workers[place].reason == nil { workers[place].reason = reason }
        if status.state > workers[place].state ?? .waiting || workers[place].state == nil {
            workers[place].state = status.state
        }
        isDirty = true
    }

    /// Sends a worker away that was given up with its machine before the load.
    private mutating func refuse(_ place: Int) -> Bool {
        guard workers[place].isDismissed else { return false }
        actions.append(
            .publish(to: workers[place].id, .refuse(Command.Refusal(message: "its machine takes no part in this run"))))
        return true
    }

    /// Whether a snapshot with this header is of any use; if not, its body need not be looked at.
    mutating func wants(worker id: String, _ header: Report.SnapshotHeader, sequence: UInt64, now: FleetInstant) -> Bool
    {
        guard let place = heard(id, sequence: sequence, now: now), order >= .start else { return false }
        if !workers[place].hasEnded, workers[place].inbox.wants(header.sequence) { return true }
        // Most likely its acknowledgement was lost. Of a worker that was given up, nothing is acknowledged any more.
        if !workers[place].hasEnded || workers[place].isDelivered { acknowledgements.insert(place) }
        return false
    }

    /// The body of a snapshot that `wants` was true for.
    mutating func snapshot(worker id: String, _ header: Report.SnapshotHeader, body: [UInt8], now: FleetInstant) {
        guard let place = places[id], !workers[place].hasEnded, workers[place].inbox.wants(header.sequence) else {
            return
        }
        // What is not taken now is asked for again.
        guard workers[place].inbox.isNext(header.sequence) || heldBytes + body.count <= FleetLimits.heldSnapshots else {
            return
        }
        if let reason = header.reason, workers[place].reason == nil { workers[place].reason = reason }
        let held = workers[place].inbox.heldBytes
        let (snapshots, unreadable) = workers[place].inbox.take(header.sequence, body)
        heldBytes += workers[place].inbox.heldBytes - held
        if let unreadable {
            implausible += 1
            if !workers[place].wasUnreadable {
                workers[place].wasUnreadable = true
                record(.notice("a snapshot of worker \(id) on \(workers[place].machine) can't be read: \(unreadable)"))
            }
        }
        for ready in snapshots {
            let statistics = ready.snapshot.statistics
            let (accounted, overflow) = workers[place].accounted.addingReportingOverflow(statistics.accounted)
            guard !overflow, accounted <= UInt64(setup.instances) else {
                implausible += 1
                conclude(place, lost: true, reason: "it claimed more connections than it has")
                return
            }
            workers[place].accounted = accounted
            workers[place].attempted &+=
                statistics.opened &+ statistics.accounted &- min(statistics.ended, statistics.accounted)
            record(.snapshot(worker: id, ready))
        }
        let state: WorkerState = workers[place].inbox.isComplete ? .finished : .running
        if state > workers[place].state ?? .waiting {
            workers[place].state = state
            isDirty = true
        }
        if workers[place].inbox.isComplete, !workers[place].isDelivered {
            workers[place].deliveredAt = now
            isDirty = true
        }
        if phase == .connecting { isDirty = true }
        acknowledgements.insert(place)
    }

    /// A listener reported a worker's end.
    mutating func exited(_ exit: WorkerExit, now: FleetInstant) {
        guard let place = places[exit.worker], workers[place].exit == nil, !workers[place].hasEnded else { return }
        workers[place].exit = exit
        workers[place].exitAt = now
        isDirty = true
    }

    /// A listener's status arrived.
    mutating func listener(_ id: String, number: Int, launched: Int) {
        guard number == setup.number, let assignment = assignments[id], !assignment.isAccepted,
            launched >= assignment.ordered
        else { return }
        assignments[id]?.isAccepted = true
        isDirty = true
    }

    mutating func listenerJoined() { isDirty = true }

    mutating func listenerLost(_ id: String, silence: Duration) {
        guard let assignment = assignments[id] else { return }
        isDirty = true
        let why = silence > .zero ? "is lost: silent for \(silence.readable)" : "was ended"
        record(.notice("listener \(assignment.name) \(why)"))
        for place in workers.indices where workers[place].listener == id {
            workers[place].isOrphan = true
            // One that left, or whose process has ended, took its workers with it or will; one that is silent may not have.
            if silence == .zero { workers[place].isDoomed = true }
        }
        guard order < .start else {
            // They are told to stop, and what they then have not done is not what the plan asked for.
            for place in workers.indices where workers[place].listener == id && !workers[place].isDelivered {
                if order == .start, workers[place].reason == nil { workers[place].reason = "its listener \(why)" }
            }
            return
        }
        giveUp(id)
    }

    /// A listener on this machine is gone and none will come in its place: this many are left, those that are still to say
    /// hello among them.
    mutating func listenersLeft(_ count: Int, _ reason: String, now: FleetInstant) {
        guard order < .start, !isOver else { return }
        guard count >= setup.enough else { return end(.incomplete, FleetError(.incomplete, reason), now: now) }
        reachable = count
        isDirty = true
    }

    /// The first ends the load and keeps what arrives, the second ends the run at once.
    mutating func interrupt(now: FleetInstant) {
        guard !isOver else { return }
        interrupts += 1
        if interrupts > 1 || order < .start {
            end(.interrupted, nil, now: now)
        } else {
            record(.notice("interrupted: ending the load"))
            stop(now: now)
        }
    }

    mutating func note(_ notice: String) { record(.notice(notice)) }

    /// This process was stopped for so long: nobody's silence in that time counts.
    mutating func forgive(_ duration: Duration) {
        for place in workers.indices { workers[place].lastHeard = workers[place].lastHeard + duration }
        isDirty = true
    }

    // MARK: Time

    /// Does what is due and returns all that is to be done since the last call.
    mutating func tick(now: FleetInstant, drained: Bool, membership: MembershipMachine) -> [Action] {
        if !isOver {
            flushAcknowledgements()
            if scanAt.map({ now >= $0 }) ?? true || (isDirty && now >= nextDirtyScan) {
                isDirty = false
                scannedAt = now
                scan(now: now, drained: drained, membership: membership)
            }
        }
        defer { actions.removeAll() }
        return actions
    }

    private mutating func flushAcknowledgements() {
        for place in acknowledgements.sorted() {
            let inbox = workers[place].inbox
            actions.append(
                .publish(
                    to: workers[place].id,
                    .acknowledge(Command.Acknowledgement(up_to: inbox.accepted, missing: inbox.missing))))
        }
        acknowledgements.removeAll()
    }

    private mutating func scan(now: FleetInstant, drained: Bool, membership: MembershipMachine) {
        for place in workers.indices { judge(place, now: now, drained: drained) }
        switch phase {
        case .waitingForListeners, .launching, .waitingForWorkers: gather(membership: membership, now: now)
        case .connecting, .sending, .draining, .collecting: supervise(now: now)
        case .done: break
        }
        guard !isOver else { return }
        publishCommands(now: now)
        scanAt = max(nextScan(now: now), now + FleetLimits.timerSlack)
    }

    /// Looks at one worker: silent, back, or over.
    private mutating func judge(_ place: Int, now: FleetInstant, drained: Bool) {
        let worker = workers[place]
        guard !worker.hasEnded else { return }
        if worker.isDelivered {
            let waited = worker.deliveredAt.map { now - $0 } ?? .zero
            // Its exit status is nice to have, no more.
            if worker.exit != nil || worker.isOrphan || waited >= FleetLimits.exitReport {
                conclude(place, lost: worker.reason != nil, reason: worker.reason ?? "finished")
            }
        } else if let exit = worker.exit, let exitAt = worker.exitAt {
            guard order >= .start, drained, now - exitAt >= FleetLimits.settle else { return }
            conclude(place, lost: true, reason: worker.reason.map { "\(exit.readable): \($0)" } ?? exit.readable)
        } else if worker.state != nil, !worker.isSilent, now - worker.lastHeard >= setup.liveness {
            workers[place].isSilent = true
            record(
                .notice(
                    "worker \(worker.index) on \(worker.machine) has been silent for "
                        + "\((now - worker.lastHeard).readable): lost unless it comes back"))
            // Should it come back, the others have been stopped all the same.
            if setup.stopsWhenWorkerIsLost, order == .start, worker.reason == nil {
                workers[place].reason = "silent for \((now - worker.lastHeard).readable)"
            }
            workerIsLost(now: now)
        }
    }

    // MARK: Before the load

    private mutating func gather(membership: MembershipMachine, now: FleetInstant) {
        if let failure = replaceFailed(membership: membership, now: now) { return end(.incomplete, failure, now: now) }
        assign(membership: membership, now: now)
        if phase != .waitingForListeners, areEnough(assignments.count, now: now),
            assignments.values.allSatisfy(\.isAccepted)
        {
            advance(to: .waitingForWorkers)
            if activeWorkers.allSatisfy({ isReady(workers[$0]) }) {
                begin(now: now)
                return
            }
        }
        if now >= deadline { end(.incomplete, shortage(membership: membership), now: now) }
    }

    /// Whether the load may begin with so many machines.
    private func areEnough(_ machines: Int, now: FleetInstant) -> Bool {
        machines >= max(min(setup.machines, reachable ?? setup.machines), setup.enough)
            || (now >= min(joinAt, deadline) && machines >= setup.enough)
    }

    private func isReady(_ worker: RunWorker) -> Bool {
        worker.state ?? .waiting >= .prepared && !worker.isSilent && worker.exit == nil
    }

    private var activeWorkers: [Int] { workers.indices.filter { !workers[$0].hasEnded } }

    /// Gives listeners that are free the shares that no one has.
    private mutating func assign(membership: MembershipMachine, now: FleetInstant) {
        let free = membership.alive.filter { assignments[$0.id] == nil && !unfit.contains($0.id) }
        if phase == .waitingForListeners {
            guard areEnough(free.count, now: now) else { return }
            deadline = now + setup.launch
            advance(to: .launching)
        }
        for (listener, machine) in zip(free, unassigned) {
            if attempts[machine, default: 0] > 0 {
                record(.notice("listener \(listener.name) takes the place of one that is lost"))
            }
            attempts[machine, default: 0] += 1
            assignments[listener.id] = Assignment(name: listener.name, workers: [], ordered: 0)
            for index in machine * setup.processes..<(machine + 1) * setup.processes {
                order(index, from: listener.id, now: now)
            }
        }
        unassigned.removeFirst(min(free.count, unassigned.count))
    }

    /// Has a listener launch a worker for one share, in place of the one it had for it.
    private mutating func order(_ index: Int, from listener: String, now: FleetInstant) {
        guard var assignment = assignments[listener] else { return }
        let launch = launches[index, default: 0] + 1
        launches[index] = launch
        let order = WorkerOrder(id: "\(setup.id)-w\(index)" + (launch > 1 ? ".\(launch)" : ""), index: index)
        assignment.workers.removeAll { $0.index == index }
        assignment.workers.append(order)
        assignment.ordered += 1
        assignment.launches[index, default: 0] += 1
        assignment.isAccepted = false
        assignment.publishedAt = nil
        assignments[listener] = assignment
        places[order.id] = workers.count
        workers.append(
            RunWorker(id: order.id, index: index, listener: listener, machine: assignment.name, lastHeard: now))
    }

    /// Has those replaced that died before the load. Returns why the run cannot be carried out, if it cannot.
    private mutating func replaceFailed(membership: MembershipMachine, now: FleetInstant) -> FleetError? {
        for place in workers.indices where !workers[place].hasEnded {
            let worker = workers[place]
            if worker.state == .failed {
                return FleetError(.plan, worker.reason ?? "a worker could not set the plan up")
            }
            guard let exit = worker.exit, let exitAt = worker.exitAt,
                exit.error != nil || now - exitAt >= FleetLimits.settle
            else { continue }
            let launches = assignments[worker.listener]?.launches[worker.index] ?? FleetLimits.launchAttempts
            let attempt = launches > 1 ? " (attempt \(launches) of \(FleetLimits.launchAttempts))" : ""
            let what =
                "worker \(worker.index) on \(worker.machine) \(exit.readable) before the load began\(attempt)"
                + exit.lastWords
            if exit.wouldRecur { return FleetError(exit.error == nil ? .incomplete : .usage, what) }
            workers[place].hasEnded = true
            isDirty = true
            if launches < FleetLimits.launchAttempts {
                record(.notice("\(what); launching another"))
                order(worker.index, from: worker.listener, now: now)
                continue
            }
            // As with a machine that is lost: a spare may take its place, or the plan may do without it.
            unfit.insert(worker.listener)
            guard membership.alive.count(where: { !unfit.contains($0.id) }) >= setup.enough else {
                return FleetError(.incomplete, what)
            }
            record(.notice("\(what); giving the machine up"))
            giveUp(worker.listener)
            for other in workers.indices where workers[other].listener == worker.listener {
                workers[other].isDismissed = true
            }
        }
        return nil
    }

    /// Before the load: another listener may take this one's place, and what it launched no longer counts.
    private mutating func giveUp(_ listener: String) {
        guard let assignment = assignments.removeValue(forKey: listener) else { return }
        for place in workers.indices where workers[place].listener == listener { workers[place].hasEnded = true }
        unassigned += Set(assignment.workers.map { $0.index / setup.processes })
        unassigned.sort()
    }

    /// Who came and who did not.
    private func shortage(membership: MembershipMachine) -> FleetError {
        func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
        if phase == .waitingForListeners {
            let names = membership.alive.map(\.name)
            let came = names.isEmpty ? "none" : names.joined(separator: ", ")
            return FleetError(
                .incomplete,
                "\(names.count) of \(counted(setup.machines, "listener")) came within \(setup.join.readable) "
                    + "(\(came)); \(setup.machines - names.count) missing"
                    + (setup.enough < setup.machines ? ", and \(setup.enough) are needed (min_machines)" : ""))
        }
        let total = setup.machines * setup.processes
        var missing: [String] = activeWorkers.map { workers[$0] }.filter { !isReady($0) }.map { worker in
            "worker \(worker.index) on \(worker.machine) "
                + (worker.state == nil ? "(never heard of)" : worker.isSilent ? "(silent)" : "(no answer to its plan)")
        }
        if !unassigned.isEmpty { missing.append("listeners in place of \(unassigned.count) lost") }
        let listed = missing.prefix(20).joined(separator: ", ") + (missing.count > 20 ? ", …" : "")
        let ready = workers.count { !$0.hasEnded && isReady($0) }
        return FleetError(
            .incomplete,
            "\(ready) of \(counted(total, "worker")) were ready within \(setup.launch.readable); missing: \(listed)")
    }

    private mutating func begin(now: FleetInstant) {
        order = .start
        crew = activeWorkers
        if !unassigned.isEmpty {
            // The record has no worker for their shares, so that nothing of them counts as having been tried.
            let absent = unassigned.count
            record(
                .notice(
                    "the load began with \(setup.machines - absent) of \(setup.machines) machines, which min_machines "
                        + "allows; \(absent) missing, whose \(absent * setup.processes * setup.instances) connections "
                        + "are aborted"))
        }
        limitAt = now + setup.limit
        abortAt = now + setup.limit + setup.drain
        overdueAt = now + setup.limit + setup.drain + setup.collect
        // The record knows only those who take part in the load, so that no share of it counts twice.
        for place in crew.sorted(by: { workers[$0].index < workers[$1].index }) {
            let worker = workers[place]
            workers[place].lastHeard = max(worker.lastHeard, now)
            record(
                .workerReady(
                    WorkerInfo(id: worker.id, index: worker.index, machine: worker.machine, pid: worker.pid)))
        }
        advance(to: .connecting)
        isDirty = true
    }

    // MARK: Under load

    private mutating func supervise(now: FleetInstant) {
        let crew = crew.map { workers[$0] }
        let running = crew.filter { !$0.isSettled }
        if phase == .connecting {
            let attempted = crew.reduce(UInt64(0)) { sum, worker in
                sum &+ (worker.isSettled ? UInt64(setup.instances) : min(worker.attempted, UInt64(setup.instances)))
            }
            let planned = UInt64(setup.instances) * UInt64(crew.count)
            if attempted >= planned { advance(to: .sending) }
        }
        if order >= .stop || crew.contains(where: { $0.state ?? .waiting >= .finished }) {
            advance(to: .sending)
            advance(to: .draining)
        }
        let awaited = running.isEmpty && mayComeBack(crew)
        if !awaited, running.allSatisfy({ $0.state ?? .waiting >= .finished }) {
            advance(to: .collecting)
            overdueAt = min(overdueAt ?? now + setup.collect, now + setup.collect)
        }
        if running.isEmpty, !awaited {
            return end(interrupts > 0 ? .interrupted : .finished, nil, now: now)
        }
        if crew.contains(where: \.isLost) { workerIsLost(now: now) }
        if let limitAt, now >= limitAt, order < .stop {
            record(.notice("the run's time limit of \(setup.limit.readable) has passed: ending the load"))
            stop(now: now)
        }
        if let abortAt, now >= abortAt, order < .abort {
            order = .abort
            advance(to: .collecting)
        }
        if let overdueAt, now >= overdueAt { end(.overdue, nil, now: now) }
    }

    /// Whether there is someone to wait for when nobody is heard any more: all are silent together, none has come to the
    /// end of the load, and some are not known to be dead. Then it may well be the network, or this machine; the run's own
    /// deadlines end the wait.
    private func mayComeBack(_ crew: [RunWorker]) -> Bool {
        interrupts == 0 && !setup.stopsWhenWorkerIsLost
            && !crew.contains { $0.isDelivered && $0.reason == nil }
            && crew.contains { !$0.hasEnded && $0.isSilent && !$0.isDoomed }
    }

    /// Ends the load of the others, if that is the plan's policy.
    private mutating func workerIsLost(now: FleetInstant) {
        guard setup.stopsWhenWorkerIsLost, order == .start else { return }
        record(.notice("a worker is lost: ending the load, as on_lost_worker says"))
        stop(now: now)
    }

    private mutating func stop(now: FleetInstant) {
        order = max(order, .stop)
        abortAt = min(abortAt ?? now + setup.drain, now + setup.drain)
        overdueAt = min(overdueAt ?? now + setup.drain + setup.collect, now + setup.drain + setup.collect)
        isDirty = true
    }

    // MARK: The end

    /// Records the end of one worker.
    private mutating func conclude(_ place: Int, lost: Bool, reason: String) {
        let worker = workers[place]
        heldBytes -= worker.inbox.heldBytes
        workers[place].inbox.forget()
        workers[place].hasEnded = true
        workers[place].isLost = lost
        isDirty = true
        if worker.inbox.stranded > 0 {
            record(
                .notice(
                    "\(worker.inbox.stranded) snapshots of worker \(worker.index) on \(worker.machine) "
                        + "cannot be used: one before them is lost"))
        }
        record(
            .workerEnded(
                worker: worker.id,
                WorkerEnd(
                    lost: lost, status: worker.exit?.status, signal: worker.exit?.signal, reason: reason,
                    stderr: worker.exit?.stderr ?? "")))
    }

    private mutating func end(_ end: RunEnd, _ error: FleetError?, now: FleetInstant) {
        guard !isOver else { return }
        for place in workers.indices where !workers[place].hasEnded {
            let worker = workers[place]
            guard order >= .start else {
                workers[place].hasEnded = true
                continue
            }
            if worker.isDelivered {
                conclude(place, lost: worker.reason != nil, reason: worker.reason ?? "finished")
            } else if let exit = worker.exit {
                conclude(place, lost: true, reason: exit.readable)
            } else if worker.isSilent {
                let silence = "silent for \((now - worker.lastHeard).readable)"
                conclude(place, lost: true, reason: worker.isOrphan ? "its listener is lost; \(silence)" : silence)
            } else if end == .interrupted {
                conclude(place, lost: false, reason: "interrupted")
            } else {
                conclude(place, lost: true, reason: "still owed results at the deadline")
            }
        }
        flushAcknowledgements()
        if let error { record(.notice(error.message)) }
        if phase != .done {
            phase = .done
            record(.phase(.done))
        }
        record(.ended(end, elapsed: UInt64(clamping: (now - begun).saturatedNanoseconds)))
        outcome = RunOutcome(end: end, error: error)
        actions.append(.over(RunOutcome(end: end, error: error)))
    }

    // MARK: Commands

    /// What a worker should be told, judging by what it last said.
    private func command(for worker: RunWorker) -> Command? {
        guard !worker.hasEnded, !worker.isSilent, worker.exit == nil, worker.isConfirmed, let state = worker.state
        else {
            return nil
        }
        let wanted = worker.isOrphan && order == .start ? Order.stop : order
        return switch state {
        case .waiting: .plan
        case .prepared: wanted >= .start ? (wanted >= .stop ? .stop : .start) : nil
        case .running: wanted == .abort ? .abort : wanted == .stop ? .stop : nil
        case .stopping: wanted == .abort ? .abort : nil
        case .finished, .failed: nil
        }
    }

    private func isDue(_ worker: RunWorker, _ type: WireType, now: FleetInstant) -> Bool {
        nextPublication(worker, type).map { now >= $0 } ?? true
    }

    /// When a command is to be published (again); nil for at once.
    private func nextPublication(_ worker: RunWorker, _ type: WireType) -> FleetInstant? {
        guard let published = worker.published, published.type == type else { return nil }
        // A large plan takes its time; sending it again meanwhile would only take more.
        let isLarge = type == .plan && setup.parcel.bytes.count > 64 * 1024
        return published.at + (isLarge ? FleetLimits.republish * (2 << min(published.times, 4)) : FleetLimits.republish)
    }

    private mutating func publishCommands(now: FleetInstant) {
        for (id, assignment) in assignments where !assignment.isAccepted {
            if let at = assignment.publishedAt, now < at + FleetLimits.republish { continue }
            assignments[id]?.publishedAt = now
            actions.append(
                .publish(
                    to: id,
                    .launch(
                        Command.Launch(
                            number: setup.number, liveness_ms: setup.liveness.milliseconds,
                            launch_ms: setup.launch.milliseconds, workers: assignment.workers))))
        }
        for place in workers.indices {
            guard let command = command(for: workers[place]), isDue(workers[place], command.type, now: now) else {
                continue
            }
            let times = workers[place].published.map { $0.type == command.type ? $0.times + 1 : 1 } ?? 1
            workers[place].published = (command.type, now, times)
            // It will deliver all it has, but its load is not what the plan asked for.
            if command == .stop, order == .start, workers[place].reason == nil {
                workers[place].reason = "its listener is lost"
            }
            actions.append(.publish(to: workers[place].id, command))
        }
    }

    private func nextScan(now: FleetInstant) -> FleetInstant {
        var next = order < .start ? deadline : now + .seconds(3600)
        if order < .start, now < joinAt { next = min(next, joinAt) }
        for at in [order < .stop ? limitAt : nil, order < .abort ? abortAt : nil, overdueAt] {
            if let at { next = min(next, at) }
        }
        for assignment in assignments.values where !assignment.isAccepted {
            next = min(next, (assignment.publishedAt ?? now) + FleetLimits.republish)
        }
        for worker in workers where !worker.hasEnded {
            if let deliveredAt = worker.deliveredAt {
                next = min(next, deliveredAt + FleetLimits.exitReport)
            } else if let exitAt = worker.exitAt {
                next = min(next, exitAt + FleetLimits.settle)
            } else if worker.state != nil, !worker.isSilent {
                next = min(next, worker.lastHeard + setup.liveness)
            }
            if let command = command(for: worker) {
                next = min(next, nextPublication(worker, command.type) ?? now)
            }
        }
        return next
    }

    // MARK: Records

    /// Nothing follows the record's end.
    private mutating func record(_ event: RunEvent) {
        if !isOver { actions.append(.record(event)) }
    }

    private mutating func advance(to next: RunPhase) {
        let order = RunPhase.allCases
        guard let from = order.firstIndex(of: phase), let to = order.firstIndex(of: next), to > from else { return }
        phase = next
        record(.phase(next))
    }

    /// Notes a sign of life; nil if there is no such worker in this run, or it is over.
    private mutating func heard(_ id: String, sequence: UInt64, now: FleetInstant) -> Int? {
        guard let place = places[id] else { return nil }
        // A replayed message is no sign of life.
        guard sequence > workers[place].lastSequence else { return place }
        workers[place].lastSequence = sequence
        workers[place].lastHeard = max(workers[place].lastHeard, now)
        if workers[place].isSilent, !workers[place].hasEnded {
            workers[place].isSilent = false
            isDirty = true
            record(.notice("worker \(workers[place].index) on \(workers[place].machine) is back"))
        }
        return place
    }
}

extension Duration {
    var milliseconds: Int64 { saturatedNanoseconds / 1_000_000 }
}
