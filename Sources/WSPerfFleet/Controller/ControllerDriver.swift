internal import FoundationEssentials
internal import Glibc
internal import Logging
internal import WSPerfCore

/// Connects the controller's state machine to its sockets, the event handler and the local listeners.
final class ControllerDriver: FleetDriver {
    enum Event: Sendable {
        case interrupted
        case listenerEnded(name: String, pid: Int32?, ChildProcess.End)
    }

    /// How the listeners are ended after the last run, step by step.
    private struct Closing {
        var began: FleetInstant
        /// Steps that have been carried out.
        var taken = 0
        var steps: [(after: Duration, step: ClosingStep)]

        var next: FleetInstant? { taken < steps.count ? began + steps[taken].after : nil }
    }

    private let session: String
    private let setups: [RunSetup]
    private let delivery: EventDelivery
    private let outgoing: ZMQSocket
    private let local: LocalFleet?
    private let endsListeners: Bool
    private let logger: Logger
    private var machine: ControllerMachine
    private var sequence: UInt64 = 0
    private var current = -1
    private var interrupts = 0
    private var closing: Closing?
    /// How the most recent local listener ended.
    private var localLoss: String?
    private(set) var results: [FleetRunResult] = []
    private(set) var isOver = false

    init(
        session: String, setups: [RunSetup], liveness: Duration, delivery: EventDelivery, outgoing: ZMQSocket,
        local: LocalFleet?, endsListeners: Bool, logger: Logger
    ) {
        self.session = session
        self.setups = setups
        self.delivery = delivery
        self.outgoing = outgoing
        self.local = local
        self.endsListeners = endsListeners
        self.logger = logger
        machine = ControllerMachine(session: session, liveness: liveness, now: .now)
        beginNext(now: .now)
    }

    var nextDeadline: FleetInstant? {
        [machine.nextDeadline, closing?.next].compactMap { $0 }.min()
    }

    /// Messages that were dropped, for tests and for the log.
    var dropped: ControllerMachine.Dropped { machine.dropped }

    func receive(_ incoming: ZMQSocket.Incoming, now: FleetInstant) {
        switch incoming {
        case .message(let parts):
            machine.receive(WireCodec.decodePeerMessage(parts), accepting: !delivery.isBehind, now: now)
        case .oversized:
            machine.receive(.unreadable(UnreadableMessage("it has too many or too large parts")), now: now)
        }
    }

    func handle(_ event: Event, now: FleetInstant) {
        switch event {
        case .interrupted:
            interrupts += 1
            if interrupts > 1, closing != nil, local != nil {
                closing = Closing(began: now, steps: ClosingStep.hurried)
            }
            machine.interrupt(now: now)
        case .listenerEnded(let name, let pid, let end):
            guard closing == nil else { return }
            if let pid { machine.listenerProcessEnded(pid: pid) }
            let how =
                end.error.map { "could not be launched: \($0)" }
                ?? end.signal.map { "was killed by \(SignalName.readable($0))" }
                ?? "exited with status \(end.status ?? 0)"
            let said = end.stderr.isEmpty ? "" : ": \(end.stderr)"
            machine.note("the local listener \(name) \(how)\(said)")
            localLoss = "the local listener \(name) \(how) before the load began\(said)"
            countLocalListeners(now: now)
        }
    }

    func stalled(for duration: Duration) { machine.forgive(duration) }

    func tick(now: FleetInstant, drained: Bool) {
        for action in machine.tick(now: now, drained: drained) { perform(action, now: now) }
        if closing != nil { close(now: now) }
    }

    private func perform(_ action: ControllerMachine.Action, now: FleetInstant) {
        switch action {
        case .publish(let topic, let command, let run, let carriesPlan):
            sequence += 1
            let envelope = Envelope(
                session: session, run: run, sender: session, sequence: sequence, content: command)
            let body = carriesPlan ? setups[current].parcel : nil
            _ = outgoing.send(WireCodec.encode(envelope, topic: topic, body: body))
        case .record(let event): delivery.put(current, event)
        case .over(let outcome):
            results.append(FleetRunResult(run: setups[current].id, end: outcome.end, error: outcome.error))
            if outcome.error == nil, interrupts == 0, current + 1 < setups.count {
                beginNext(now: now)
            } else {
                let steps =
                    local == nil ? ClosingStep.remote : interrupts > 1 ? ClosingStep.hurried : ClosingStep.polite
                closing = Closing(began: now, steps: steps)
            }
        }
    }

    private func beginNext(now: FleetInstant) {
        current += 1
        var setup = setups[current]
        setup.startedAt = Int64(Date().timeIntervalSince1970 * 1000)
        machine.begin(setup, now: now)
        countLocalListeners(now: now)
    }

    /// Tells the run how many local listeners are left, if one has ended.
    private func countLocalListeners(now: FleetInstant) {
        guard let local, let localLoss else { return }
        machine.localListenersLeft(local.alive, localLoss, now: now)
    }

    private func close(now: FleetInstant) {
        while let next = closing?.next, now >= next, let taken = closing?.taken, let step = closing?.steps[taken].step {
            closing?.taken += 1
            switch step {
            case .ask: if endsListeners || local != nil { machine.endListeners() }
            case .terminate:
                local?.hangUp()
                local?.send(signal: SIGTERM)
            case .kill: local?.send(signal: SIGKILL)
            case .giveUp: isOver = true
            }
        }
        let areGone =
            if let local { local.alive.isEmpty } else { !endsListeners || machine.membership.alive.isEmpty }
        if areGone { isOver = true }
        // Tells the remaining peers that this session is over.
        if isOver { machine.close(now: now) }
        for action in machine.tick(now: now) { perform(action, now: now) }
        if isOver { logDropped() }
    }

    private func logDropped() {
        let dropped = machine.dropped
        guard dropped != ControllerMachine.Dropped() else { return }
        logger.debug(
            "messages were dropped",
            metadata: [
                "unreadable": "\(dropped.unreadable)", "strangers": "\(dropped.strangers)",
                "foreign": "\(dropped.foreign)", "implausible": "\(dropped.implausible)",
            ])
    }
}
