internal import CLinux
internal import Glibc

/// One thread's loop: readiness of sockets, deadlines, and what other threads post to it.
///
/// The engine makes as many as the plan has `threads`; nothing is shared between them. A custom client may `post` to it
/// and ask for `now`, and need not use either.
public final class EventLoop: @unchecked Sendable {
    // Loop-confined but for `mailbox` and `thread`: everything else is touched on the loop's thread only, which is what
    // makes the class safe to pass around.
    private let poller: Poller
    private let mailbox: Mailbox
    private var spareItems: [Mailbox.Item] = []
    private var thread = pthread_t()
    private var isRunning = false
    private var mustStop = false

    /// The time as of the event being handled: nanoseconds of the monotonic clock. For the loop's thread.
    public var now: UInt64 { clock }
    // Not public itself: the compiler could not then leave its exclusivity checks out.
    private var clock: UInt64 = 0

    /// Shared by all connections of the loop. Invariant: `receiveCapacity` bytes; what a read leaves in it is consumed or
    /// copied before the next read.
    let receiveBuffer: UnsafeMutableRawPointer
    let receiveCapacity = 128 << 10

    // What every message uses is behind plain pointers: stored properties and arrays would cost exclusivity and uniqueness
    // checks each time. Invariant: `outgoing` and `keys` point to one value each, initialised from init to deinit.

    /// Shared by all connections of the loop; see `OutgoingBuffer`.
    let outgoing: UnsafeMutablePointer<OutgoingBuffer>

    /// Mask keys and handshake keys: seeded by the operating system, not by the plan (RFC 6455 §5.3).
    let keys: UnsafeMutablePointer<SeededGenerator>

    private struct Registration {
        var handler: Unmanaged<PollHandler>?
        var generation: UInt32
    }

    // Invariant: `handlers` has room for `handlerCapacity` registrations, of which the first `handlerCount` are
    // initialised. A handler is retained by this table while registered; its generation goes up when it is not any more,
    // so that an event of the same batch for a socket closed meanwhile finds nobody.
    private var handlers: UnsafeMutablePointer<Registration>
    private var handlerCount = 0
    private var handlerCapacity = 64
    private var freeHandlers: [UInt32] = []

    init() throws(SystemError) {
        mailbox = try Mailbox()
        poller = try Poller()
        receiveBuffer = .allocate(byteCount: receiveCapacity, alignment: 64)
        var random = SystemRandomNumberGenerator()
        keys = .allocate(capacity: 1)
        keys.initialize(to: SeededGenerator(seed: random.next(), stream: random.next()))
        outgoing = .allocate(capacity: 1)
        outgoing.initialize(to: OutgoingBuffer())
        handlers = .allocate(capacity: handlerCapacity)
        try poller.add(mailbox.descriptor, .read, token: .max)
    }

    deinit {
        for index in 0..<handlerCount { handlers[index].handler?.release() }
        for object in released { object.release() }
        handlers.deallocate()
        outgoing.deinitialize(count: 1)
        outgoing.deallocate()
        keys.deallocate()
        receiveBuffer.deallocate()
    }

    /// Whether the caller is on the loop's thread.
    public var isCurrent: Bool { pthread_equal(thread, pthread_self()) != 0 }

    /// Has `job` done on the loop's thread; dropped when the loop is over. Any thread.
    public func post(_ job: @escaping @Sendable () -> Void) {
        mailbox.put(.job(job), mayWait: false)
    }

    func post(_ event: SessionEvent, to sessions: SessionTable, slot: UInt32, generation: UInt32) {
        mailbox.put(.event(event, sessions, slot: slot, generation: generation, time: clinux_now()), mayWait: true)
    }

    /// Reads the clock anew.
    @discardableResult
    func updateNow() -> UInt64 {
        let time = clinux_now()
        clock = time
        isNowOld = false
        return time
    }

    /// Set after what takes time, such as a write to a socket, and cleared when the clock is read.
    var isNowOld = false

    /// `now`, or the clock where `now` is old: a message that answers one just read needs no second look at it.
    func currentNow() -> UInt64 { isNowOld ? updateNow() : now }

    // MARK: - Sockets

    /// Watches `fd` for `handler`; returns the token to change or end that with.
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
            try poller.add(fd, interest, token: token)
        } catch {
            freeHandlers.append(index)
            throw error
        }
        handlers[Int(index)].handler = .passRetained(handler)
        return token
    }

    private func growHandlers() {
        let larger = UnsafeMutablePointer<Registration>.allocate(capacity: handlerCapacity * 2)
        larger.moveInitialize(from: handlers, count: handlerCount)
        handlers.deallocate()
        handlers = larger
        handlerCapacity *= 2
    }

    func change(_ fd: Int32, _ interest: Poller.Interest, token: UInt64) {
        poller.change(fd, interest, token: token)
    }

    /// Ends a watch; the descriptor is then to be closed, which takes it out of the kernel's set.
    func unwatch(token: UInt64) {
        let index = Int(token & 0xffff_ffff)
        precondition(index < handlerCount)
        guard handlers[index].generation == UInt32(token >> 32), let handler = handlers[index].handler else { return }
        handlers[index] = Registration(handler: nil, generation: handlers[index].generation &+ 1)
        freeHandlers.append(UInt32(index))
        releaseLater(handler)
    }

    /// Gives up a reference once the events at hand are handled: the object may be the one that is running right now.
    func releaseLater<Object: AnyObject>(_ object: Unmanaged<Object>) {
        released.append(Unmanaged.fromOpaque(object.toOpaque()))
    }

    private var released: [Unmanaged<AnyObject>] = []

    // MARK: - Running

    /// Runs on the calling thread until `stop()`. `timers` says when the next deadline is and handles those that are due.
    func run(_ timers: SessionTable) {
        thread = pthread_self()
        isRunning = true
        clinux_precise_timers()
        updateNow()
        timers.start()
        while !mustStop {
            let next = timers.earliest
            let timeout: Int64
            if next == .max {
                timeout = -1
            } else {
                let current = updateNow()
                let wake = next &+ timers.slack
                timeout = wake > current ? Int64(clamping: wake - current) : 0
            }
            let count = poller.wait(timeout: timeout)
            updateNow()
            for index in 0..<count {
                let (ready, token) = poller.event(index)
                if token == .max {
                    takeMail()
                } else {
                    dispatch(ready, token)
                }
                isNowOld = true
                // A send that came due while a long batch is worked through does not wait for its end.
                if timers.earliest <= now { timers.fire() }
            }
            if timers.earliest <= now { timers.fire() }
            if !released.isEmpty {
                for object in released { object.release() }
                released.removeAll(keepingCapacity: true)
            }
        }
        mailbox.shut()
    }

    /// Ends `run` after the events at hand. On the loop's thread.
    func stop() { mustStop = true }

    private func dispatch(_ ready: Poller.Interest, _ token: UInt64) {
        let index = Int(token & 0xffff_ffff)
        precondition(index < handlerCount)
        guard handlers[index].generation == UInt32(token >> 32), let handler = handlers[index].handler else { return }
        // `unwatch` defers the release, so the table's reference outlives this call.
        handler._withUnsafeGuaranteedRef { $0.ready(ready) }
    }

    private func takeMail() {
        mailbox.take(into: &spareItems)
        for item in spareItems {
            switch item {
            case .job(let job): job()
            case .event(let event, let sessions, let slot, let generation, let time):
                sessions.handle(event, slot: slot, generation: generation, now: time)
            }
        }
        spareItems.removeAll(keepingCapacity: true)
    }
}

/// What a loop tells of a socket's readiness.
class PollHandler {
    func ready(_ ready: Poller.Interest) {}
}
