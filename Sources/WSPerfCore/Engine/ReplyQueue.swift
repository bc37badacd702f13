/// The messages of one connection that wait for their reply, oldest first, each with its intended and its actual send time.
///
/// At most `limit` are remembered with their times; more are counted only, and their replies are then counted without a
/// round-trip time. One message is held in place, more in a ring that grows when needed and is freed with the connection.
struct ReplyQueue {
    struct Entry {
        /// Nanoseconds of the monotonic clock.
        var intended: UInt64
        /// Nanoseconds of the monotonic clock; 0 once answered out of order.
        var actual: UInt64
    }

    // Invariant: `ring`, where not nil, has `capacity` (a power of two) elements, of which the `timed` ones from `head`
    // on are initialised; where nil, `single` is the entry if `timed` is 1.
    private var single = Entry(intended: 0, actual: 0)
    private var ring: UnsafeMutablePointer<Entry>?
    private var capacity: UInt32 = 1
    private var head: UInt32 = 0
    private var timed: UInt32 = 0
    private var answeredAhead: UInt32 = 0
    /// Index of the oldest remembered message among all of its connection.
    private(set) var firstIndex: UInt64 = 0
    /// Messages behind the remembered ones, of which only the number is known. Once there was one, all that follow are
    /// untimed too, until none waits any more.
    private var untimed: UInt64 = 0
    private var hasOverflowed = false

    /// How many wait for a reply.
    var count: UInt64 { UInt64(timed - answeredAhead) + untimed }

    /// The oldest that waits, if its times are known.
    var oldest: Entry? { timed == 0 ? nil : self[0] }

    private subscript(_ place: UInt32) -> Entry {
        get { ring.map { $0[Int((head &+ place) & (capacity - 1))] } ?? single }
        set {
            if let ring {
                (ring + Int((head &+ place) & (capacity - 1))).initialize(to: newValue)
            } else {
                single = newValue
            }
        }
    }

    /// Adds the message with this index on its connection, which is one more than that of the one before it.
    mutating func append(_ entry: Entry, index: UInt64, limit: Int) {
        if timed == 0, untimed == 0 {
            firstIndex = index
            hasOverflowed = false
        }
        guard !hasOverflowed, timed < limit else {
            hasOverflowed = true
            untimed += 1
            return
        }
        if timed == capacity { grow() }
        timed += 1
        self[timed - 1] = entry
    }

    enum Answer {
        /// Nothing waited for this.
        case unexpected
        case timed(Entry)
        case untimed
    }

    /// Takes the oldest: what matching by order makes of a reply.
    mutating func answerOldest() -> Answer {
        if timed > 0 {
            let entry = self[0]
            dropOldest()
            return .timed(entry)
        }
        guard untimed > 0 else { return .unexpected }
        untimed -= 1
        return .untimed
    }

    /// Takes the message with this index on its connection.
    mutating func answer(_ index: UInt64) -> Answer {
        guard index >= firstIndex else { return .unexpected }
        let place = index - firstIndex
        guard place < timed else {
            guard untimed > 0 else { return .unexpected }
            untimed -= 1
            return .untimed
        }
        let entry = self[UInt32(place)]
        guard entry.actual != 0 else { return .unexpected }
        if place == 0 {
            dropOldest()
        } else {
            self[UInt32(place)].actual = 0
            answeredAhead += 1
        }
        return .timed(entry)
    }

    private mutating func dropOldest() {
        head &+= 1
        timed -= 1
        firstIndex += 1
        while timed > 0, self[0].actual == 0 {
            head &+= 1
            timed -= 1
            answeredAhead -= 1
            firstIndex += 1
        }
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Entry>.allocate(capacity: Int(capacity) * 2)
        for place in 0..<timed { (larger + Int(place)).initialize(to: self[place]) }
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
