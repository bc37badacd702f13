/// The messages of one connection that wait for their reply, oldest first, each with its intended and its actual send time.
///
/// The queue remembers the times of at most `limit` messages. If more wait, it keeps the times of every second, fourth,
/// eighth … message, as many as it has room for, and interpolates the times of a message in between from its two
/// remembered neighbours. So every reply is timed in a fixed amount of memory, however long an overload lasts. With the
/// default limit of 1,024, a remembered time is never further away than 1/512 of the waiting messages, and for evenly
/// paced messages the interpolated time is exact.
///
/// A single message is stored in place; more go into a ring that grows when needed and is freed with the connection.
struct ReplyQueue {
    /// When a message was meant to go out and when it did: nanoseconds of the monotonic clock.
    struct Times: Equatable {
        var intended: UInt64
        var actual: UInt64
    }

    /// A remembered message and those after it, up to the next remembered one.
    private struct Group {
        var times: Times
        /// The lower 32 bits of the first message's index on its connection.
        var index: UInt32
        /// How many of the group have been answered.
        var answered: UInt32 = 0
    }

    /// The least useful limit: fewer times would be too coarse to interpolate between.
    static let leastLimit = 16

    // Invariant: `ring`, where not nil, has capacity + 1 elements (capacity is a power of two). The `held` groups from
    // `head` on are initialised; so is the one after the last place, the newest message's, once `stride` was more than
    // 1. Where `ring` is nil, `single` is the group if `held` is 1. `held` is 0 exactly if `waiting` is 0.
    private var single = Group(times: Times(intended: 0, actual: 0), index: 0)
    private var ring: UnsafeMutablePointer<Group>?
    private var capacity: UInt32 = 1
    private var head: UInt32 = 0
    private var held: UInt32 = 0
    /// Messages per new group.
    private var stride: UInt32 = 1
    private var waiting: UInt32 = 0
    /// Index of the next message to be added.
    private var end: UInt64 = 0

    /// How many wait for a reply.
    var count: UInt64 { UInt64(waiting) }

    /// How many groups are remembered.
    var remembered: Int { Int(held) }

    /// When the message that has waited longest was sent. Approximate where replies come out of order.
    var oldestActual: UInt64? {
        guard held > 0 else { return nil }
        let group = self[0]
        return times(of: group.index &+ min(group.answered, size(0) - 1), in: 0).actual
    }

    private subscript(_ place: UInt32) -> Group {
        get { ring.map { $0[Int((head &+ place) & (capacity - 1))] } ?? single }
        set {
            if let ring {
                (ring + Int((head &+ place) & (capacity - 1))).initialize(to: newValue)
            } else {
                single = newValue
            }
        }
    }

    /// Messages of the group at `place`.
    private func size(_ place: UInt32) -> UInt32 {
        let next = place + 1 < held ? self[place + 1].index : UInt32(truncatingIfNeeded: end)
        return next &- self[place].index
    }

    // MARK: - Adding

    /// Adds the message with this index on its connection, which is the previous message's plus 1.
    mutating func append(_ times: Times, index: UInt64, limit: Int) {
        end = index + 1
        waiting += 1
        if held == 0 {
            stride = 1
        } else if stride > 1 || held >= max(limit, Self.leastLimit) {
            if joinsLastGroup(times, UInt32(truncatingIfNeeded: index), UInt32(clamping: max(limit, Self.leastLimit))) {
                return
            }
        }
        if held == capacity { grow() }
        held += 1
        self[held - 1] = Group(times: times, index: UInt32(truncatingIfNeeded: index))
    }

    /// In an overload: whether the newest message's times need no group of their own.
    @inline(never)
    private mutating func joinsLastGroup(_ times: Times, _ index: UInt32, _ limit: UInt32) -> Bool {
        while stride > 1, waiting / stride < limit / 4 { stride /= 2 }
        if held >= limit { thinOut(to: limit / 4 * 3) }
        if let ring { (ring + Int(capacity)).initialize(to: Group(times: times, index: index)) }
        return index &- self[held - 1].index < stride
    }

    /// Makes all groups larger, until no more than `limit` are left.
    private mutating func thinOut(to limit: UInt32) {
        repeat {
            stride *= 2
            var kept: UInt32 = 0
            for place in 1..<held {
                let group = self[place]
                if group.index &- self[kept].index >= stride {
                    kept += 1
                    self[kept] = group
                } else {
                    self[kept].answered += group.answered
                }
            }
            held = kept + 1
        } while held > limit
    }

    // MARK: - Answering

    /// Takes the oldest message, for matching by order. Nil if none waits.
    mutating func answerOldest() -> Times? {
        guard held > 0 else { return nil }
        let group = self[0]
        let found = times(of: group.index &+ group.answered, in: 0)
        answered(at: 0)
        return found
    }

    /// Takes the message with this index on its connection. Nil if it does not wait. In groups made by an overload, a
    /// second reply to one message can't be told from the reply to its neighbour.
    mutating func answer(_ index: UInt64) -> Times? {
        guard let place = place(of: index), self[place].answered < size(place) else { return nil }
        let found = times(of: UInt32(truncatingIfNeeded: index), in: place)
        answered(at: place)
        return found
    }

    /// Takes the oldest if it is the message with this index or an earlier one: a pong answers all pings before it.
    mutating func answerOldest(upTo index: UInt64) -> Times? {
        guard held > 0, index < end else { return nil }
        let group = self[0]
        let oldest = end - UInt64(UInt32(truncatingIfNeeded: end) &- (group.index &+ group.answered))
        return oldest <= index ? answerOldest() : nil
    }

    /// The place of the group that holds the message with this index.
    private func place(of index: UInt64) -> UInt32? {
        guard held > 0, index < end else { return nil }
        let first = self[0].index
        let all = UInt32(truncatingIfNeeded: end) &- first
        guard end - index <= UInt64(all) else { return nil }
        let distance = UInt32(truncatingIfNeeded: index) &- first
        if all == held { return distance }
        var (low, high) = (UInt32(0), held)
        while high - low > 1 {
            let middle = (low + high) / 2
            if self[middle].index &- first <= distance { low = middle } else { high = middle }
        }
        return low
    }

    /// The times of a message in the group at `place`.
    private func times(of index: UInt32, in place: UInt32) -> Times {
        let group = self[place]
        let distance = index &- group.index
        guard distance > 0 else { return group.times }
        // There is a ring, because only queues that were full have groups of several messages.
        guard let next = place + 1 < held ? self[place + 1] : ring?[Int(capacity)] else { return group.times }
        let whole = UInt64(next.index &- group.index)
        func between(_ a: UInt64, _ b: UInt64) -> UInt64 {
            guard b > a, whole > 0 else { return a }
            let product = (b - a).multipliedFullWidth(by: UInt64(distance))
            return a + (product.high < whole ? whole.dividingFullWidth(product).quotient : b - a)
        }
        return Times(
            intended: between(group.times.intended, next.times.intended),
            actual: between(group.times.actual, next.times.actual))
    }

    private mutating func answered(at place: UInt32) {
        waiting -= 1
        if place == 0, held == 1, waiting == 0 {
            head &+= 1
            held = 0
            return
        }
        self[place].answered += 1
        while held > 0, self[0].answered == size(0) {
            head &+= 1
            held -= 1
        }
    }

    // MARK: - Memory

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Group>.allocate(capacity: Int(capacity) * 2 + 1)
        for place in 0..<held { (larger + Int(place)).initialize(to: self[place]) }
        if stride > 1, let ring { (larger + Int(capacity) * 2).initialize(to: ring[Int(capacity)]) }
        ring?.deallocate()
        ring = larger
        capacity *= 2
        head = 0
    }

    mutating func free() {
        ring?.deallocate()
        self = ReplyQueue()
    }
}
