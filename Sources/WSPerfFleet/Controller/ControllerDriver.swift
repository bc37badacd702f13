internal import Foundation
internal import Logging
internal import WSPerfCore

/// The controller's machine at its sockets, its record and its local listeners.
final class ControllerDriver: FleetDriver {
    enum Event: Sendable {
        case interrupted
        case listenerEnded(name: String, pid: Int32?, ChildProcess.End)
    }

    /// Ending local listeners: asked, hung up on and signalled, signalled again, killed.
    private struct Closing {
        var began: FleetInstant
        var step = 0
        var isHurried: Bool
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
        guard let closing else { return machine.nextDeadline }
        let next = closing.began + Self.schedule(closing)[min(closing.step, 4)]
        return machine.nextDeadline.map { min($0, next) } ?? next
    }

    /// What was dropped, for tests and for the log.
    var dropped: ControllerMachine.Dropped { machine.dropped }

    func receive(_ incoming: ZMQSocket.Incoming, now: FleetInstant) {
        switch incoming {
        case .message(let parts):
            machine.receive(WireCodec.decodeReport(parts), accepting: !delivery.isBehind, now: now)
        case .oversized: machine.receive(.unreadable, now: now)
        }
    }

    func handle(_ event: Event, now: FleetInstant) {
        switch event {
        case .interrupted:
            interrupts += 1
            if interrupts > 1 { closing?.isHurried = true }
            machine.interrupt(now: now)
        case .listenerEnded(let name, let pid, let end):
            guard closing == nil else { return }
            if let pid { machine.listenerProcessEnded(pid: pid) }
            let how =
                end.error.map { "could not be launched: \($0)" } ?? end.signal.map { "was killed by signal \($0)" }
                ?? "exited with status \(end.status ?? 0)"
            let said = end.stderr.isEmpty ? "" : ": \(end.stderr)"
            machine.note("the local listener \(name) \(how)\(said)")
            machine.noListenerWillCome("the local listener \(name) \(how) before the load began\(said)", now: now)
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
                closing = Closing(began: now, isHurried: interrupts > 1)
                machine.close(now: now)
            }
        }
    }

    private func beginNext(now: FleetInstant) {
        current += 1
        var setup = setups[current]
        setup.startedAt = Int64(Date().timeIntervalSince1970 * 1000)
        machine.begin(setup, now: now)
    }

    private static func schedule(_ closing: Closing) -> [Duration] {
        closing.isHurried
            ? [.zero, .zero, .milliseconds(300), .seconds(2), .seconds(4)]
            : [.zero, .seconds(4), .seconds(6), .seconds(8), .seconds(10)]
    }

    private func close(now: FleetInstant) {
        guard var closing else { return }
        let alive = local?.alive ?? 0
        while closing.step < 5, now >= closing.began + Self.schedule(closing)[closing.step], !isOver {
            switch closing.step {
            case 0:
                if endsListeners || local != nil { machine.endListeners() }
                for action in machine.tick(now: now) { perform(action, now: now) }
            case 1, 2:
                if alive > 0 {
                    local?.hangUp()
                    local?.send(signal: SIGTERM)
                }
            case 3: local?.send(signal: SIGKILL)
            default: isOver = true
            }
            closing.step += 1
        }
        self.closing = closing
        if closing.step > 0, (local?.alive ?? 0) == 0 { isOver = true }
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
