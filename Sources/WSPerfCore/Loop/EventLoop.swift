internal import CLinux
internal import Glibc

/// One thread's loop: readiness of sockets, deadlines, and jobs that other threads post to it.
///
/// The engine makes as many as the plan has `threads`; nothing is shared between them. A custom client may `post` to it
/// and ask for `now`, and need not use either.
public final class EventLoop: @unchecked Sendable {
    // Loop-confined except for `mailbox` and `thread`: everything else is touched only on the loop's thread, so the
    // class is safe to pass around.
    private let poller: Poller
    /// Watches the connections that are not open yet; `poller` watches it as one of its descriptors. Even with
    /// thousands of handshakes ready at once, a look at the open connections costs no more.
    private let openings: Poller
    private let mailbox: Mailbox
    /// Items taken out of the mailbox. The first `mailTaken` have been handled.
    private var mail: [Mailbox.Item] = []
    private var mailTaken = 0
    private var thread = pthread_t()
    private var isRunning = false
    private var mustStop = false

    /// The time as of the event being handled: nanoseconds of the monotonic clock. For the loop's thread.
    public var now: UInt64 { clock }
    // Not public itself, or the compiler could not omit its exclusivity checks.
    private var clock: UInt64 = 0

    /// Shared by all connections of the loop. Invariant: `receiveCapacity` bytes; what a read leaves in it is consumed or
    /// copied before the next read.
    let receiveBuffer: UnsafeMutableRawPointer
    let receiveCapacity = 128 << 10

    // What every message uses is behind plain pointers: stored properties and arrays would each time cost exclusivity
    // and uniqueness checks. Invariant: `outgoing`, `budget` and `keys` point to one value each, initialised from init
    // to deinit.

    /// Shared by all connections of the loop; see `OutgoingBuffer`.
    let outgoing: UnsafeMutablePointer<OutgoingBuffer>

    /// What all connections of the loop keep unwritten, together.
    let budget: UnsafeMutablePointer<UnwrittenBudget>

    /// Mask keys and handshake keys: seeded by the operating system, not by the plan (RFC 6455 §5.3).
    let keys: UnsafeMutablePointer<SeededGenerator>

    private struct Registration {
        var handler: Unmanaged<PollHandler>?
        var generation: UInt32
        /// Its connection is not open yet.
        var isOpening = true
    }

    // Invariant: `handlers` has room for `handlerCapacity` registrations, of which the first `handlerCount` are
    // initialised. A handler is retained here while registered; its generation goes up when it no longer is, so that an
    // event in the same batch for a socket closed meanwhile finds no handler.
    private var handlers: UnsafeMutablePointer<Registration>
    private var handlerCount = 0
    private var handlerCapacity = 64
    private var freeHandlers: [UInt32] = []

    init() throws(SystemError) {
        mailbox = try Mailbox()
        poller = try Poller()
        openings = try Poller()
        receiveBuffer = .allocate(byteCount: receiveCapacity, alignment: 64)
        var random = SystemRandomNumberGenerator()
        keys = .allocate(capacity: 1)
        keys.initialize(to: SeededGenerator(seed: random.next(), stream: random.next()))
        outgoing = .allocate(capacity: 1)
        outgoing.initialize(to: OutgoingBuffer())
        budget = .allocate(capacity: 1)
        budget.initialize(to: UnwrittenBudget())
        handlers = .allocate(capacity: handlerCapacity)
        try poller.add(mailbox.descriptor, .read, token: Self.mailToken)
        try poller.add(openings.descriptor, .read, token: Self.openingsToken)
    }

    deinit {
        for index in 0..<handlerCount { handlers[index].handler?.release() }
        for object in released { object.release() }
        handlers.deallocate()
        outgoing.deinitialize(count: 1)
        outgoing.deallocate()
        budget.deinitialize(count: 1)
        budget.deallocate()
        keys.deallocate()
        receiveBuffer.deallocate()
    }

    /// Whether the caller is on the loop's thread.
    public var isCurrent: Bool { pthread_equal(thread, pthread_self()) != 0 }

    /// Runs `job` on the loop's thread; drops it if the loop is over. May be called on any thread.
    public func post(_ job: @escaping @Sendable () -> Void) {
        mailbox.put(.job(job), mayWait: false)
    }

    func post(_ event: SessionEvent, to table: SessionTable, slot: UInt32, generation: UInt32) {
        mailbox.put(.event(event, table, slot: slot, generation: generation, time: clinux_now()), mayWait: true)
    }

    /// Reads the clock again.
    @discardableResult
    func updateNow() -> UInt64 {
        let time = clinux_now()
        clock = time
        isNowOld = false
        return time
    }

    /// Set after anything that takes time, such as a write to a socket; cleared when the clock is read.
    var isNowOld = false

    /// `now`, or the clock if `now` is old: a message that answers one just read needs no second reading.
    func currentNow() -> UInt64 { isNowOld ? updateNow() : now }

    // MARK: - Sockets

    private static var mailToken: UInt64 { .max }
    private static var openingsToken: UInt64 { .max - 1 }

    /// Watches `fd` for `handler`. Returns the token to change or end the watch with. Until `opened` is called, its
    /// events come after those of open connections.
    func watch(_ fd: Int32, _ interest: Poller.Interest, _ handler: PollHandler) throws(SystemError) -> UInt64 {
        let index: UInt32
        if let free = freeHandlers.popLast() {
            index = free
        } else {
            if handlerCount == handlerCapacity { growHandlers() }
            index = UInt32(handlerCount)
            (handlers + handlerCount).initialize(to: Registration(handler: nil, generation: 0))
            handlerCount += 1
        }
        let token = UInt64(handlers[Int(index)].generation) << 32 | UInt64(index)
        do {
            try openings.add(fd, interest, token: token)
        } catch {
            freeHandlers.append(index)
            throw error
        }
        handlers[Int(index)].handler = .passRetained(handler)
        handlers[Int(index)].isOpening = true
        return token
    }

    /// The connection behind this token is open: its events come before those of connections still opening.
    func opened(_ fd: Int32, _ interest: Poller.Interest, token: UInt64) {
        let index = Int(token & 0xffff_ffff)
        precondition(index < handlerCount)
        guard handlers[index].generation == UInt32(token >> 32), handlers[index].isOpening else { return }
        // If the kernel has no room, the socket stays with `openings` and is served later.
        guard (try? poller.add(fd, interest, token: token)) != nil else { return }
        openings.remove(fd)
        handlers[index].isOpening = false
    }

    private func growHandlers() {
        let larger = UnsafeMutablePointer<Registration>.allocate(capacity: handlerCapacity * 2)
        larger.moveInitialize(from: handlers, count: handlerCount)
        handlers.deallocate()
        handlers = larger
        handlerCapacity *= 2
    }

    func change(_ fd: Int32, _ interest: Poller.Interest, token: UInt64) {
        if isOpening(token) {
            openings.change(fd, interest, token: token)
        } else {
            poller.change(fd, interest, token: token)
        }
    }

    /// Ends a watch. The caller must then close the descriptor, which removes it from the kernel's set.
    func unwatch(token: UInt64) {
        let index = Int(token & 0xffff_ffff)
        precondition(index < handlerCount)
        guard handlers[index].generation == UInt32(token >> 32), let handler = handlers[index].handler else { return }
        handlers[index] = Registration(handler: nil, generation: handlers[index].generation &+ 1)
        freeHandlers.append(UInt32(index))
        releaseLater(handler)
    }

    /// Releases a reference once the present events are handled: the object may be the one that is running now.
    func releaseLater<Object: AnyObject>(_ object: Unmanaged<Object>) {
        released.append(Unmanaged.fromOpaque(object.toOpaque()))
    }

    private var released: [Unmanaged<AnyObject>] = []

    // MARK: - Running

    // Each pass of the loop looks at the sockets once. The work between two looks is bounded, so that no kind of work
    // starves another: due messages come first, then what open connections have received, then other threads' mail,
    // then connections that open.

    /// The most time that a pass spends on handshakes under way, and again on beginning new ones: nanoseconds. Each
    /// pass serves at least one of each.
    static var openingShare: UInt64 { 500_000 }
    /// Handshakes fetched at a time: fetching one without serving it wastes the call.
    private static var openingBatch: Int { 8 }
    /// Deadlines handled and messages sent in one pass.
    private static var passBudget: Int { 1024 }
    /// Mailbox items taken in one pass.
    private static var mailShare: Int { 512 }

    /// How a loop's thread spent its time, nanoseconds.
    struct Usage {
        /// Since `run` began.
        var time: UInt64 = 0
        /// Of `time`, waiting for something to happen.
        var waited: UInt64 = 0
        /// Of `waited`, awake, because a deadline was near.
        var awake: UInt64 = 0
        /// Processor time of the thread; only `usage(at:)` updates it.
        var processor: UInt64 = 0
    }

    private(set) var usage = Usage()
    private var runBegan: UInt64 = 0

    /// How the loop's thread has spent its time up to `now`. On the loop's thread.
    func usage(at now: UInt64) -> Usage {
        usage.time = now &- runBegan
        usage.processor = clinux_thread_time()
        return usage
    }

    /// Runs on the calling thread until `stop()`. `table` says when the next deadline is and handles due ones.
    func run(_ table: SessionTable) {
        thread = pthread_self()
        isRunning = true
        clinux_precise_timers()
        runBegan = updateNow()
        table.start()
        while !mustStop {
            table.budget = Self.passBudget
            let count = wait(table)
            var hasOpenings = false
            var hasMail = false
            for index in 0..<count {
                let (ready, token) = poller.event(index)
                if token >= Self.openingsToken {
                    if token == Self.mailToken { hasMail = true } else { hasOpenings = true }
                    continue
                }
                guard let handler = handler(token) else { continue }
                // `unwatch` defers the release, so the reference kept here outlives this call.
                handler._withUnsafeGuaranteedRef { $0.ready(ready) }
                isNowOld = true
                // A send that comes due during a long batch does not wait for the end of the batch.
                if table.earliest <= clock { table.fire() }
            }
            if hasMail || mailTaken < mail.count { takeMail(table) }
            if table.earliest <= clock { table.fire() }
            if hasOpenings { serveOpenings(isAlone: count == 1, table) }
            if table.nextOpening <= clock { table.open() }
            if !released.isEmpty {
                for object in released { object.release() }
                released.removeAll(keepingCapacity: true)
            }
        }
        mailbox.shut()
    }

    private var lead = WakeLead()

    /// Waits for events, until something is due, or not at all if work is left. Returns the number of events.
    @inline(__always)
    private func wait(_ table: SessionTable) -> Int {
        let earliest = table.earliest
        let wake = min(earliest == .max ? .max : earliest &+ table.slack, table.nextOpening)
        let began = updateNow()
        if mailTaken < mail.count || wake <= began {
            let count = poller.wait(timeout: 0)
            updateNow()
            return count
        }
        let remaining = wake - began
        // If the table allows a later wake, being late does no harm.
        let lead = wake == .max || table.slack > 0 ? 0 : self.lead.current(now: began)
        let timeout = remaining > lead ? remaining - lead : 0
        let count = poller.wait(timeout: wake == .max ? -1 : Int64(clamping: timeout))
        let took = updateNow() &- began
        if timeout == 0 {
            if count == 0 {
                usage.waited &+= took
                usage.awake &+= took
            }
            self.lead.waitedAwake(took)
        } else {
            // A wait that returned at once did not sleep, so it counts as work.
            if took > Self.shortestSleep { usage.waited &+= took }
            if count == 0, wake != .max { self.lead.woke(late: took.since(timeout)) }
        }
        return count
    }

    /// Nanoseconds; giving up the processor and getting it back takes longer.
    private static var shortestSleep: UInt64 { 3_000 }

    /// Handles what has happened to connections that are opening, for a share of the pass: a TLS handshake takes a
    /// hundred times as long as a message. The poller reports again what is left over.
    @inline(never)
    private func serveOpenings(isAlone: Bool, _ table: SessionTable) {
        let began = clock
        // With nothing else to do, look at the sockets less often.
        let share = isAlone ? Self.openingShare * 4 : Self.openingShare
        while true {
            let count = openings.wait(timeout: 0, limit: Self.openingBatch)
            for index in 0..<count {
                let (ready, token) = openings.event(index)
                guard let handler = handler(token) else { continue }
                handler._withUnsafeGuaranteedRef { $0.ready(ready) }
                updateNow()
                if table.earliest <= clock { table.fire() }
                if clock.since(began) >= share { return }
            }
            if count < Self.openingBatch { return }
        }
    }

    /// Ends `run` after the present events. On the loop's thread.
    func stop() { mustStop = true }

    /// The handler of this token's events; nil if there is none any more.
    @inline(__always)
    private func handler(_ token: UInt64) -> Unmanaged<PollHandler>? {
        let index = Int(token & 0xffff_ffff)
        precondition(index < handlerCount)
        guard handlers[index].generation == UInt32(token >> 32) else { return nil }
        return handlers[index].handler
    }

    @inline(__always)
    private func isOpening(_ token: UInt64) -> Bool { handlers[Int(token & 0xffff_ffff)].isOpening }

    private func takeMail(_ table: SessionTable) {
        if mailTaken == mail.count {
            mail.removeAll(keepingCapacity: true)
            mailTaken = 0
            mailbox.take(into: &mail)
        }
        let end = min(mail.count, mailTaken + Self.mailShare)
        while mailTaken < end {
            let item = mail[mailTaken]
            mailTaken += 1
            switch item {
            case .job(let job): job()
            case .event(let event, let table, let slot, let generation, let time):
                // Posted after the clock was last read: no event may be later than `now`.
                if time > clock { clock = time }
                table.handle(event, slot: slot, generation: generation, now: time)
            }
            isNowOld = true
            if table.earliest <= clock { table.fire() }
        }
    }
}

/// Hears from the loop when its socket is ready, and when it is its turn to send (see `UnwrittenBudget`).
class PollHandler {
    func ready(_ ready: Poller.Interest) {}
    func takeTurn() {}
}
