internal import CLinux
internal import Glibc

/// What other threads want done on a loop's thread: bounded, first in, first out.
///
/// A sender that finds it full waits until the loop has emptied it, so that a client's own threads can't pile up more
/// than the loop keeps up with; the loop itself never waits.
final class Mailbox: @unchecked Sendable {
    enum Item {
        case job(@Sendable () -> Void)
        case event(SessionEvent, SessionTable, slot: UInt32, generation: UInt32, time: UInt64)
    }

    /// Readable while there is something to take.
    let descriptor: Int32

    private static let limit = 65_536

    // Invariant: the fields below are touched within `monitor.withLock` only.
    private let monitor = Monitor()
    private var items: [Item] = []
    private var isClosed = false

    init() throws(SystemError) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError("eventfd", errno) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Puts an item in; it is dropped when the loop is over. With `mayWait` false the item goes in even if the mailbox is
    /// full: for the few that are not messages.
    func put(_ item: Item, mayWait: Bool) {
        monitor.withLock {
            while mayWait, items.count >= Self.limit, !isClosed { monitor.wait() }
            guard !isClosed else { return }
            items.append(item)
            if items.count == 1 { eventfd_write(descriptor, 1) }
        }
    }

    /// Takes all items, leaving `spare`'s storage (which must be empty) to be filled next.
    func take(into spare: inout [Item]) {
        monitor.withLock {
            var value: eventfd_t = 0
            eventfd_read(descriptor, &value)
            swap(&items, &spare)
            monitor.wakeAll()
        }
    }

    /// Refuses items from now on and wakes all who wait.
    func shut() {
        monitor.withLock {
            isClosed = true
            items.removeAll()
            monitor.wakeAll()
        }
    }
}
