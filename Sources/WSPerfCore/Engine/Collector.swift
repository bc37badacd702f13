internal import CLinux
internal import Glibc

/// Gathers what the loops of an engine count, and makes snapshots of it.
///
/// Each loop has two buffers: it counts into one while the reporter reads the other. They are swapped once a second, so
/// counting needs no lock and a snapshot needs no copy.
final class Collector: @unchecked Sendable {
    typealias Buffer = UnsafeMutablePointer<LoadStatistics>

    /// Start of the run: nanoseconds of the monotonic clock. Set by `begin`, before any thread of the engine runs.
    private(set) var runBegan: UInt64 = 0

    // Invariant: each buffer is initialised from init to deinit, and belongs to one side at a time: to its loop, or
    // (while in `full` and until back in `free`) to the reporter. `full`, `free`, `turns`, `isFinal` and what was noted
    // are accessed only within `monitor.withLock`, the rest only on the reporter's thread.
    private let buffers: [(Buffer, Buffer)]
    private let monitor = Monitor()
    private var full: [(loop: Int, buffer: Buffer)] = []
    private var free: [Buffer?]
    /// Loops that have handed over since the last snapshot.
    private var turns: Set<Int> = []
    private var isFinal: Set<Int> = []
    private var timeLimitReached = false
    private var reportedProblems: [String] = []

    private var sequence: UInt64 = 0
    private var cpu: (user: UInt64, system: UInt64)

    enum Note {
        case timeLimitReached
        /// What a part of this program did wrong, in a sentence. The first 10 are kept.
        case problem(String)
    }

    init(loops: Int) {
        buffers = (0..<loops).map { _ in (.allocate(capacity: 1), .allocate(capacity: 1)) }
        for (a, b) in buffers {
            a.initialize(to: LoadStatistics())
            b.initialize(to: LoadStatistics())
        }
        free = buffers.map(\.1)
        cpu = Self.processorTime()
    }

    deinit {
        for buffer in buffers.flatMap({ [$0, $1] }) {
            buffer.deinitialize(count: 1)
            buffer.deallocate()
        }
    }

    /// Starts the run's clock. Called after set-up, which takes a while for many connections.
    func begin() {
        runBegan = clinux_now()
        cpu = Self.processorTime()
    }

    // MARK: - The loops' side

    /// The buffer that a loop begins with.
    func buffer(of loop: Int) -> Buffer { buffers[loop].0 }

    /// Hands a buffer to the reporter and returns the one to use next: the same if the reporter still has the other.
    func hand(over buffer: Buffer, of loop: Int, isFinal final: Bool) -> Buffer {
        monitor.withLock {
            if final { isFinal.insert(loop) }
            guard let other = free[loop] else {
                if final { full.append((loop, buffer)) }
                monitor.wakeAll()
                return buffer
            }
            free[loop] = nil
            full.append((loop, buffer))
            monitor.wakeAll()
            return other
        }
    }

    func note(_ note: Note) {
        monitor.withLock {
            switch note {
            case .timeLimitReached: timeLimitReached = true
            case .problem(let text): if reportedProblems.count < 10 { reportedProblems.append(text) }
            }
        }
    }

    // MARK: - The reporter's side

    var problems: [String] { monitor.withLock { reportedProblems } }

    /// Makes a snapshot each time all loops have handed over, until all have done so for the last time. Returns the
    /// sum.
    func report(_ onSnapshot: (Snapshot) -> Void) -> (elapsed: UInt64, LoadStatistics, timeLimitReached: Bool) {
        var total = LoadStatistics()
        var delta = LoadStatistics()
        while true {
            let taken = monitor.withLock {
                while full.isEmpty { monitor.wait() }
                defer { full = [] }
                return full
            }
            for (_, buffer) in taken {
                delta.merge(buffer.pointee)
                buffer.pointee.reset()
            }
            let (isTurn, isLast) = monitor.withLock {
                for (loop, buffer) in taken {
                    free[loop] = buffer
                    turns.insert(loop)
                }
                let isLast = isFinal.count == buffers.count && full.isEmpty
                let isTurn = turns.union(isFinal).count == buffers.count
                if isTurn { turns = [] }
                return (isTurn, isLast)
            }
            guard isTurn || isLast else { continue }
            let now = Self.processorTime()
            delta.cpuUser = now.user &- cpu.user
            delta.cpuSystem = now.system &- cpu.system
            cpu = now
            sequence += 1
            let elapsed = clinux_now() &- runBegan
            total.merge(delta)
            onSnapshot(Snapshot(sequence: sequence, elapsed: elapsed, isFinal: isLast, statistics: delta))
            delta.reset()
            if isLast { return (elapsed, total, monitor.withLock { timeLimitReached }) }
        }
    }

    private static func processorTime() -> (user: UInt64, system: UInt64) {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func nanoseconds(_ time: timeval) -> UInt64 {
            UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_usec) * 1000
        }
        return (nanoseconds(usage.ru_utime), nanoseconds(usage.ru_stime))
    }
}
