internal import WSPerfCore

/// The whole behaviour of the controller without its sockets: its listeners, and one run after another. Pure, like
/// `MembershipMachine` and `RunMachine`, which it composes.
struct ControllerMachine {
    enum Action: Sendable, Equatable {
        /// Publish a command. If `carriesPlan` is true, the run's parcel is the body.
        case publish(topic: String, Command, run: String?, carriesPlan: Bool)
        case record(RunEvent)
        /// Read these chunks of a file, and send them to a listener.
        case send(chunks: Range<Int>, of: FileReference, to: String)
        /// Something that observers see, besides the record.
        case observe(FleetEvent)
        /// The current run is over.
        case over(RunOutcome)
    }

    /// Counts of dropped messages by reason.
    struct Dropped: Sendable, Equatable {
        /// Not messages of this protocol.
        var unreadable = 0
        /// From another session, or from a peer that this session does not know.
        var strangers = 0
        /// From peers with another protocol version.
        var foreign = 0
        /// Snapshots whose body cannot be decoded or makes impossible claims.
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
    /// Version-mismatch notices that have been recorded.
    private var notedForeign: Set<String> = []
    /// Unreadable messages whose reason is already in the current run's record.
    private var notedUnreadable: Set<String> = []
    /// When observers were last told how far the files have got.
    private var transferAt: FleetInstant?
    private var pendingNotices: [String] = []

    init(session: String, liveness: Duration = FleetLimits.liveness, now: FleetInstant) {
        self.session = session
        self.liveness = liveness
        beaconAt = now
    }

    /// A listener that is silent for this long is lost: the run's limit, or the session's between runs.
    private var currentLiveness: Duration { activeRun?.setup.liveness ?? liveness }
    private var activeRun: RunMachine? { run.flatMap { $0.isOver ? nil : $0 } }

    var nextDeadline: FleetInstant? {
        if !actions.isEmpty { return FleetInstant(nanoseconds: .min) }
        return [beaconAt, membershipAt, run?.nextDeadline].compactMap { $0 }.min()
    }

    /// Begins a run. The previous one must be over.
    mutating func begin(_ setup: RunSetup, now: FleetInstant) {
        var run = RunMachine(setup: setup, now: now)
        notedUnreadable.removeAll()
        for notice in setup.notices + pendingNotices { run.note(notice) }
        pendingNotices.removeAll()
        self.run = run
        beacon(now: now)
    }

    mutating func interrupt(now: FleetInstant) { run?.interrupt(now: now) }

    mutating func endLoad(because reason: String, now: FleetInstant) { run?.endLoad(because: reason, now: now) }

    /// Adds a notice to the record of the current run, or of the next one if there is none.
    mutating func note(_ notice: String) {
        if activeRun == nil {
            if pendingNotices.count < 16 { pendingNotices.append(notice) }
        } else {
            run?.note(notice)
        }
    }

    /// A local listener has ended.
    ///
    /// - Parameter local: Process ids of the local listeners that are left; nil for those that are still being launched.
    mutating func localListenersLeft(_ local: [Int32?], _ reason: String, now: FleetInstant) {
        let others = membership.alive.count { !local.contains($0.pid) }
        run?.listenersLeft(local.count + others, reason, now: now)
    }

    /// The process of a local listener has ended.
    mutating func listenerProcessEnded(pid: Int32) { membership(membership.ended(pid: pid)) }

    /// Announces the end of the session.
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

    /// Handles a message. While `accepting` is false, it takes no snapshots, so that the queue of events to record
    /// stays bounded. The workers keep their snapshots and send them again.
    ///
    /// - Parameter address: Where the message came from, if known.
    mutating func receive(
        _ received: Received<PeerMessage>, from address: String? = nil, accepting: Bool = true, now: FleetInstant
    ) {
        switch received {
        case .unreadable(let message): drop(message)
        case .foreign(let foreign): refuse(foreign)
        case .message(let envelope, let body):
            receive(envelope, body: body, from: address, accepting: accepting, now: now)
        }
    }

    private mutating func receive(
        _ envelope: Envelope<PeerMessage>, body: [UInt8], from address: String?, accepting: Bool, now: FleetInstant
    ) {
        let id = envelope.sender
        let sequence = envelope.sequence
        if case .hello(let hello) = envelope.content, hello.role == .listener {
            // The only message without a session, because its sender may not know the session yet.
            return membership(membership.hello(id: id, hello, from: address, sequence: sequence, now: now))
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
        case .fetch(let fetch):
            membership.hear(id, sequence: sequence, now: now)
            guard envelope.run != nil, envelope.run == activeRun?.setup.id else { return }
            send(fetch, to: id, now: now)
        case .hello, .worker, .snapshot:
            guard envelope.run != nil, envelope.run == activeRun?.setup.id else {
                dropped.strangers += 1
                if envelope.run == nil {
                    drop(UnreadableMessage(envelope, "run is missing"))
                } else if run?.knows(worker: id) == true, activeRun != nil {
                    drop(UnreadableMessage(envelope, "run is not that of this worker"))
                }
                return
            }
            worker(envelope, body: body, accepting: accepting, now: now)
        }
    }

    private mutating func worker(_ envelope: Envelope<PeerMessage>, body: [UInt8], accepting: Bool, now: FleetInstant) {
        let (id, sequence) = (envelope.sender, envelope.sequence)
        switch envelope.content {
        case .hello(let hello): run?.hello(worker: id, hello, sequence: sequence, now: now)
        case .worker(let status): run?.status(worker: id, status, sequence: sequence, now: now)
        case .snapshot(let header):
            guard run?.wants(worker: id, header, sequence: sequence, now: now) == true, accepting else { return }
            let before = run?.implausible ?? 0
            run?.snapshot(worker: id, header, body: body, now: now)
            dropped.implausible += (run?.implausible ?? 0) - before
        case .listener, .exited, .fetch: break
        }
    }

    private mutating func send(_ fetch: PeerMessage.Fetch, to id: String, now: FleetInstant) {
        guard let file = run?.fetch(fetch, from: id, now: now) else { return }
        if fetch.count > 0 {
            actions.append(.send(chunks: fetch.first..<fetch.first + fetch.count, of: file, to: id))
        }
        if let transfer = run?.transfer,
            transferAt.map({ now - $0 >= FleetLimits.heartbeat }) ?? true || transfer.arrived == transfer.bytes
        {
            transferAt = now
            actions.append(.observe(.sending(transfer)))
        }
    }

    /// A file of the current run cannot be read any more.
    mutating func fileFailed(_ error: FleetError, now: FleetInstant) { run?.fail(error, now: now) }

    /// A message that breaks the protocol has no effect, but the run's record says so, and a hello gets an answer.
    private mutating func drop(_ message: UnreadableMessage) {
        dropped.unreadable += 1
        run?.dropped(message)
        let notice = "dropped a \(message)"
        actions.append(.observe(.dropped(notice)))
        if notedUnreadable.count < 16, notedUnreadable.insert(notice).inserted { note(notice) }
        if let sender = message.sender, message.type == .hello {
            publish(to: sender, .refuse(Command.Refusal(message: "hello: \(message.offence)")))
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
        actions.append(.observe(.refused(notice)))
        if notedForeign.count < 16, notedForeign.insert(notice).inserted { note(notice) }
    }

    private mutating func membership(_ changes: [MembershipMachine.Action]) {
        for change in changes {
            switch change {
            case .welcome(let id, let name):
                publish(
                    to: id, .welcome(Command.Welcome(name: name, livenessMilliseconds: currentLiveness.milliseconds)))
            case .rejoin(let id): publish(to: id, .rejoin)
            case .refuse(let id, let name, let reason):
                publish(to: id, .refuse(Command.Refusal(message: "\(name) \(reason)")))
                let notice = "refused listener \(name): it \(reason)"
                actions.append(.observe(.refused(notice)))
                if notedForeign.count < 16, notedForeign.insert(notice).inserted { note(notice) }
            case .note(let notice):
                if notedForeign.count < 16, notedForeign.insert(notice).inserted { note(notice) }
            case .greeted(let id): observe(id) { .greeted($0) }
            case .joined(let id):
                run?.listenerJoined()
                observe(id) { .joined($0) }
            case .lost(let id, let silence):
                run?.listenerLost(id, silence: silence)
                observe(id) { .left($0, silence: silence) }
            }
            membershipAt = nil
        }
    }

    private mutating func observe(_ id: String, _ event: (FleetEvent.Listener) -> FleetEvent) {
        guard let member = membership.members[id] else { return }
        let listener = FleetEvent.Listener(name: member.name, address: member.address, pid: member.pid)
        actions.append(.observe(event(listener)))
    }

    /// Performs everything that is due. Returns all actions since the last call.
    mutating func tick(now: FleetInstant, drained: Bool = true) -> [Action] {
        if membershipAt.map({ now >= $0 }) ?? true {
            // Listeners are judged only after all messages have been read, because a message from a listener may be
            // among them.
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
            // Tells all peers of the run that it is over.
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

extension UnreadableMessage {
    fileprivate init(_ envelope: Envelope<PeerMessage>, _ offence: String) {
        self.init(offence)
        sender = envelope.sender
        session = envelope.session
        type = envelope.content.type
    }
}

extension ControllerMachine.Action {
    fileprivate var isOver: Bool { if case .over = self { true } else { false } }
}
