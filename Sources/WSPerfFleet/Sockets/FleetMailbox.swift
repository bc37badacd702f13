internal import CZeroMQ
internal import Foundation
internal import Synchronization

/// What other threads tell a fleet loop. Whoever posts is part of this process and posts little (a signal, a snapshot a
/// second, a child's end), and the loop empties it at each wake.
final class FleetMailbox<Event: Sendable>: Sendable {
    /// Readable while there is something to take.
    let descriptor: Int32
    private let events = Mutex<[Event]>([])

    init() throws(FleetError) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard descriptor >= 0 else {
            throw FleetError(.system, "cannot make an eventfd: \(String(cString: strerror(errno)))")
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
