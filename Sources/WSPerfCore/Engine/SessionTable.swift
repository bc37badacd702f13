/// The connections of one event loop as the loop and the sinks see them, whatever the client.
///
/// Confined to its loop's thread; sinks on other threads only carry a reference to it.
class SessionTable: @unchecked Sendable {
    /// One deadline per connection, and a few for the table itself.
    final let deadlines: DeadlineQueue
    /// Whether replies are matched by tag, so that the first bytes of payloads matter.
    final let wantsTags: Bool

    /// Whether there is an idle timeout, so that bytes of any frame matter.
    final let wantsActivity: Bool

    /// How much later than `earliest` the loop may wake: nanoseconds.
    final var slack: UInt64 = 0
    /// When to call `open` next: nanoseconds of the monotonic clock, 0 for at once, `UInt64.max` for never.
    final var nextOpening: UInt64 = .max
    /// How many deadlines and messages this pass of the loop may still handle before it looks at the sockets again. The
    /// loop sets it; the table counts down.
    final var budget = 0

    init(deadlines capacity: Int, wantsTags: Bool, wantsActivity: Bool) {
        deadlines = DeadlineQueue(capacity: capacity)
        self.wantsTags = wantsTags
        self.wantsActivity = wantsActivity
    }

    /// When to call `fire` next: nanoseconds of the monotonic clock, `UInt64.max` for never.
    final var earliest: UInt64 { deadlines.earliest }

    /// Called once, on the loop's thread, before its first wait.
    func start() {}
    /// Handles due deadlines, as far as `budget` allows.
    func fire() {}
    /// Begins due openings, for a short time.
    func open() {}
    /// Stops opening and sending, closes what is open. On the loop's thread.
    func stopAll() {}
    /// Drops every connection. On the loop's thread.
    func abortAll() {}
    /// Something happened to the connection at `slot`. Ignored if the slot no longer holds this generation.
    func handle(_ event: SessionEvent, slot: UInt32, generation: UInt32, now: UInt64) {}
    /// As `handle(.activity…)`, without the detour.
    func activity(slot: UInt32, generation: UInt32, now: UInt64) {}
    /// As `handle(.message…)`, without the detour: it is called for every message.
    func message(length: Int, tag: MessageTag?, slot: UInt32, generation: UInt32, now: UInt64) {}
}
