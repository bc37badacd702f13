internal import CZeroMQ
internal import Foundation

/// The one thread of a process that owns its ZeroMQ sockets: it waits for messages, for its mailbox, for the lifeline's
/// end, or for the next deadline, and for nothing else.
struct FleetLoop<Driver: FleetDriver> {
    var driver: Driver
    /// The socket that messages come in on.
    var incoming: ZMQSocket
    var mailbox: FleetMailbox<Driver.Event>
    /// A descriptor whose end of file is worth an event: the pipe from the process that launched this one.
    var lifeline: (descriptor: Int32, event: Driver.Event)?

    /// Messages handled between two looks at deadlines and mailbox.
    private static var batch: Int { 256 }

    /// Runs `body` on a thread of its own.
    static func onThread(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.name = name
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// Runs until the driver is over.
    func run() {
        var lifeline = self.lifeline
        var drained = true
        driver.tick(now: .now, drained: true)
        while !driver.isOver {
            // A deadline long past means "at once"; only time spent beyond the wait that was asked for is lateness.
            let asleep = FleetInstant.now
            let deadline = drained ? driver.nextDeadline.map { max($0, asleep) } : asleep
            var items = [
                zmq_pollitem_t(socket: incoming.pointer, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0),
                zmq_pollitem_t(socket: nil, fd: mailbox.descriptor, events: Int16(ZMQ_POLLIN), revents: 0),
            ]
            if let lifeline {
                items.append(
                    zmq_pollitem_t(socket: nil, fd: lifeline.descriptor, events: Int16(ZMQ_POLLIN), revents: 0))
            }
            // An error other than EINTR cannot be had with descriptors and a socket that this loop keeps open.
            _ = zmq_poll(&items, Int32(items.count), Self.timeout(until: deadline))
            var now = FleetInstant.now
            if let deadline, now - deadline > FleetLimits.stall { driver.stalled(for: now - deadline) }

            // What has arrived comes before any deadline: silence is judged only by what is not there.
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
            now = .now
            driver.tick(now: now, drained: drained)
        }
    }

    /// Milliseconds, rounded up so that a wake is never early; a minute where there is no deadline.
    private static func timeout(until deadline: FleetInstant?) -> Int {
        guard let deadline else { return 60_000 }
        let nanoseconds = (deadline - .now).saturatedNanoseconds
        return nanoseconds <= 0 ? 0 : Int(min((nanoseconds + 999_999) / 1_000_000, 60_000))
    }

    /// Whether the lifeline has come to its end; anything written to it is ignored.
    private static func isAtEnd(_ descriptor: Int32) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = read(descriptor, &buffer, buffer.count)
        return count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)
    }
}
