/// The schedulers of all connections of one event loop, whatever their type, each at the slot of its connection.
///
/// The scheduler's type is erased here: one virtual call per message, no existential, no allocation. The base class is
/// the pool of the schedule without messages. Confined to its loop's thread.
class SchedulerPool {
    /// Sets up the scheduler of a new connection at `slot`, which must be free. `connection` is its index in the run.
    func start(slot: Int, connection: Int, random: inout SeededGenerator) {}

    /// The next message of the scheduler at `slot`, which must have been started.
    func next(slot: Int, random: inout SeededGenerator) -> ScheduledMessage? { nil }

    /// How many more messages, `limit` at most, the scheduler at `slot` would send up to and including `offset`. The
    /// scheduler can't be used afterwards.
    func count(slot: Int, through offset: Int64, limit: UInt64, random: inout SeededGenerator) -> UInt64 { 0 }

    /// Frees `slot`; does nothing if it is free.
    func stop(slot: Int) {}
}

@available(*, unavailable)
extension SchedulerPool: Sendable {}

/// A pool of schedulers of the same type, stored side by side.
///
/// Unsafe code: `storage[i]` is initialised exactly while `isStarted[i]` is true; both live from `init` to `deinit` and
/// have `capacity` elements; every slot passed in is checked. Plain pointers, because a stored array would cost an
/// exclusivity check, a uniqueness check and a copy of the scheduler for each message.
final class TypedSchedulerPool<Scheduler: MessageScheduler>: SchedulerPool {
    private let capacity: Int
    private let storage: UnsafeMutablePointer<Scheduler>
    private let isStarted: UnsafeMutablePointer<Bool>
    private let make: @Sendable (_ connection: Int, _ random: inout SeededGenerator) -> Scheduler

    /// A pool of `capacity` free slots; `make` gives a connection its scheduler.
    init(
        capacity: Int,
        make: @escaping @Sendable (_ connection: Int, _ random: inout SeededGenerator) -> Scheduler
    ) {
        precondition(capacity >= 0, "a pool of \(capacity) schedulers")
        self.capacity = capacity
        storage = .allocate(capacity: capacity)
        isStarted = .allocate(capacity: capacity)
        isStarted.initialize(repeating: false, count: capacity)
        self.make = make
    }

    deinit {
        for slot in 0..<capacity where isStarted[slot] { (storage + slot).deinitialize(count: 1) }
        isStarted.deallocate()
        storage.deallocate()
    }

    override func start(slot: Int, connection: Int, random: inout SeededGenerator) {
        precondition(slot >= 0 && slot < capacity && !isStarted[slot], "slot \(slot) is not free")
        (storage + slot).initialize(to: make(connection, &random))
        isStarted[slot] = true
    }

    override func next(slot: Int, random: inout SeededGenerator) -> ScheduledMessage? {
        precondition(slot >= 0 && slot < capacity && isStarted[slot], "slot \(slot) has no scheduler")
        return storage[slot].next(using: &random)
    }

    override func count(slot: Int, through offset: Int64, limit: UInt64, random: inout SeededGenerator) -> UInt64 {
        precondition(slot >= 0 && slot < capacity && isStarted[slot], "slot \(slot) has no scheduler")
        return storage[slot].count(through: offset, atMost: limit, using: &random)
    }

    override func stop(slot: Int) {
        precondition(slot >= 0 && slot < capacity, "slot \(slot) does not exist")
        guard isStarted[slot] else { return }
        isStarted[slot] = false
        (storage + slot).deinitialize(count: 1)
    }
}
