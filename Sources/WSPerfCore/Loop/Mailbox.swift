internal import CLinux
internal import Glibc

/// Jobs from other threads for a loop's thread: bounded, first in, first out.
///
/// If it is full, a sender waits until the loop has emptied it, so that a client's own threads can't outrun the loop.
/// The loop itself never waits.
final class Mailbox: @unchecked Sendable {
    enum Item {
        case job(@Sendable () -> Void)
        case event(SessionEvent, SessionTable, slot: UInt32, generation: UInt32, time: UInt64)
    }

    /// Readable while the mailbox has items.
    let descriptor: Int32

    private static let limit = 65_536

    // Invariant: the fields below are accessed only within `monitor.withLock`.
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

    /// Puts an item in, or drops it if the loop is over. With `mayWait` false the item goes in even if the mailbox is
    /// full: for the few items that are not messages.
    func put(_ item: Item, mayWait: Bool) {
        monitor.withLock {
            while mayWait, items.count >= Self.limit, !isClosed { monitor.wait() }
            guard !isClosed else { return }
            items.append(item)
            if items.count == 1 { eventfd_write(descriptor, 1) }
        }
    }

    /// Takes all items and leaves `spare`'s storage (it must be empty) to be filled next.
    func take(into spare: inout [Item]) {
        monitor.withLock {
            var value: eventfd_t = 0
            eventfd_read(descriptor, &value)
            swap(&items, &spare)
            monitor.wakeAll()
        }
    }

    /// Refuses items from now on and wakes all waiting senders.
    func shut() {
        monitor.withLock {
            isClosed = true
            items.removeAll()
            monitor.wakeAll()
        }
    }
}
