/// What a fleet loop drives: a state machine with its sockets and processes at the edge. Used on the loop's thread only.
protocol FleetDriver: AnyObject {
    associatedtype Event: Sendable
    /// The next time anything is to be done without being told; nil for never.
    var nextDeadline: FleetInstant? { get }
    var isOver: Bool { get }
    func receive(_ incoming: ZMQSocket.Incoming, now: FleetInstant)
    func handle(_ event: Event, now: FleetInstant)
    /// After each wake. `drained` is true when everything that had arrived has been received.
    func tick(now: FleetInstant, drained: Bool)
    /// This process was stopped or starved for so long; silence of others during that time means nothing.
    func stalled(for duration: Duration)
}
