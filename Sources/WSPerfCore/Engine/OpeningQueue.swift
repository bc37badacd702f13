/// Which of a loop's connections opens next, and when. Pure: the caller passes the time.
///
/// First attempts follow the plan's ramp. New attempts have already waited for their own time, so they go first. At
/// most `limit` connections open at once.
struct OpeningQueue {
    /// A due opening.
    struct Opening: Equatable {
        let slot: Int
        /// How late a first attempt is by the generator's own fault, nanoseconds: counted from when it was due and
        /// there was room for it. Nil for a new attempt.
        let lag: UInt64?
    }

    private let connections: Int
    private let limit: Int
    /// Nanoseconds from one connection of the worker to the next, over all of its loops.
    private let interval: Double
    private let loop: Int
    private let loops: Int
    private var runBegan: UInt64 = 0
    private var isStopped = false
    /// First attempts handed out.
    private var started = 0
    /// Connections that are opening now.
    private var opening = 0
    /// Since when there is room for one more, if there was none before.
    private var roomSince: UInt64 = 0
    /// Connections whose new attempt is due, first in, first out. The first `taken` have been handed out.
    private var waiting: [UInt32] = []
    private var taken = 0

    /// - Parameter limit: the most connections that may be opening at once; 1 or more.
    init(connections: Int, limit: Int, interval: Double, loop: Int, loops: Int) {
        self.connections = connections
        self.limit = limit
        self.interval = interval
        self.loop = loop
        self.loops = loops
    }

    mutating func begin(at now: UInt64) { runBegan = now }

    /// From now on no first attempt begins.
    mutating func stop() { isStopped = true }

    /// The intended time of the first opening at `slot`: evenly spaced over all loops of the worker.
    func time(of slot: Int) -> UInt64 { runBegan &+ UInt64(interval * Double(loop + slot * loops)) }

    /// When to call `next` again: nanoseconds of the monotonic clock, 0 for at once, `UInt64.max` for not before
    /// `ended` or `retry` is called.
    var nextTime: UInt64 {
        if opening >= limit || isStopped { return .max }
        if taken < waiting.count { return 0 }
        return started < connections ? time(of: started) : .max
    }

    /// A due opening; nil if there is none, or no room for one. Call `began` if it does begin.
    mutating func next(at now: UInt64) -> Opening? {
        guard opening < limit else { return nil }
        if taken < waiting.count {
            let slot = Int(waiting[taken])
            taken += 1
            if taken == waiting.count || taken > 1024 && taken * 2 > waiting.count {
                waiting.removeFirst(taken)
                taken = 0
            }
            return Opening(slot: slot, lag: nil)
        }
        guard started < connections, !isStopped, time(of: started) <= now else { return nil }
        defer { started += 1 }
        return Opening(slot: started, lag: now.since(max(time(of: started), roomSince)))
    }

    /// An opening begins.
    mutating func began() { opening += 1 }

    /// An opening ended, well or badly. Returns whether there is room now and was none before.
    mutating func ended(at now: UInt64) -> Bool {
        opening -= 1
        guard opening == limit - 1 else { return false }
        roomSince = now
        return true
    }

    /// A new attempt is due.
    mutating func retry(_ slot: Int) { waiting.append(UInt32(slot)) }
}
