internal import WSPerfCore

/// The whole behaviour of a listener without its sockets and processes. Pure: events in, actions out, time injected.
///
/// It says hello until a controller welcomes it, launches the workers that the controller orders, and announces each
/// worker's exit until the controller acknowledges it. If its controller becomes silent, ends or is replaced by
/// another, it says hello again. It ends workers whose run is over, politely at first. Those of a run that may not be
/// over get the time to deliver their results.
struct ListenerMachine {
    enum Action: Sendable, Equatable {
        case send(PeerMessage)
        case launch(WorkerOrder, Launching)
        /// Write a chunk of a file.
        case store(FileReference, chunk: Int, [UInt8])
        /// Check the digest of a complete file.
        case verify(FileReference)
        case drop(sha256: String)
        /// Close the worker's lifeline, which asks it to end and to deliver.
        case hangUp(worker: String)
        /// Close the worker's lifeline and send it SIGTERM.
        case terminate(worker: String)
        case kill(worker: String)
        /// Take a new identity, because the controller counts the old one as lost.
        case becomeNew
        /// Something that the operator of this machine should know.
        case warn(String)
        case exit(status: Int32)
    }

    /// What all workers of a launch have in common.
    struct Launching: Sendable, Equatable {
        var session: String
        var run: String
        var machine: String
        var liveness: Duration
        var launch: Duration
        var files: [FileReference] = []
    }

    enum Event: Sendable {
        case launched(worker: String, pid: Int32)
        case exited(WorkerExit)
        /// What became of a file on the disk.
        case file(FileIntake.Event)
        /// SIGINT.
        case interrupted
        /// SIGTERM, with which services are stopped.
        case terminated
        /// Why there is no controller yet.
        /// - Parameter host: The address at which the controller answers, if it does.
        case notJoined(reason: String, host: String?)
        /// The process that launched this listener has ended.
        case lifelineEnded
    }

    private struct Child {
        var order: WorkerOrder
        var run: String
        var graces: GracePeriods
        var pid: Int32 = 0
        var isHungUp = false
        /// When it gets SIGTERM and SIGKILL; nil while it may run.
        var terminateAt: FleetInstant?
        var killAt: FleetInstant?
        var isTerminated = false
        var isKilled = false
        /// Its exit, until the controller has acknowledged it.
        var exit: WorkerExit?
        var announcedAt: FleetInstant?
    }

    private let name: String
    private let pid: Int32
    /// Whether to exit after the first session.
    private let servesOnce: Bool
    /// The controller's session; nil while there is no controller.
    private(set) var session: String?
    private var assignedName: String
    private var liveness = FleetLimits.liveness
    private var graces = GracePeriods(close: .seconds(5), liveness: FleetLimits.liveness, collect: .seconds(30))
    private(set) var run: String?
    private var number = 0
    /// Identities of the workers ordered for `number`. A later launch with the same number may add more.
    private var ordered: Set<String> = []
    /// Orders that wait for the plan's files.
    private var waiting: [WorkerOrder] = []
    /// What the workers of `number` have in common.
    private var launching: Launching?
    private var intake = FileIntake()
    private var children: [String: Child] = [:]
    /// When the last message of this session's controller arrived.
    private var lastHeard: FleetInstant
    /// The session that the children belong to. It remains after `session` is nil.
    private var childrenSession: String?
    /// Since when the workers have been without a controller that may want their results; nil if there is one.
    private var aloneSince: FleetInstant?
    private var helloAt: FleetInstant
    private var helloInterval = FleetLimits.firstHelloInterval
    private var statusAt: FleetInstant
    private var isLeaving = false
    private var exitStatus: Int32 = 0
    private var interrupts = 0
    /// Whether the controller of the only session became silent.
    private var losesController = false
    private var isOver = false
    private var warned: Set<String> = []
    private var actions: [Action] = []

    init(name: String, pid: Int32, servesOnce: Bool = false, now: FleetInstant) {
        self.name = name
        self.servesOnce = servesOnce
        assignedName = name
        self.pid = pid
        lastHeard = now
        helloAt = now
        statusAt = now
    }

    /// Worker processes that have not ended.
    var alive: Int { children.values.count { $0.exit == nil } }

    /// The run of a worker.
    func run(of worker: String) -> String? { children[worker]?.run }

    var nextDeadline: FleetInstant? {
        if !actions.isEmpty { return FleetInstant(nanoseconds: .min) }
        guard !isOver else { return nil }
        if !waiting.isEmpty, intake.areReady || intake.failure != nil { return FleetInstant(nanoseconds: .min) }
        var next = session == nil ? helloAt : min(statusAt, lastHeard + liveness)
        if let at = intake.nextDeadline(isConnected: session != nil && !isLeaving) { next = min(next, at) }
        for child in children.values {
            if child.exit != nil {
                if session != nil {
                    next = min(next, child.announcedAt.map { $0 + FleetLimits.republish } ?? lastHeard)
                }
            } else if let at = nextSignal(to: child) {
                next = min(next, at)
            }
        }
        return next
    }

    /// When a worker must get SIGTERM and SIGKILL; nil while it may run.
    private func signals(to child: Child) -> (terminate: FleetInstant?, kill: FleetInstant?) {
        guard let aloneSince else { return (child.terminateAt, child.killAt) }
        let (terminate, kill) = (aloneSince + child.graces.terminate, aloneSince + child.graces.kill)
        return (child.terminateAt.map { min($0, terminate) } ?? terminate, child.killAt.map { min($0, kill) } ?? kill)
    }

    private func nextSignal(to child: Child) -> FleetInstant? {
        guard !child.isKilled else { return nil }
        let (terminate, kill) = signals(to: child)
        return child.isTerminated ? kill : terminate
    }

    // MARK: Events

    mutating func receive(_ received: Received<Command>, now: FleetInstant) {
        switch received {
        case .unreadable: break
        case .foreign(let foreign): warnForeign(foreign)
        case .message(let envelope, let body): receive(envelope, body: body, now: now)
        }
    }

    private mutating func receive(_ envelope: Envelope<Command>, body: [UInt8], now: FleetInstant) {
        if session == envelope.session { lastHeard = now }
        switch envelope.content {
        case .beacon(let beacon): heard(beacon, session: envelope.session, now: now)
        case .welcome(let welcome):
            if session == nil { adopt(envelope.session, now: now) }
            guard session == envelope.session else { return }
            assignedName = PeerIdentity.displayName(welcome.name)
            liveness = Self.duration(welcome.livenessMilliseconds)
            statusAt = now
        case .refuse(let refusal): warn("refused: " + PlanText.printable(refusal.message, limit: FleetLimits.text))
        case .rejoin:
            guard session == envelope.session || session == nil else { return }
            // The controller counts this listener as lost, but it waits for the results of its workers.
            actions.append(.becomeNew)
            forgetRun(now: now)
            leaveSession(now: now)
            aloneSince = aloneSince ?? now
        case .launch(let launch): take(launch, envelope: envelope, now: now)
        case .taken(let taken):
            for worker in taken.workers where children[worker]?.exit != nil { children[worker] = nil }
        case .end:
            guard session == envelope.session else { return }
            terminateAll(now: now)
            leave(status: 0, now: now)
        case .chunk(let chunk):
            guard session == envelope.session else { return }
            intake.chunk(chunk, bytes: body)
        case .plan, .start, .stop, .abort, .acknowledge: break
        }
    }

    private mutating func heard(_ beacon: Command.Beacon, session heard: String, now: FleetInstant) {
        guard let session else {
            // There is a controller: say hello at once.
            helloInterval = FleetLimits.firstHelloInterval
            if helloAt > now + helloInterval { helloAt = now }
            return
        }
        if heard != session || beacon.closing {
            // If another controller uses the address, the controller of this session has ended.
            leaveSession(now: now)
            terminateAll(now: now)
            if servesOnce { leave(status: 0, now: now) }
        } else {
            terminateAll(now: now) { $0.run != beacon.run }
            if run != nil, beacon.run != run {
                run = nil
                waiting = []
                intake.want([], now: now)
                statusAt = now
            }
        }
    }

    private mutating func take(_ launch: Command.Launch, envelope: Envelope<Command>, now: FleetInstant) {
        guard let session, session == envelope.session, let newRun = envelope.run, !isLeaving else { return }
        guard launch.number >= number else { return }
        if launch.number > number {
            terminateAll(now: now)
            number = launch.number
            ordered = []
            waiting = []
            run = newRun
            childrenSession = session
            liveness = Self.duration(launch.livenessMilliseconds)
            graces = GracePeriods(
                close: launch.closeMilliseconds.map { Self.duration($0, least: 0) } ?? graces.close, liveness: liveness,
                collect: launch.collectMilliseconds.map { Self.duration($0, least: 0) } ?? graces.delivery)
        }
        // The message may be a late copy from a run that is over.
        guard run == newRun else { return }
        let files = launch.files ?? []
        launching = Launching(
            session: session, run: newRun, machine: assignedName, liveness: liveness,
            launch: Self.duration(launch.launchMilliseconds), files: files)
        intake.want(files, now: now)
        for order in launch.workers where ordered.count < Self.mostLaunches && ordered.insert(order.id).inserted {
            if children[order.id] == nil { waiting.append(order) }
        }
        launchWaiting()
        statusAt = now
    }

    /// Launches the workers that were ordered, if the plan's files are there. If they can't be had, no worker can be
    /// launched.
    private mutating func launchWaiting() {
        guard !waiting.isEmpty, let run, let launching, intake.areReady || intake.failure != nil else { return }
        for order in waiting {
            children[order.id] = Child(order: order, run: run, graces: graces)
            if let failure = intake.failure {
                children[order.id]?.exit = WorkerExit(worker: order.id, pid: 0, error: failure, stderr: "")
            } else {
                actions.append(.launch(order, launching))
            }
        }
        waiting = []
    }

    private mutating func forgetRun(now: FleetInstant) {
        number = 0
        ordered = []
        waiting = []
        run = nil
        intake.want([], now: now)
    }

    /// The most processes that are launched in one run, whatever the controller orders.
    private static var mostLaunches: Int { FleetLimits.processes * FleetLimits.launchAttempts }

    mutating func handle(_ event: Event, now: FleetInstant) {
        switch event {
        case .launched(let worker, let pid): children[worker]?.pid = pid
        case .exited(let exit):
            guard children[exit.worker]?.exit == nil else { return }
            children[exit.worker]?.exit = exit
            statusAt = now
        case .file(let event):
            intake.handle(event, now: now)
            guard !waiting.isEmpty, intake.areReady || intake.failure != nil else { return }
            launchWaiting()
            statusAt = now
        case .interrupted: interrupt(status: 130, now: now)
        case .terminated: interrupt(status: alive == 0 && interrupts == 0 ? 0 : 130, now: now)
        case .notJoined(let reason, _):
            if session == nil, !isLeaving { actions.append(.warn("no controller: \(reason)")) }
        // The controller on this machine has ended, or wants no results any more.
        case .lifelineEnded:
            terminateAll(now: now)
            leave(status: 1, now: now)
        }
    }

    private mutating func interrupt(status: Int32, now: FleetInstant) {
        interrupts += 1
        if interrupts > 1 { for id in children.keys.sorted() { kill(id) } }
        // A controller that is there wants their results.
        if session != nil, interrupts == 1 { hangUpAll(now: now) }
        leave(status: status, now: now)
    }

    /// This process was stopped for this long, so silence during that time does not count.
    mutating func forgive(_ duration: Duration) { lastHeard = lastHeard + duration }

    // MARK: Time

    mutating func tick(now: FleetInstant) -> [Action] {
        if !isOver { step(now: now) }
        defer { actions.removeAll() }
        return actions
    }

    private mutating func step(now: FleetInstant) {
        if session != nil, now - lastHeard >= liveness {
            warn("the controller has been silent for \(liveness.readable): waiting for a new one")
            // The workers notice it themselves. They get the time to end and to deliver, in case it comes back.
            leaveSession(now: now)
            losesController = true
            aloneSince = now
        }
        for id in children.keys.sorted() { signal(id, now: now) }
        getFiles(now: now)
        if servesOnce, losesController, alive == 0 { leave(status: 1, now: now) }
        if isLeaving, alive == 0 { return finish(now: now) }
        if session != nil {
            for id in children.keys.sorted() { announceExit(id, now: now) }
            if now >= statusAt {
                actions.append(.send(.listener(status)))
                statusAt = now + FleetLimits.heartbeat(FleetLimits.heartbeat, within: liveness)
            }
        } else {
            if now >= helloAt, !isLeaving {
                actions.append(
                    .send(
                        .hello(
                            PeerMessage.Hello(own: .listener, name: name, pid: pid))))
                helloAt = now + helloInterval
                helloInterval = min(helloInterval * 2, FleetLimits.heartbeat)
            } else if isLeaving {
                helloAt = now + FleetLimits.heartbeat
            }
        }
    }

    private mutating func getFiles(now: FleetInstant) {
        for action in intake.tick(isConnected: session != nil && !isLeaving, now: now) {
            switch action {
            case .send(let fetch): actions.append(.send(.fetch(fetch)))
            case .store(let file, let chunk, let bytes): actions.append(.store(file, chunk: chunk, bytes))
            case .verify(let file): actions.append(.verify(file))
            case .drop(let sha256): actions.append(.drop(sha256: sha256))
            }
        }
    }

    private var status: PeerMessage.ListenerStatus {
        PeerMessage.ListenerStatus(
            number: number, launched: ordered.count - waiting.count, alive: alive, leaving: isLeaving && alive == 0)
    }

    private mutating func announceExit(_ id: String, now: FleetInstant) {
        guard let child = children[id], let exit = child.exit else { return }
        if let at = child.announcedAt, now - at < FleetLimits.republish { return }
        children[id]?.announcedAt = now
        actions.append(.send(.exited(exit)))
    }

    private mutating func finish(now: FleetInstant) {
        if session != nil {
            for id in children.keys.sorted() { announceExit(id, now: now) }
            actions.append(.send(.listener(status)))
        }
        isOver = true
        actions.append(.exit(status: exitStatus))
    }

    // MARK: Sessions

    private mutating func adopt(_ new: String, now: FleetInstant) {
        session = new
        losesController = false
        lastHeard = now
        statusAt = now
        aloneSince = nil
        if childrenSession != new {
            // The remaining workers belong to a controller that has ended.
            forgetRun(now: now)
            terminateAll(now: now)
            children = children.filter { $0.value.exit == nil }
        }
        // Same session, after a gap: announce again all exits without an acknowledgement.
        for id in children.keys { children[id]?.announcedAt = nil }
    }

    private mutating func leaveSession(now: FleetInstant) {
        session = nil
        helloAt = now
        helloInterval = FleetLimits.firstHelloInterval
    }

    private mutating func leave(status: Int32, now: FleetInstant) {
        if !isLeaving {
            isLeaving = true
            exitStatus = status
        }
        if session == nil { terminateAll(now: now) }
    }

    // MARK: The end of workers

    /// Ends the workers whose results somebody may want.
    private mutating func hangUpAll(now: FleetInstant) {
        for id in children.keys.sorted() {
            guard let child = children[id], child.exit == nil, !child.isHungUp else { continue }
            children[id]?.isHungUp = true
            endBy(id, now + child.graces.terminate, now + child.graces.kill)
            actions.append(.hangUp(worker: id))
        }
    }

    /// Ends the workers whose results nobody wants.
    private mutating func terminateAll(now: FleetInstant, where isMeant: (Child) -> Bool = { _ in true }) {
        for id in children.keys.sorted() {
            guard let child = children[id], isMeant(child) else { continue }
            endBy(id, now, now + FleetLimits.terminate)
            signal(id, now: now)
        }
    }

    private mutating func endBy(_ id: String, _ terminate: FleetInstant, _ kill: FleetInstant) {
        guard let child = children[id] else { return }
        children[id]?.terminateAt = min(child.terminateAt ?? terminate, terminate)
        children[id]?.killAt = min(child.killAt ?? kill, kill)
    }

    /// Sends a worker the signals that are due.
    private mutating func signal(_ id: String, now: FleetInstant) {
        guard let child = children[id], child.exit == nil else { return }
        let (terminate, kill) = signals(to: child)
        if let terminate, now >= terminate, !child.isTerminated {
            children[id]?.isTerminated = true
            actions.append(.terminate(worker: id))
        }
        if let kill, now >= kill { self.kill(id) }
    }

    private mutating func kill(_ id: String) {
        guard let child = children[id], child.exit == nil, !child.isKilled else { return }
        children[id]?.isKilled = true
        actions.append(.kill(worker: id))
    }

    private mutating func warnForeign(_ foreign: ForeignEnvelope) {
        warn(
            "the controller speaks protocol version \(foreign.version)"
                + (foreign.software.map { " (software \($0))" } ?? "")
                + "; this listener speaks version \(FleetLimits.protocolVersion) (software \(WSPerfVersion.current))"
                + (foreign.message.map { ": \($0)" } ?? ""))
    }

    /// Gives each warning only once.
    private mutating func warn(_ text: String) {
        guard warned.count < 64, warned.insert(text).inserted else { return }
        actions.append(.warn(text))
    }

    private static func duration(_ milliseconds: Int64, least: Int64 = 100) -> Duration {
        .milliseconds(min(max(milliseconds, least), 24 * 3600 * 1000))
    }
}
