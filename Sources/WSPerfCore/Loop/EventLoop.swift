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
    public private(set) var now: UInt64 = 0

    /// Shared by all connections of the loop. Invariant: `receiveCapacity` bytes; what a read leaves in it is consumed or
    /// copied before the next read.
    let receiveBuffer: UnsafeMutableRawPointer
    let receiveCapacity = 128 << 10

    /// Shared by all connections of the loop; see `OutgoingBuffer`.
    var outgoing = OutgoingBuffer()

    /// Mask keys and handshake keys: seeded by the operating system, not by the plan (RFC 6455 §5.3).
    var keys: SeededGenerator

    // Invariant: handlers[i] is retained by this table while registered; its generation goes up when it is not any more,
    // so that an event of the same batch for a socket closed meanwhile finds nobody.
    private var handlers: [(handler: Unmanaged<PollHandler>?, generation: UInt32)] = []
    private var freeHandlers: [UInt32] = []

    init() throws(SystemError) {
        mailbox = try Mailbox()
        poller = try Poller()
        receiveBuffer = .allocate(byteCount: receiveCapacity, alignment: 64)
        var random = SystemRandomNumberGenerator()
        keys = SeededGenerator(seed: random.next(), stream: random.next())
        try poller.add(mailbox.descriptor, .read, token: .max)
    }

    deinit {
        for (handler, _) in handlers { handler?.release() }
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
        now = clinux_now()
        return now
    }

    // MARK: - Sockets

    /// Watches `fd` for `handler`; returns the token to change or end that with.
    func watch(_ fd: Int32, _ interest: Poller.Interest, _ handler: PollHandler) throws(SystemError) -> UInt64 {
        let index: UInt32
        if let free = freeHandlers.popLast() {
            index = free
        } else {
            index = UInt32(handlers.count)
            handlers.append((nil, 0))
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

    func change(_ fd: Int32, _ interest: Poller.Interest, token: UInt64) {
        poller.change(fd, interest, token: token)
    }

    /// Ends a watch; the descriptor is then to be closed, which takes it out of the kernel's set.
    func unwatch(token: UInt64) {
        let index = Int(token & 0xffff_ffff)
        guard handlers[index].generation == UInt32(token >> 32), let handler = handlers[index].handler else { return }
        handlers[index] = (nil, handlers[index].generation &+ 1)
        freeHandlers.append(UInt32(index))
        // Released later: the handler may be the one running right now.
        released.append(handler)
    }

    private var released: [Unmanaged<PollHandler>] = []

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
                timeout = next > current ? Int64(clamping: next - current) : 0
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
                // A send that came due while a long batch is worked through does not wait for its end.
                if timers.earliest <= now { timers.fire() }
            }
            if timers.earliest <= now { timers.fire() }
            if !released.isEmpty {
                for handler in released { handler.release() }
                released.removeAll(keepingCapacity: true)
            }
        }
        mailbox.shut()
    }

    /// Ends `run` after the events at hand. On the loop's thread.
    func stop() { mustStop = true }

    private func dispatch(_ ready: Poller.Interest, _ token: UInt64) {
        let (handler, generation) = handlers[Int(token & 0xffff_ffff)]
        guard let handler, generation == UInt32(token >> 32) else { return }
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
