internal import WSPerfCore

/// The controller's whole behaviour without its sockets: who is there, and one run after another. Pure, like the two
/// machines it is made of.
struct ControllerMachine {
    enum Action: Sendable, Equatable {
        /// Publish a command; `carriesPlan` says whether the run's parcel goes with it.
        case publish(topic: String, Command, run: String?, carriesPlan: Bool)
        case record(RunEvent)
        /// The run that was begun last is over.
        case over(RunOutcome)
    }

    /// What was dropped, by reason.
    struct Dropped: Sendable, Equatable {
        /// Not a message of this protocol.
        var unreadable = 0
        /// Of another session, or from no one this session knows.
        var strangers = 0
        /// Of another protocol version.
        var foreign = 0
        /// A snapshot whose body is none, or that claims the impossible.
        var implausible = 0
    }

    let session: String
    private let liveness: Duration
    private(set) var membership = MembershipMachine()
    private(set) var run: RunMachine?
    private(set) var dropped = Dropped()
    private(set) var isClosing = false
    private var beaconAt: FleetInstant
    private var membershipAt: FleetInstant?
    private var actions: [Action] = []
    /// Foreign peers that have been spoken of, by what was said.
    private var notedForeign: Set<String> = []
    private var pendingNotices: [String] = []

    init(session: String, liveness: Duration = FleetLimits.liveness, now: FleetInstant) {
        self.session = session
        self.liveness = liveness
        beaconAt = now
    }

    /// Silence after which a listener is lost: the run's, or the session's between runs.
    private var currentLiveness: Duration { activeRun?.setup.liveness ?? liveness }
    private var activeRun: RunMachine? { run.flatMap { $0.isOver ? nil : $0 } }

    var nextDeadline: FleetInstant? {
        if !actions.isEmpty { return FleetInstant(nanoseconds: .min) }
        return [beaconAt, membershipAt, run?.nextDeadline].compactMap { $0 }.min()
    }

    /// Begins a run; the one before must be over.
    mutating func begin(_ setup: RunSetup, now: FleetInstant) {
        var run = RunMachine(setup: setup, now: now)
        for notice in pendingNotices { run.note(notice) }
        pendingNotices.removeAll()
        self.run = run
        beacon(now: now)
    }

    mutating func interrupt(now: FleetInstant) { run?.interrupt(now: now) }

    /// Something the run's record should say; kept for the next run where there is none.
    mutating func note(_ notice: String) {
        if activeRun == nil {
            if pendingNotices.count < 16 { pendingNotices.append(notice) }
        } else {
            run?.note(notice)
        }
    }

    /// One of the listeners on this machine is gone. `local` are the process ids of those that are left, nil where it is not
    /// known yet.
    mutating func localListenersLeft(_ local: [Int32?], _ reason: String, now: FleetInstant) {
        let others = membership.alive.count { !local.contains($0.pid) }
        run?.listenersLeft(local.count + others, reason, now: now)
    }

    /// The process of a listener on this machine has ended.
    mutating func listenerProcessEnded(pid: Int32) { membership(membership.ended(pid: pid)) }

    /// Says that the session is over.
    mutating func close(now: FleetInstant) {
        isClosing = true
        beacon(now: now)
    }

    /// Tells every listener to exit.
    mutating func endListeners() {
        for member in membership.alive { publish(to: member.id, .end) }
    }

    mutating func forgive(_ duration: Duration) {
        membership.forgive(duration)
        run?.forgive(duration)
    }

    /// Something arrived. While `accepting` is false no snapshot is taken, so that what is not yet recorded stays bounded;
    /// the workers keep theirs and send them again.
    mutating func receive(_ received: Received<Report>, accepting: Bool = true, now: FleetInstant) {
        switch received {
        case .unreadable: dropped.unreadable += 1
        case .foreign(let foreign): refuse(foreign)
        case .message(let envelope, let body): receive(envelope, body: body, accepting: accepting, now: now)
        }
    }

    private mutating func receive(
        _ envelope: Envelope<Report>, body: [UInt8], accepting: Bool, now: FleetInstant
    ) {
        let id = envelope.sender
        let sequence = envelope.sequence
        if case .hello(let hello) = envelope.content, hello.role == .listener {
            // The one message that needs no session: whoever says it may not know this one yet.
            return membership(membership.hello(id: id, hello, sequence: sequence, now: now))
        }
        guard envelope.session == session else {
            dropped.strangers += 1
            return
        }
        switch envelope.content {
        case .listener(let status):
            membership(membership.status(id: id, status, sequence: sequence, now: now))
            run?.listener(id, number: status.number, launched: status.launched)
        case .exited(let exit):
            membership.hear(id, sequence: sequence, now: now)
            run?.exited(exit, now: now)
            publish(to: id, .taken(Command.Taken(workers: [exit.worker])))
        case .hello, .worker, .snapshot:
            guard envelope.run != nil, envelope.run == activeRun?.setup.id else {
                dropped.strangers += 1
                return
            }
            worker(envelope, body: body, accepting: accepting, now: now)
        }
    }

    private mutating func worker(_ envelope: Envelope<Report>, body: [UInt8], accepting: Bool, now: FleetInstant) {
        let (id, sequence) = (envelope.sender, envelope.sequence)
        switch envelope.content {
        case .hello(let hello): run?.hello(worker: id, hello, sequence: sequence, now: now)
        case .worker(let status): run?.status(worker: id, status, sequence: sequence, now: now)
        case .snapshot(let header):
            guard run?.wants(worker: id, header, sequence: sequence, now: now) == true, accepting else { return }
            let before = run?.implausible ?? 0
            run?.snapshot(worker: id, header, body: body, now: now)
            dropped.implausible += (run?.implausible ?? 0) - before
        case .listener, .exited: break
        }
    }

    private mutating func refuse(_ foreign: ForeignEnvelope) {
        dropped.foreign += 1
        let theirs = "protocol version \(foreign.version)" + (foreign.software.map { " (software \($0))" } ?? "")
        let ours = "protocol version \(FleetLimits.protocolVersion) (software \(WSPerfVersion.current))"
        publish(
            to: foreign.sender,
            .refuse(Command.Refusal(message: "this controller speaks \(ours), not \(theirs)")))
        let notice = "refused a peer that speaks \(theirs); this controller speaks \(ours)"
        if notedForeign.count < 16, notedForeign.insert(notice).inserted { note(notice) }
    }

    private mutating func membership(_ changes: [MembershipMachine.Action]) {
        for change in changes {
            switch change {
            case .welcome(let id, let name):
                publish(
                    to: id, .welcome(Command.Welcome(name: name, liveness_ms: currentLiveness.milliseconds)))
            case .rejoin(let id): publish(to: id, .rejoin)
            case .joined: run?.listenerJoined()
            case .lost(let id, let silence): run?.listenerLost(id, silence: silence)
            }
            membershipAt = nil
        }
    }

    /// Does what is due and returns all that is to be done since the last call.
    mutating func tick(now: FleetInstant, drained: Bool = true) -> [Action] {
        if membershipAt.map({ now >= $0 }) ?? true {
            // Those whose messages may still be waiting to be read are not judged.
            if drained { membership(membership.tick(now: now, liveness: currentLiveness)) }
            membershipAt = max(
                membership.nextDeadline(liveness: currentLiveness) ?? now + .seconds(3600), now + FleetLimits.timerSlack
            )
        }
        if now >= beaconAt { beacon(now: now) }
        if run != nil {
            for action in run?.tick(now: now, drained: drained, membership: membership) ?? [] {
                switch action {
                case .publish(let id, let command): publish(to: id, command)
                case .record(let event): actions.append(.record(event))
                case .over(let outcome): actions.append(.over(outcome))
                }
            }
            // All of the run now hear that it is over.
            if actions.contains(where: \.isOver) { beacon(now: now) }
        }
        defer { actions.removeAll() }
        return actions
    }

    private mutating func beacon(now: FleetInstant) {
        let run = activeRun?.setup.id
        actions.append(
            .publish(
                topic: Topic.all,
                .beacon(Command.Beacon(software: WSPerfVersion.current, run: run, closing: isClosing)), run: run,
                carriesPlan: false))
        beaconAt = now + FleetLimits.heartbeat(FleetLimits.heartbeat, within: currentLiveness)
    }

    private mutating func publish(to id: String, _ command: Command) {
        actions.append(
            .publish(topic: Topic.peer(id), command, run: run?.setup.id, carriesPlan: command == .plan))
    }
}

extension ControllerMachine.Action {
    fileprivate var isOver: Bool { if case .over = self { true } else { false } }
}
