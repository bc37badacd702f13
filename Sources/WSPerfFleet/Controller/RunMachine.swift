internal import WSPerfCore

/// One run on the controller, from waiting for listeners to the end of its record. Pure: it gets messages and the time,
/// and returns what to publish and what to record.
///
/// It is composed of three smaller machines: `RunAssignments` decides which listener runs which shares, `RunDeadlines`
/// when each phase must end, and `CommandSchedule` which command is published to whom and when it is repeated.
///
/// Whatever arrives or does not arrive, the run ends by its deadlines. It records `.ended` exactly once, as the last event,
/// and each snapshot exactly once and in order.
struct RunMachine {
    enum Action: Sendable, Equatable {
        case publish(to: String, Command)
        case record(RunEvent)
        case over(RunOutcome)
    }

    let setup: RunSetup
    private(set) var phase: RunPhase = .waitingForListeners
    private(set) var outcome: RunOutcome?
    private(set) var workers: [RunWorker] = []
    /// Snapshots that were dropped because they are implausible.
    private(set) var implausible = 0
    /// Messages that were dropped because they break the protocol.
    private var unreadable = 0
    private var assignments: RunAssignments
    private var deadlines: RunDeadlines
    private var commands: CommandSchedule
    private var transfers: FileTransfers
    private var order = LoadOrder.wait
    private let begun: FleetInstant
    /// Index in `workers` by identity.
    private var places: [String: Int] = [:]
    /// Places of the workers that take part in the load, once it has begun.
    private var crew: [Int] = []
    private var interrupts = 0
    /// Bytes of all snapshots that wait for an earlier one.
    private var heldBytes = 0
    /// Places of the workers whose snapshots must be acknowledged.
    private var acknowledgements: Set<Int> = []
    /// Something has changed since the last scan.
    private var isDirty = true
    private var scanAt: FleetInstant?
    private var scannedAt: FleetInstant?
    private var actions: [Action] = []

    init(setup: RunSetup, now: FleetInstant) {
        self.setup = setup
        begun = now
        assignments = RunAssignments(
            run: setup.id, machines: setup.machines, minMachines: setup.enough, processes: setup.processes)
        deadlines = RunDeadlines(setup, now: now)
        commands = CommandSchedule(planBytes: setup.parcel.bytes.count)
        transfers = FileTransfers(setup.files)
        record(.started(run: setup.id, startedAt: setup.startedAt, plan: setup.plan))
        record(.phase(.waitingForListeners))
    }

    var isOver: Bool { outcome != nil }

    /// When `tick` next has something to do; nil when the run is over.
    var nextDeadline: FleetInstant? {
        guard !isOver else { return nil }
        if !acknowledgements.isEmpty || !actions.isEmpty { return FleetInstant(nanoseconds: .min) }
        return isDirty ? nextDirtyScan : scanAt
    }

    /// A scan of a large fleet is too expensive to repeat for every message.
    private var nextDirtyScan: FleetInstant {
        guard let scannedAt else { return FleetInstant(nanoseconds: .min) }
        return workers.count > 64 ? scannedAt + FleetLimits.timerSlack : FleetInstant(nanoseconds: .min)
    }

    // MARK: Messages from workers

    mutating func hello(worker id: String, _ hello: PeerMessage.Hello, sequence: UInt64, now: FleetInstant) {
        guard let place = heard(id, sequence: sequence, now: now), !refuse(place) else { return }
        workers[place].pid = hello.pid
        if let reason = hello.incompatibility {
            workers[place].refusal = reason
            workers[place].note(reason: reason)
            if workers[place].advance(to: .failed) { isDirty = true }
            _ = refuse(place)
            return
        }
        if let other = hello.otherBuild, workers[place].state == nil {
            record(.notice("\(workers[place].title) \(other)"))
        }
        _ = workers[place].advance(to: .waiting)
        guard !workers[place].isConfirmed else { return }
        let welcome = Command.Welcome(name: workers[place].machine, livenessMilliseconds: setup.liveness.milliseconds)
        actions.append(.publish(to: id, .welcome(welcome)))
    }

    mutating func status(worker id: String, _ status: PeerMessage.WorkerStatus, sequence: UInt64, now: FleetInstant) {
        guard let place = heard(id, sequence: sequence, now: now), !refuse(place) else { return }
        workers[place].isConfirmed = true
        workers[place].pid = status.pid
        workers[place].note(reason: status.reason)
        _ = workers[place].advance(to: status.state)
        isDirty = true
    }

    /// Returns true if the snapshot with this header can be used; otherwise ignore its body.
    mutating func wants(
        worker id: String, _ header: PeerMessage.SnapshotHeader, sequence: UInt64, now: FleetInstant
    ) -> Bool {
        guard let place = heard(id, sequence: sequence, now: now), order >= .start else { return false }
        let worker = workers[place]
        if !worker.hasEnded, worker.inbox.wants(header.sequence) { return true }
        if refuse(place) { return false }
        // Its acknowledgement was probably lost. A worker that was given up gets no acknowledgements any more.
        if !worker.hasEnded || worker.isDelivered { acknowledgements.insert(place) }
        return false
    }

    /// Takes the body of a snapshot that `wants` returned true for.
    mutating func snapshot(worker id: String, _ header: PeerMessage.SnapshotHeader, body: [UInt8], now: FleetInstant) {
        guard let place = places[id], !workers[place].hasEnded, workers[place].inbox.wants(header.sequence) else {
            return
        }
        // A snapshot that is dropped here is requested again later.
        guard workers[place].inbox.isNext(header.sequence) || heldBytes + body.count <= FleetLimits.heldSnapshots else {
            return
        }
        workers[place].note(reason: header.reason)
        heldBytes -= workers[place].inbox.heldBytes
        let taken = workers[place].take(header.sequence, body, instances: setup.instances)
        heldBytes += workers[place].inbox.heldBytes
        for snapshot in taken.ready { record(.snapshot(worker: id, snapshot)) }
        if let offence = taken.offence {
            // If a replay was changed on the way, the worker is not at fault. It sends the snapshot again.
            if taken.mayComeAgain, !workers[place].lastWasNew {
                implausible += 1
                acknowledgements.insert(place)
                return
            }
            return refuseSnapshot(of: place, offence)
        }
        let isComplete = workers[place].inbox.isComplete
        if workers[place].advance(to: isComplete ? .finished : .running) { isDirty = true }
        if isComplete, !workers[place].isDelivered {
            workers[place].deliver(now: now)
            isDirty = true
        }
        if phase == .connecting { isDirty = true }
        acknowledgements.insert(place)
    }

    /// Notes a sign of life. Returns nil if this run has no such worker.
    private mutating func heard(_ id: String, sequence: UInt64, now: FleetInstant) -> Int? {
        guard let place = places[id] else { return nil }
        workers[place].lastWasNew = sequence > workers[place].lastSequence
        // A repeated message is not a sign of life.
        guard sequence > workers[place].lastSequence else { return place }
        workers[place].lastSequence = sequence
        workers[place].lastHeard = max(workers[place].lastHeard, now)
        if workers[place].isSilent, !workers[place].hasEnded {
            workers[place].isSilent = false
            isDirty = true
            record(.notice("\(workers[place].title) is back"))
        }
        return place
    }

    /// Tells a worker to exit if it was refused.
    private mutating func refuse(_ place: Int) -> Bool {
        guard let refusal = workers[place].refusal else { return false }
        actions.append(.publish(to: workers[place].id, .refuse(Command.Refusal(message: refusal))))
        return true
    }

    /// Gives up a worker whose snapshot breaks a rule: it would send the same bytes again, and its later snapshots are
    /// useless without this one.
    private mutating func refuseSnapshot(of place: Int, _ offence: String) {
        implausible += 1
        workers[place].refusal = offence
        record(.notice("\(workers[place].title) is given up: \(offence)"))
        _ = refuse(place)
        heldBytes -= workers[place].inbox.heldBytes
        workers[place].forgetSnapshots()
        conclude(place, lost: true, reason: offence)
    }

    func knows(worker id: String) -> Bool { places[id] != nil }

    /// A message was dropped because it breaks the protocol.
    mutating func dropped(_ message: UnreadableMessage) {
        unreadable += 1
        if let place = message.sender.flatMap({ places[$0] }) { workers[place].unreadable = message }
    }

    // MARK: Messages from listeners

    /// A listener reports that one of its workers has ended.
    mutating func exited(_ exit: WorkerExit, now: FleetInstant) {
        guard let place = places[exit.worker], workers[place].exit == nil, !workers[place].hasEnded else { return }
        workers[place].exit = exit
        workers[place].exitAt = now
        isDirty = true
    }

    mutating func listener(_ id: String, number: Int, launched: Int) {
        if number == setup.number, assignments.confirm(id, launched: launched) { isDirty = true }
    }

    /// A listener asks for a part of a file. Returns the file if this run has it and the listener takes part.
    mutating func fetch(_ fetch: PeerMessage.Fetch, from listener: String, now: FleetInstant) -> FileReference? {
        guard !isOver, order < .start, assignments.assignments[listener] != nil, let file = transfers.file(fetch) else {
            return nil
        }
        if transfers.note(fetch, from: listener) {
            // Workers are launched when the files are there, so the time for that begins when the last bytes have arrived.
            deadlines.bytesArrived(now: now)
            isDirty = true
        }
        return file
    }

    /// How far the run's files have got; nil if no listener has asked for one.
    var transfer: FleetEvent.Transfer? { transfers.progress }

    /// The run cannot go on.
    mutating func fail(_ error: FleetError, now: FleetInstant) { end(.incomplete, error, now: now) }

    mutating func listenerJoined() { isDirty = true }

    /// - Parameter silence: For how long nothing was heard; zero if the listener left or its process ended.
    mutating func listenerLost(_ id: String, silence: Duration) {
        guard let assignment = assignments.assignments[id] else { return }
        isDirty = true
        let why = RunNotices.listenerLoss(silence: silence)
        transfers.forget(id)
        record(.notice("listener \(assignment.name) \(why)"))
        for place in workers.indices where workers[place].listener == id {
            workers[place].listenerLoss = "its listener \(why)"
            // A listener that has ended takes its workers with it. A silent listener may still have them.
            if silence == .zero { workers[place].isDoomed = true }
        }
        if order < .start { giveUp(id) }
    }

    /// A listener on this machine has ended, and no other will replace it.
    ///
    /// - Parameter count: The remaining listeners, including those that have not said hello yet.
    mutating func listenersLeft(_ count: Int, _ reason: String, now: FleetInstant) {
        guard order < .start, !isOver else { return }
        guard count >= setup.enough else { return end(.incomplete, FleetError(.incomplete, reason), now: now) }
        assignments.expectAtMost(count)
        isDirty = true
    }

    // MARK: Other events

    /// Ends the load as the plan wants it.
    mutating func endLoad(because reason: String, now: FleetInstant) {
        guard order == .start else { return }
        record(.notice("ending the load: \(reason)"))
        stop(now: now)
    }

    /// The first interrupt ends the load and keeps the results that still arrive. The second ends the run at once.
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

    /// This process itself was stopped for this long, so silence during that time does not count.
    mutating func forgive(_ duration: Duration) {
        for place in workers.indices { workers[place].lastHeard = workers[place].lastHeard + duration }
        isDirty = true
    }

    // MARK: Time

    /// Performs everything that is due. Returns all actions since the last call.
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
            let acknowledgement = Command.Acknowledgement(upTo: inbox.accepted, missing: inbox.missing)
            actions.append(.publish(to: workers[place].id, .acknowledge(acknowledgement)))
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

    private mutating func judge(_ place: Int, now: FleetInstant, drained: Bool) {
        let judgement = workers[place].judgement(
            now: now, liveness: setup.liveness, isUnderLoad: order >= .start, drained: drained)
        switch judgement {
        case .wait: break
        case .ended(let lost, let reason): conclude(place, lost: lost, reason: reason)
        case .silent(let silence):
            workers[place].isSilent = true
            record(.notice(RunNotices.worker(workers[place], silentFor: silence)))
            // The load of the others ends now. Even if this worker comes back, the run is not the planned one.
            if setup.stopsWhenWorkerIsLost, order == .start {
                workers[place].note(reason: "silent for \(silence.readable)")
            }
            workerIsLost(now: now)
        }
    }

    private func nextScan(now: FleetInstant) -> FleetInstant {
        var next = deadlines.next(under: order, now: now) ?? now + .seconds(3600)
        for (listener, assignment) in assignments.assignments where !assignment.isAccepted {
            next = min(next, commands.nextLaunch(to: listener) ?? now)
        }
        for place in workers.indices where !workers[place].hasEnded {
            let worker = workers[place]
            if let at = worker.nextJudgement(liveness: setup.liveness) { next = min(next, at) }
            if let command = CommandSchedule.command(for: worker, order: order) {
                next = min(next, commands.nextPublication(of: command.type, to: place) ?? now)
            }
        }
        return next
    }

    private mutating func publishCommands(now: FleetInstant) {
        for (listener, assignment) in assignments.assignments.sorted(by: { $0.value.machine < $1.value.machine }) {
            guard !assignment.isAccepted, commands.publishLaunch(to: listener, now: now) else { continue }
            let launch = Command.Launch(
                number: setup.number, livenessMilliseconds: setup.liveness.milliseconds,
                launchMilliseconds: setup.launch.milliseconds, closeMilliseconds: setup.graces.close.milliseconds,
                collectMilliseconds: setup.graces.delivery.milliseconds, workers: assignment.orders,
                files: setup.files.isEmpty ? nil : setup.files)
            actions.append(.publish(to: listener, .launch(launch)))
        }
        for place in workers.indices {
            guard let command = CommandSchedule.command(for: workers[place], order: order),
                commands.publish(command.type, to: place, now: now)
            else { continue }
            if command == .stop, order == .start { workers[place].isStoppedEarly = true }
            actions.append(.publish(to: workers[place].id, command))
        }
    }

    // MARK: Before the load

    private mutating func gather(membership: MembershipMachine, now: FleetInstant) {
        if let failure = replaceFailed(membership: membership, now: now) { return end(.incomplete, failure, now: now) }
        assign(membership: membership, now: now)
        let joinIsOver = deadlines.joinIsOver(now: now)
        if phase != .waitingForListeners, assignments.areAccepted,
            assignments.areEnough(assignments.assignments.count, joinIsOver: joinIsOver)
        {
            advance(to: .waitingForWorkers)
            if activeWorkers.allSatisfy({ workers[$0].isReady }) { return begin(now: now) }
        }
        guard deadlines.setupIsOver(now: now) else { return }
        let message =
            phase == .waitingForListeners
            ? RunNotices.missingListeners(
                joined: membership.alive.map(\.name), deaf: membership.greeted.map(\.name),
                incompatible: membership.incompatible, setup)
            : RunNotices.missingWorkers(
                activeWorkers.map { workers[$0] }, unassigned: assignments.unassigned.count, setup)
        end(.incomplete, FleetError(.incomplete, message), now: now)
    }

    private var activeWorkers: [Int] { workers.indices.filter { !workers[$0].hasEnded } }

    /// Gives free machines to listeners without an assignment.
    private mutating func assign(membership: MembershipMachine, now: FleetInstant) {
        let free = membership.alive.filter { assignments.isFree($0.id) }
        if phase == .waitingForListeners {
            guard assignments.areEnough(free.count, joinIsOver: deadlines.joinIsOver(now: now)) else { return }
            deadlines.launchBegan(now: now)
            advance(to: .launching)
        }
        for listener in free {
            guard let (orders, isReplacement) = assignments.assign(listener.id, name: listener.name) else { return }
            if isReplacement { record(.notice("listener \(listener.name) replaces a lost listener")) }
            for order in orders { add(order, from: listener.id, machine: listener.name, now: now) }
        }
    }

    private mutating func add(_ order: WorkerOrder, from listener: String, machine: String, now: FleetInstant) {
        commands.launchChanged(for: listener)
        places[order.id] = workers.count
        workers.append(RunWorker(order: order, listener: listener, machine: machine, now: now))
    }

    /// Replaces workers that died before the load. Returns an error if the run is impossible.
    private mutating func replaceFailed(membership: MembershipMachine, now: FleetInstant) -> FleetError? {
        for place in workers.indices where !workers[place].hasEnded {
            let worker = workers[place]
            if worker.state == .failed {
                return FleetError(.plan, "\(worker.title): \(worker.reason ?? "could not set up the plan")")
            }
            guard let exit = worker.exit, let exitAt = worker.exitAt,
                exit.error != nil || now - exitAt >= FleetLimits.settle
            else { continue }
            let launches =
                assignments.launches(of: worker.index, on: worker.listener) ?? FleetLimits.launchAttempts
            let what = RunNotices.worker(worker, endedEarly: exit, launches: launches)
            if exit.wouldRecur { return FleetError(exit.error == nil ? .incomplete : .usage, what) }
            workers[place].hasEnded = true
            isDirty = true
            if launches < FleetLimits.launchAttempts {
                record(.notice("\(what); launching another"))
                if let order = assignments.order(worker.index, from: worker.listener) {
                    add(order, from: worker.listener, machine: worker.machine, now: now)
                }
                continue
            }
            // As with a lost listener: a spare may replace this one, or the plan may allow the run without it.
            assignments.exclude(worker.listener)
            guard membership.alive.count(where: { assignments.isFit($0.id) }) >= setup.enough else {
                return FleetError(.incomplete, what)
            }
            record(.notice("\(what); giving up on this machine"))
            giveUp(worker.listener)
        }
        return nil
    }

    /// Before the load: a spare may replace the listener, and its workers no longer count.
    private mutating func giveUp(_ listener: String) {
        assignments.giveUp(listener)
        for place in workers.indices where workers[place].listener == listener {
            workers[place].hasEnded = true
            workers[place].refusal = "its machine does not take part in this run"
        }
    }

    private mutating func begin(now: FleetInstant) {
        order = .start
        crew = activeWorkers
        deadlines.loadBegan(now: now)
        let absent = assignments.unassigned.count
        // The record has no workers for these machines, so their connections do not count as attempted.
        if absent > 0 { record(.notice(RunNotices.begun(without: absent, setup))) }
        let waited = UInt64(clamping: (now - begun).nanoseconds)
        // Only workers that take part in the load are recorded, so that no share counts twice.
        for place in crew.sorted(by: { workers[$0].index < workers[$1].index }) {
            let worker = workers[place]
            workers[place].lastHeard = max(worker.lastHeard, now)
            let info = WorkerInfo(
                id: worker.id, index: worker.index, machine: worker.machine, pid: worker.pid, waited: waited)
            record(.workerReady(info))
        }
        advance(to: .connecting)
        isDirty = true
    }

    // MARK: Under load

    private mutating func supervise(now: FleetInstant) {
        let crew = crew.map { workers[$0] }
        let running = crew.filter { !$0.isSettled }
        if phase == .connecting, haveAllAttempted(crew) { advance(to: .sending) }
        if order >= .stop || crew.contains(where: { $0.isAtLeast(.finished) }) {
            advance(to: .sending)
            advance(to: .draining)
        }
        let isAwaited = mayComeBack(crew)
        if running.isEmpty ? !isAwaited || haveDelivered(crew) : running.allSatisfy({ $0.isAtLeast(.finished) }) {
            advance(to: .collecting)
            deadlines.collectionBegan(now: now)
        }
        if running.isEmpty, !isAwaited {
            return end(interrupts > 0 ? .interrupted : .finished, nil, now: now)
        }
        if crew.contains(where: \.isLost) { workerIsLost(now: now) }
        let demanded = deadlines.order(now: now)
        if demanded >= .stop, order < .stop {
            if phase != .collecting {
                record(.notice("the run's time limit of \(setup.limit.readable) has passed: ending the load"))
            }
            stop(now: now)
        }
        if demanded == .abort, order < .abort {
            order = .abort
            advance(to: .collecting)
        }
        if deadlines.isOverdue(now: now) { end(.overdue, nil, now: now) }
    }

    /// Whether every planned connection has opened or failed to open, as far as this can still be known.
    private func haveAllAttempted(_ crew: [RunWorker]) -> Bool {
        crew.allSatisfy { $0.isSettled || $0.attempted >= UInt64(setup.instances) }
    }

    /// Whether to wait for workers that are silent but not known to be dead: they may still deliver. The run's deadlines
    /// bound the wait.
    private func mayComeBack(_ crew: [RunWorker]) -> Bool {
        interrupts == 0 && !setup.stopsWhenWorkerIsLost
            && crew.contains { !$0.hasEnded && $0.isSilent && !$0.isDelivered && !$0.isDoomed }
    }

    /// Whether a worker has delivered a whole load, so the loads of the others must be over too. If all fell silent together,
    /// the cause may be the network or this machine, and their loads may go on.
    private func haveDelivered(_ crew: [RunWorker]) -> Bool { crew.contains { $0.isDelivered && $0.reason == nil } }

    /// Ends the load of the other workers if the plan says so (`on_lost_worker`).
    private mutating func workerIsLost(now: FleetInstant) {
        guard setup.stopsWhenWorkerIsLost, order == .start else { return }
        record(.notice("a worker is lost: ending the load, as on_lost_worker says"))
        stop(now: now)
    }

    private mutating func stop(now: FleetInstant) {
        order = max(order, .stop)
        deadlines.stopBegan(now: now)
        isDirty = true
    }

    // MARK: The end

    /// Records the end of one worker.
    private mutating func conclude(_ place: Int, lost: Bool, reason: String) {
        let worker = workers[place]
        heldBytes -= worker.inbox.heldBytes
        workers[place].forgetSnapshots()
        workers[place].hasEnded = true
        workers[place].isLost = lost
        isDirty = true
        let stranded = worker.inbox.stranded
        if stranded > 0 { record(.notice(RunNotices.worker(worker, hasStranded: stranded))) }
        let end = WorkerEnd(
            lost: lost, status: worker.exit?.status, signal: worker.exit?.signal, reason: reason,
            stderr: worker.exit?.stderr ?? "")
        record(.workerEnded(worker: worker.id, end))
    }

    private mutating func end(_ end: RunEnd, _ error: FleetError?, now: FleetInstant) {
        guard !isOver else { return }
        for place in activeWorkers {
            if order < .start {
                workers[place].hasEnded = true
            } else {
                let (lost, reason) = workers[place].judgement(endOfRun: end, now: now)
                conclude(place, lost: lost, reason: reason)
            }
        }
        flushAcknowledgements()
        if unreadable > 1 { record(.notice(RunNotices.dropped(unreadable))) }
        if let error { record(.failed(reason: error.message, exitStatus: error.exitStatus)) }
        advance(to: .done)
        record(.ended(end, elapsed: UInt64(clamping: (now - begun).nanoseconds)))
        let outcome = RunOutcome(end: end, error: error)
        self.outcome = outcome
        actions.append(.over(outcome))
    }

    // MARK: Records

    /// Nothing may follow the end of the record.
    private mutating func record(_ event: RunEvent) {
        if !isOver { actions.append(.record(event)) }
    }

    private mutating func advance(to next: RunPhase) {
        let order = RunPhase.allCases
        guard let from = order.firstIndex(of: phase), let to = order.firstIndex(of: next), to > from else { return }
        phase = next
        record(.phase(next))
    }
}
