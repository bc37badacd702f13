internal import WSPerfCore

/// The whole behaviour of a worker without its sockets and its load. Pure: events in, actions out, time injected.
///
/// It says hello until it is welcomed, sets up its plan, runs its load when the controller starts it, delivers every
/// snapshot, and exits. If its listener ends, its controller becomes silent or is replaced, or a signal arrives, it ends
/// its load early and says why. Then it exits within a bounded time, even if nobody takes its results.
struct WorkerMachine {
    enum Action: Sendable, Equatable {
        case send(PeerMessage, body: [UInt8]?)
        /// Set up the plan in this parcel.
        case prepare([UInt8])
        case startLoad
        case stopLoad
        case abortLoad
        /// Exit. `message` is for stderr.
        case exit(status: Int32, message: String?)
    }

    enum Event: Sendable {
        /// The plan is set up, and these times follow from it.
        case prepared(GracePeriods)
        /// The plan cannot be set up, or the whole load failed.
        case failed(String)
        case snapshot(Snapshot)
        /// SIGINT or SIGTERM.
        case interrupted
        /// The listener has ended or no longer needs this worker.
        case lifelineEnded
    }

    private let run: String
    private let session: String
    private let machine: String
    private let pid: Int32
    private let liveness: Duration
    private let launch: Duration
    private(set) var state = WorkerState.waiting
    private var outbox = SnapshotOutbox()
    private var isWelcomed = false
    private var isPreparing = false
    /// Why it ended its load early, or why it failed.
    private(set) var reason: String?
    private var lastHeard: FleetInstant
    private var helloAt: FleetInstant
    private var helloInterval = FleetLimits.firstHelloInterval
    private var statusAt: FleetInstant
    /// The load must have begun by then.
    private var launchBy: FleetInstant
    /// The first message of the controller must have arrived by then; nil once it has.
    private var contactBy: FleetInstant?
    /// Nil until the plan is set up. Before that, there is nothing to close or to deliver.
    private var graces: GracePeriods?
    private var abortAt: FleetInstant?
    private var exitBy: FleetInstant?
    /// If the controller remains silent, the worker exits then. Nil while the controller is heard.
    private var aloneUntil: FleetInstant?
    private var hasAborted = false
    /// The controller does not want the remaining results.
    private var isDismissed = false
    private var interrupts = 0
    private var isOver = false
    private var actions: [Action] = []

    init(
        run: String, session: String, machine: String, pid: Int32, liveness: Duration, launch: Duration,
        now: FleetInstant
    ) {
        self.run = run
        self.session = session
        self.machine = machine
        self.pid = pid
        self.liveness = liveness
        self.launch = launch
        lastHeard = now
        helloAt = now
        statusAt = now
        contactBy = now + max(liveness * 2, .seconds(10))
        // The controller's own deadline is earlier. This one applies if the controller is gone.
        launchBy = now + launch + liveness
    }

    private var isLoaded: Bool { state == .running || state == .stopping }

    var nextDeadline: FleetInstant? {
        if !actions.isEmpty { return FleetInstant(nanoseconds: .min) }
        guard !isOver else { return nil }
        var next = isWelcomed ? statusAt : helloAt
        let silentAt = aloneUntil == nil ? lastHeard + liveness : nil
        for case let at? in [contactBy ?? silentAt, abortAt, exitBy, aloneUntil] { next = min(next, at) }
        if state < .running { next = min(next, launchBy) }
        if let at = outbox.nextDeadline { next = min(next, at) }
        return next
    }

    // MARK: Events

    mutating func receive(_ received: Received<Command>, now: FleetInstant) {
        switch received {
        case .unreadable: break
        case .foreign(let foreign):
            contactBy = nil
            over(
                status: 2,
                "the controller speaks protocol version \(foreign.version)"
                    + (foreign.software.map { " (software \($0))" } ?? "")
                    + "; this worker speaks version \(FleetLimits.protocolVersion) (software \(WSPerfVersion.current))"
                    + (foreign.message.map { ": \($0)" } ?? ""))
        case .message(let envelope, let body): receive(envelope, body: body, now: now)
        }
    }

    private mutating func receive(_ envelope: Envelope<Command>, body: [UInt8], now: FleetInstant) {
        if case .beacon(let beacon) = envelope.content {
            // A beacon with another session or run means that this worker's run is over.
            guard envelope.session == session, beacon.run == run, !beacon.closing else { return dismiss(now: now) }
            // While the controller is there, it decides how long to wait: other machines may still get their files.
            launchBy = max(launchBy, now + launch + liveness)
        }
        guard envelope.session == session else { return }
        lastHeard = now
        contactBy = nil
        aloneUntil = nil
        switch envelope.content {
        case .welcome:
            isWelcomed = true
            statusAt = now
        case .refuse(let refusal):
            over(status: 2, "refused: " + PlanText.printable(refusal.message, limit: FleetLimits.text))
        case .plan where envelope.run == run:
            guard state == .waiting, !isPreparing else {
                statusAt = now
                break
            }
            isPreparing = true
            actions.append(.prepare(body))
        case .start where envelope.run == run:
            if state == .prepared {
                advance(to: .running, now: now)
                actions.append(.startLoad)
            } else {
                statusAt = now
            }
        case .stop where envelope.run == run:
            stop(now: now)
            statusAt = now
        case .abort where envelope.run == run:
            stop(now: now)
            abort()
            statusAt = now
        case .acknowledge(let acknowledgement) where envelope.run == run:
            outbox.acknowledge(acknowledgement, now: now)
        default: break
        }
    }

    mutating func handle(_ event: Event, now: FleetInstant) {
        switch event {
        case .prepared(let graces):
            self.graces = graces
            if state == .waiting { advance(to: .prepared, now: now) }
        case .failed(let message):
            guard state < .finished else { break }
            if reason == nil { reason = message }
            advance(to: .failed, now: now)
            exitBy = min(exitBy ?? now + liveness, now + liveness)
        case .snapshot(let snapshot):
            guard isLoaded else { break }
            outbox.append(snapshot)
            if snapshot.isFinal { advance(to: .finished, now: now) }
        case .interrupted:
            interrupts += 1
            let by = endByItself("ended by a signal", now: now)
            exitBy = min(exitBy ?? by, by)
            if interrupts > 1 { abort() }
        case .lifelineEnded:
            let by = endByItself("its listener is gone", now: now)
            exitBy = min(exitBy ?? by, by)
        }
    }

    /// This process was stopped for this long, so silence during that time does not count.
    mutating func forgive(_ duration: Duration) {
        lastHeard = lastHeard + duration
        contactBy = contactBy.map { $0 + duration }
    }

    // MARK: Time

    mutating func tick(now: FleetInstant) -> [Action] {
        if !isOver { step(now: now) }
        defer { actions.removeAll() }
        return actions
    }

    private mutating func step(now: FleetInstant) {
        if let contactBy, now >= contactBy {
            return over(status: 1, "no message from the controller arrived")
        }
        if contactBy == nil, aloneUntil == nil, now - lastHeard >= liveness {
            aloneUntil = endByItself("the controller was silent for \(liveness.readable)", now: now)
        }
        if state < .running, now >= launchBy { return over(status: 1, "the load never began") }
        if let abortAt, now >= abortAt {
            self.abortAt = nil
            abort()
        }
        if isDismissed, !isLoaded { return over(status: dismissedStatus, reason) }
        if outbox.isDelivered { return over(status: reason == nil ? 0 : 1, reason) }
        if let by = [exitBy, aloneUntil].compactMap(\.self).min(), now >= by {
            return over(status: state == .failed ? 2 : 1, reason ?? "results could not be delivered")
        }
        guard isWelcomed else {
            if now >= helloAt {
                actions.append(
                    .send(
                        .hello(
                            PeerMessage.Hello(own: .worker, name: machine, pid: pid)),
                        body: nil))
                helloAt = now + helloInterval
                helloInterval = min(helloInterval * 2, FleetLimits.heartbeat)
            }
            return
        }
        if now >= statusAt {
            actions.append(.send(.worker(PeerMessage.WorkerStatus(state: state, pid: pid, reason: reason)), body: nil))
            postpone(now: now)
        }
        for parcel in outbox.due(now: now) {
            let header = PeerMessage.SnapshotHeader(sequence: parcel.sequence, final: parcel.isFinal, reason: reason)
            actions.append(.send(.snapshot(header), body: parcel.body))
            outbox.sent(parcel.sequence, now: now)
            postpone(now: now)
        }
    }

    private var dismissedStatus: Int32 { state == .failed ? 2 : state == .finished && reason == nil ? 0 : 1 }

    /// Every message is a sign of life, so the next status is due one heartbeat after it.
    private mutating func postpone(now: FleetInstant) {
        let usual = state == .running ? FleetLimits.loadedHeartbeat : FleetLimits.heartbeat
        statusAt = now + FleetLimits.heartbeat(usual, within: liveness)
    }

    private mutating func advance(to next: WorkerState, now: FleetInstant) {
        guard next > state else { return }
        state = next
        statusAt = now
    }

    // MARK: The end

    private mutating func stop(now: FleetInstant) {
        switch state {
        case .prepared:
            // Start and stop at once, so that every connection of the share gets an outcome.
            actions.append(.startLoad)
            actions.append(.stopLoad)
            advance(to: .stopping, now: now)
        case .running:
            actions.append(.stopLoad)
            advance(to: .stopping, now: now)
        case .waiting, .stopping, .finished, .failed: break
        }
    }

    private mutating func abort() {
        guard isLoaded, !hasAborted else { return }
        hasAborted = true
        actions.append(.abortLoad)
    }

    /// Ends the load without a command and says why. The worker exits once everything is delivered.
    ///
    /// - Returns: When it exits even if nobody has taken its results.
    private mutating func endByItself(_ why: String, now: FleetInstant) -> FleetInstant {
        // Only delivery is left.
        guard isLoaded || state < .running else { return now + (graces?.delivery ?? liveness) }
        if reason == nil { reason = why }
        guard isLoaded, let graces else {
            over(status: 1, why)
            return now
        }
        stop(now: now)
        abortAt = min(abortAt ?? now + graces.abort, now + graces.abort)
        statusAt = now
        return now + graces.deliver
    }

    /// The controller no longer wants this run's results.
    private mutating func dismiss(now: FleetInstant) {
        guard !isDismissed else { return }
        isDismissed = true
        if isLoaded {
            if reason == nil { reason = "its run is over" }
            stop(now: now)
            abort()
            exitBy = min(exitBy ?? now + liveness, now + liveness)
        }
    }

    private mutating func over(status: Int32, _ message: String?) {
        guard !isOver else { return }
        isOver = true
        if state == .failed {
            // Repeat the status once, in case the first was lost. The listener announces the exit.
            actions.append(.send(.worker(PeerMessage.WorkerStatus(state: state, pid: pid, reason: reason)), body: nil))
        }
        actions.append(.exit(status: status, message: message))
    }
}
