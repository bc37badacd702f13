/// The connections of one event loop as the loop and the sinks see them, whatever client is under them.
///
/// Confined to its loop's thread; sinks on other threads only carry a reference to it.
class SessionTable: @unchecked Sendable {
    /// One deadline a connection, and a few of the table's own.
    final let deadlines: DeadlineQueue
    /// Whether replies are matched by tags, so that the beginnings of payloads matter.
    final let wantsTags: Bool

    /// Whether there is an idle timeout, so that bytes of any frame matter.
    final let wantsActivity: Bool

    /// How much later than `earliest` the loop may wake: nanoseconds.
    final var slack: UInt64 = 0
    /// When `open` is to be called next: nanoseconds of the monotonic clock, 0 for at once, `UInt64.max` for never.
    final var nextOpening: UInt64 = .max
    /// How much may still be done in this pass of the loop before it looks at the sockets again: deadlines handled and
    /// messages sent. The loop sets it, the table counts down.
    final var budget = 0

    init(deadlines capacity: Int, wantsTags: Bool, wantsActivity: Bool) {
        deadlines = DeadlineQueue(capacity: capacity)
        self.wantsTags = wantsTags
        self.wantsActivity = wantsActivity
    }

    /// When `fire` is to be called next: nanoseconds of the monotonic clock, `UInt64.max` for never.
    final var earliest: UInt64 { deadlines.earliest }

    /// Called once, on the loop's thread, before its first wait.
    func start() {}
    /// Handles the deadlines that are due, as far as `budget` goes.
    func fire() {}
    /// Begins the openings that are due, for a short time.
    func open() {}
    /// Stops opening and sending, closes what is open. On the loop's thread.
    func stopAll() {}
    /// Drops every connection. On the loop's thread.
    func abortAll() {}
    /// Something happened to the connection at `slot`; ignored if that is not the one of this generation any more.
    func handle(_ event: SessionEvent, slot: UInt32, generation: UInt32, now: UInt64) {}
    /// As `handle(.activity…)`, without the detour.
    func activity(slot: UInt32, generation: UInt32, now: UInt64) {}
    /// As `handle(.message…)`, without the detour: this one happens once a message.
    func message(length: Int, tag: MessageTag?, slot: UInt32, generation: UInt32, now: UInt64) {}
}
