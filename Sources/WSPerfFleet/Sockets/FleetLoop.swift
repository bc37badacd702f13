internal import CZeroMQ
internal import Glibc
internal import WSPerfCore

/// The loop of the one thread that owns a process's ZeroMQ sockets. It waits for messages, mailbox events, the end of the
/// lifeline, and the next deadline.
struct FleetLoop<Driver: FleetDriver> {
    var driver: Driver
    /// The socket that receives messages.
    var incoming: ZMQSocket
    var mailbox: FleetMailbox<Driver.Event>
    /// The pipe from the process that launched this one. Its end of file posts the event.
    var lifeline: (descriptor: Int32, event: Driver.Event)?

    /// The most messages handled before deadlines and mailbox are checked again.
    private static var batch: Int { 256 }

    /// Runs `body` on a new thread.
    static func onThread(_ name: String, _ body: @escaping @Sendable () -> Void) {
        // Each process starts two or three of these, once. Without them, it cannot even report the error.
        guard DetachedThread.start(name, body) else { fatalError("wsperf: the system has no thread left") }
    }

    /// Runs until the driver is over.
    func run() {
        var lifeline = self.lifeline
        var drained = true
        // When the clock was last read. All time beyond the requested wait counts as a delay, wherever in the loop it
        // passes, because a signal may stop the process anywhere.
        var awake = FleetInstant.now
        driver.tick(now: awake, drained: true)
        while !driver.isOver {
            let asleep = FleetInstant.now
            noteStall(from: awake, to: asleep)
            // A deadline in the past means "at once".
            let deadline = drained ? driver.nextDeadline.map { max($0, asleep) } : asleep
            var items = [
                zmq_pollitem_t(socket: incoming.pointer, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0),
                zmq_pollitem_t(socket: nil, fd: mailbox.descriptor, events: Int16(ZMQ_POLLIN), revents: 0),
            ]
            if let lifeline {
                items.append(
                    zmq_pollitem_t(socket: nil, fd: lifeline.descriptor, events: Int16(ZMQ_POLLIN), revents: 0))
            }
            // The loop keeps the socket and all descriptors open, so EINTR is the only possible error.
            _ = zmq_poll(&items, Int32(items.count), Self.timeout(until: deadline))
            let now = FleetInstant.now
            if let deadline { noteStall(from: deadline, to: now) }

            // Messages come before deadlines, so that a peer does not count as silent while its message waits here.
            drained = false
            for _ in 0..<Self.batch {
                guard let message = incoming.receive() else {
                    drained = true
                    break
                }
                driver.receive(message, now: now)
            }
            if items[1].revents != 0 {
                for event in mailbox.take() { driver.handle(event, now: now) }
            }
            if items.count > 2, items[2].revents != 0, let open = lifeline, Self.isAtEnd(open.descriptor) {
                lifeline = nil
                driver.handle(open.event, now: now)
            }
            awake = .now
            noteStall(from: now, to: awake)
            driver.tick(now: awake, drained: drained)
        }
    }

    private func noteStall(from earlier: FleetInstant, to now: FleetInstant) {
        if now - earlier > FleetLimits.stall { driver.stalled(for: now - earlier) }
    }

    /// Milliseconds, rounded up so that the loop never wakes early; a minute if there is no deadline.
    private static func timeout(until deadline: FleetInstant?) -> Int {
        guard let deadline else { return 60_000 }
        let nanoseconds = (deadline - .now).nanoseconds
        return nanoseconds <= 0 ? 0 : Int(min((nanoseconds + 999_999) / 1_000_000, 60_000))
    }

    /// Whether the lifeline has reached its end of file. Data on it is ignored.
    private static func isAtEnd(_ descriptor: Int32) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = read(descriptor, &buffer, buffer.count)
        return count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)
    }
}

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
