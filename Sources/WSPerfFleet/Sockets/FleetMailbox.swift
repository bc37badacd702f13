internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// Events from other threads of this process to a fleet loop. They are few (a signal, one snapshot per second, the end of a
/// child) or limited by whoever causes them (parts of files), and the loop takes them all at each wake-up, so the mailbox
/// needs no limit.
final class FleetMailbox<Event: Sendable>: Sendable {
    /// Readable while the mailbox is not empty.
    let descriptor: Int32
    private let events = Mutex<[Event]>([])

    init() throws(FleetError) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard descriptor >= 0 else {
            throw FleetError(.system, "cannot create an eventfd: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    func post(_ event: Event) {
        events.withLock { $0.append(event) }
        eventfd_write(descriptor, 1)
    }

    func take() -> [Event] {
        var value: eventfd_t = 0
        eventfd_read(descriptor, &value)
        return events.withLock { events in
            defer { events.removeAll() }
            return events
        }
    }
}
