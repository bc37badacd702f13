internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// Events from other threads of this process to a fleet loop. The loop takes them all at each wake-up. The
/// mailbox has no limit of its own: signals, snapshots and ends of children are few, and `OutgoingFiles` and `FileStore`
/// limit the parts of files.
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
