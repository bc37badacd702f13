/// Connects a state machine to its sockets and processes. A fleet loop calls it, always on the loop's thread.
protocol FleetDriver: AnyObject {
    associatedtype Event: Sendable
    /// When `tick` must be called even if nothing arrives; nil for never.
    var nextDeadline: FleetInstant? { get }
    var isOver: Bool { get }
    func receive(_ incoming: ZMQSocket.Incoming, now: FleetInstant)
    func handle(_ event: Event, now: FleetInstant)
    /// Called after each wake-up. `drained` is true if all messages that had arrived have been received.
    func tick(now: FleetInstant, drained: Bool)
    /// This process was stopped or starved for this long, so the silence of peers during that time does not count.
    func stalled(for duration: Duration)
}
