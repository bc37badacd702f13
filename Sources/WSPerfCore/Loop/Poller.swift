internal import CLinux
internal import Glibc

/// Readiness of file descriptors, by epoll (level-triggered).
///
/// Each registration carries a 64-bit token that comes back with its events. Confined to its loop's thread.
struct Poller: ~Copyable {
    struct Interest: OptionSet {
        let rawValue: UInt32
        static let read = Interest(rawValue: 0x001)  // EPOLLIN
        static let write = Interest(rawValue: 0x004)  // EPOLLOUT
        /// Reported without asking: EPOLLERR.
        static let error = Interest(rawValue: 0x008)
        /// Reported without asking: EPOLLHUP.
        static let hangUp = Interest(rawValue: 0x010)
    }

    /// Readable while something is ready: a poller can be watched by another (epoll(7)).
    let descriptor: Int32
    // Invariant: `events` has room for `capacity` events, of which the first `count` of the last `wait` are initialised.
    private let events: UnsafeMutablePointer<epoll_event>
    /// Events of one wait at most.
    static let capacity = 512

    init() throws(SystemError) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError("epoll_create1", errno) }
        events = .allocate(capacity: Self.capacity)
    }

    deinit {
        _ = close(descriptor)
        events.deallocate()
    }

    func add(_ fd: Int32, _ interest: Interest, token: UInt64) throws(SystemError) {
        let error = clinux_epoll_control(descriptor, EPOLL_CTL_ADD, fd, interest.rawValue, token)
        guard error == 0 else { throw SystemError("epoll_ctl", error) }
    }

    /// Only for a descriptor that was added and is still open; the kernel can't refuse that.
    func change(_ fd: Int32, _ interest: Interest, token: UInt64) {
        _ = clinux_epoll_control(descriptor, EPOLL_CTL_MOD, fd, interest.rawValue, token)
    }

    /// For a descriptor that was added and is still open.
    func remove(_ fd: Int32) {
        _ = clinux_epoll_control(descriptor, EPOLL_CTL_DEL, fd, 0, 0)
    }

    /// Waits until something is ready or `timeout` nanoseconds have passed (negative: no timeout). Returns the number
    /// of events, at most `limit`; 0 also after a signal. If the system refuses such precise waits, they are rounded up
    /// to milliseconds.
    func wait(timeout: Int64, limit: Int = capacity) -> Int {
        precondition(limit > 0 && limit <= Self.capacity)
        return max(0, Int(clinux_epoll_wait(descriptor, events, Int32(limit), timeout)))
    }

    /// The milliseconds to wait instead of `timeout` nanoseconds if the system can wait only for milliseconds.
    static func milliseconds(_ timeout: Int64) -> Int32 { clinux_milliseconds(timeout) }

    func event(_ index: Int) -> (ready: Interest, token: UInt64) {
        (Interest(rawValue: clinux_event_flags(events + index)), clinux_event_data(events + index))
    }
}
