internal import WSPerfCore

/// Ends the listeners that join a controller's address, without a run.
final class ListenerDismissal: FleetDriver {
    typealias Event = ControllerDriver.Event

    /// What became of the listeners.
    struct Result: Sendable {
        /// Names of the listeners that have ended.
        var ended: [String] = []
        /// Names of the listeners that were told to end but had not when the time was over.
        var remaining: [String] = []
    }

    private static let repetition: Duration = .milliseconds(500)

    private let session: String
    private let outgoing: ZMQSocket
    private var machine: ControllerMachine
    private var sequence: UInt64 = 0
    /// Listeners that join before this are told to end.
    private let joinEnds: FleetInstant
    private let giveUpAt: FleetInstant
    private var askAt: FleetInstant
    /// Names of all listeners that were told to end, by identity.
    private var told: [String: String] = [:]
    private(set) var isOver = false

    init(session: String, liveness: Duration, waiting: Duration, outgoing: ZMQSocket, now: FleetInstant) {
        self.session = session
        self.outgoing = outgoing
        machine = ControllerMachine(session: session, liveness: liveness, now: now)
        joinEnds = now + waiting
        giveUpAt = now + waiting + liveness
        askAt = now
    }

    var result: Result {
        let alive = Set(machine.membership.alive.map(\.id))
        func names(_ isAlive: Bool) -> [String] {
            told.filter { alive.contains($0.key) == isAlive }.map(\.value).sorted()
        }
        return Result(ended: names(false), remaining: names(true))
    }

    var nextDeadline: FleetInstant? {
        [machine.nextDeadline, askAt, joinEnds, giveUpAt].compactMap(\.self).filter { $0 > .now }.min() ?? giveUpAt
    }

    func receive(_ incoming: ZMQSocket.Incoming, now: FleetInstant) {
        guard case .message(let parts, _) = incoming else { return }
        machine.receive(WireCodec.decodePeerMessage(parts), now: now)
    }

    func handle(_ event: Event, now: FleetInstant) {
        if case .interrupted = event { isOver = true }
    }

    func stalled(for duration: Duration) { machine.forgive(duration) }

    func tick(now: FleetInstant, drained: Bool) {
        perform(machine.tick(now: now, drained: drained))
        let alive = machine.membership.alive
        let isNews = alive.contains { told[$0.id] == nil }
        if isNews || now >= askAt {
            for member in alive { told[member.id] = member.name }
            machine.endListeners()
            askAt = now + Self.repetition
        }
        if now >= joinEnds, alive.isEmpty || now >= giveUpAt { isOver = true }
        if isOver { machine.close(now: now) }
        perform(machine.tick(now: now, drained: drained))
    }

    private func perform(_ actions: [ControllerMachine.Action]) {
        for action in actions {
            guard case .publish(let topic, let command, let run, _) = action else { continue }
            sequence += 1
            let envelope = Envelope(session: session, run: run, sender: session, sequence: sequence, content: command)
            _ = outgoing.send(WireCodec.encode(envelope, topic: topic, body: nil))
        }
    }
}

extension FleetController {
    /// Tells all listeners that join within `waiting` to end, and waits for them. A controller that has done this cannot
    /// run.
    ///
    /// - Parameter waiting: How long listeners have to join, by the monotonic clock. They look for a controller at least
    ///   once a second.
    /// - Returns: The names of the listeners that ended, and of those that had not within `Options.liveness` more.
    /// - Throws: `FleetError` if this controller has been used.
    public func endListeners(
        waiting: Duration = .seconds(3)
    ) async throws(FleetError) -> (ended: [String], remaining: [String]) {
        let sockets = try takeSockets()
        let result: ListenerDismissal.Result = await withCheckedContinuation { continuation in
            FleetLoop<ListenerDismissal>.onThread("wsperf-control") { [self] in
                let driver = ListenerDismissal(
                    session: session, liveness: options.liveness, waiting: waiting, outgoing: sockets.outgoing,
                    now: .now)
                FleetLoop(driver: driver, incoming: sockets.incoming, mailbox: mailbox, lifeline: nil).run()
                continuation.resume(returning: driver.result)
            }
        }
        return (result.ended, result.remaining)
    }
}
