internal import FoundationEssentials
internal import Glibc
internal import Logging
internal import WSPerfCore

/// Connects the controller's state machine to its sockets, the event handler and the local listeners.
final class ControllerDriver: FleetDriver {
    enum Event: Sendable {
        case interrupted
        case endLoad(reason: String)
        case listenerEnded(name: String, pid: Int32?, ChildProcess.End)
        /// The next run.
        case prepared(RunSetup)
        /// A part of a file, or why it cannot be read.
        case chunk(run: String, listener: String, Command.Chunk, Result<[UInt8], FleetError>)
        /// There is no next run: the provider has no more, or failed.
        case noMore((any Error)?)
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
    /// Asks for the next run; an event brings it.
    private let ask: (_ last: FleetRunResult?) -> Void
    private let delivery: EventDelivery
    private let observers: [ObserverQueue]
    private let outgoing: ZMQSocket
    private let files: OutgoingFiles
    private let mailbox: FleetMailbox<Event>
    private let local: LocalFleet?
    private let endsListeners: Bool
    private let logger: Logger
    private var machine: ControllerMachine
    private var sequence: UInt64 = 0
    private var current = -1
    /// The current run, or the last one.
    private var setup: RunSetup?
    /// Whether the next run was asked for and has not come yet.
    private var isAsking = false
    private var interrupts = 0
    private var closing: Closing?
    /// How the most recent local listener ended.
    private var localLoss: String?
    private(set) var results: [FleetRunResult] = []
    /// Why the provider ended the session.
    private(set) var failure: (any Error)?
    private(set) var isOver = false

    init(
        session: String, ask: @escaping (FleetRunResult?) -> Void, liveness: Duration, delivery: EventDelivery,
        observers: [ObserverQueue], files: OutgoingFiles,
        mailbox: FleetMailbox<Event>, outgoing: ZMQSocket, local: LocalFleet?, endsListeners: Bool, logger: Logger
    ) {
        self.session = session
        self.ask = ask
        self.delivery = delivery
        self.observers = observers
        self.outgoing = outgoing
        self.files = files
        self.mailbox = mailbox
        self.local = local
        self.endsListeners = endsListeners
        self.logger = logger
        machine = ControllerMachine(session: session, liveness: liveness, now: .now)
        askNext()
    }

    var nextDeadline: FleetInstant? {
        [machine.nextDeadline, closing?.next].compactMap { $0 }.min()
    }

    /// Messages that were dropped, for tests and for the log.
    var dropped: ControllerMachine.Dropped { machine.dropped }

    func receive(_ incoming: ZMQSocket.Incoming, now: FleetInstant) {
        switch incoming {
        case .message(let parts, let address):
            machine.receive(
                WireCodec.decodePeerMessage(parts), from: address, accepting: !delivery.isBehind, now: now)
        case .oversized:
            machine.receive(.unreadable(UnreadableMessage("it has too many or too large parts")), now: now)
        }
    }

    func handle(_ event: Event, now: FleetInstant) {
        switch event {
        case .endLoad(let reason): machine.endLoad(because: reason, now: now)
        case .interrupted:
            interrupts += 1
            if interrupts > 1, closing != nil, local != nil {
                closing = Closing(began: now, steps: ClosingStep.hurried)
            }
            machine.interrupt(now: now)
            // There is no run to interrupt.
            if isAsking { beginClosing(now: now) }
        case .prepared(let setup):
            isAsking = false
            if closing == nil { begin(setup, now: now) }
        case .chunk(let run, let listener, let chunk, let result):
            guard run == setup?.id, closing == nil else { return }
            switch result {
            // If there is no room, the listener asks again.
            case .success(let bytes):
                publish(Topic.peer(listener), .chunk(chunk), run: run, body: SharedBytes(bytes))
            case .failure(let error): machine.fileFailed(error, now: now)
            }
        case .noMore(let error):
            isAsking = false
            failure = error
            if closing == nil { beginClosing(now: now) }
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
            publish(topic, command, run: run, body: carriesPlan ? setup?.parcel : nil)
        case .send(let chunks, let file, let listener):
            guard let run = setup?.id else { return }
            let mailbox = mailbox
            files.read(chunks, of: file, for: listener) { number, result in
                mailbox.post(
                    .chunk(run: run, listener: listener, Command.Chunk(file: file.sha256, number: number), result))
            }
        case .record(let event):
            delivery.put(current, event)
            for observer in observers { observer.put(.run(current, event)) }
        case .observe(let event): for observer in observers { observer.put(event) }
        case .over(let outcome):
            let result = FleetRunResult(run: setup?.id ?? "", end: outcome.end, error: outcome.error)
            results.append(result)
            if outcome.error == nil, interrupts == 0 { askNext() } else { beginClosing(now: now) }
        }
    }

    private func publish(_ topic: String, _ command: Command, run: String?, body: SharedBytes?) {
        sequence += 1
        let envelope = Envelope(session: session, run: run, sender: session, sequence: sequence, content: command)
        _ = outgoing.send(WireCodec.encode(envelope, topic: topic, body: body))
    }

    private func askNext() {
        isAsking = true
        ask(results.last)
    }

    private func begin(_ next: RunSetup, now: FleetInstant) {
        current += 1
        var next = next
        next.startedAt = Int64(Date().timeIntervalSince1970 * 1000)
        setup = next
        machine.begin(next, now: now)
        countLocalListeners(now: now)
    }

    private func beginClosing(now: FleetInstant) {
        let steps = local == nil ? ClosingStep.remote : interrupts > 1 ? ClosingStep.hurried : ClosingStep.polite
        closing = Closing(began: now, steps: steps)
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
