internal import Synchronization
internal import WSPerfCore

/// The measured part of a run, made of whole snapshots.
///
/// The engine makes a snapshot per second, with the counts and the processor time since the previous one. The window
/// begins at the end of the first snapshot that comes at least the warm-up after the one in which the last connection
/// opened. It ends with the first snapshot that makes it long enough. Its messages, processor time and length are sums
/// over the same snapshots, so they cover the same time. (At either edge, a loop hands its counts over some
/// microseconds before the processor time is read.)
///
/// With no seconds to measure, the window is everything from the start to the snapshot in which the last connection
/// opened.
final class Window: Sendable {
    enum Verdict { case goOn, measured, gaveUp }

    struct Result {
        var statistics = LoadStatistics()
        /// Nanoseconds.
        var elapsed: UInt64 = 0
    }

    private struct State {
        var opened: UInt64 = 0
        var openAt: UInt64?
        var beganAt: UInt64?
        var sum = LoadStatistics()
        var result: Result?
        var resident = 0
    }

    private let connections: Int
    private let warmUp: UInt64
    private let length: UInt64
    private let deadline: UInt64
    private let state = Mutex(State())

    /// Times are seconds.
    init(connections: Int, warmUp: Double, seconds: Double, deadline: Double) {
        self.connections = connections
        self.warmUp = UInt64(warmUp * 1e9)
        length = UInt64(seconds * 1e9)
        self.deadline = UInt64(deadline * 1e9)
    }

    var result: Result? { state.withLock { $0.result } }

    /// Resident memory at the window's end, bytes.
    var resident: Int {
        get { state.withLock { $0.resident } }
        set { state.withLock { $0.resident = newValue } }
    }

    func take(_ snapshot: Snapshot) -> Verdict {
        state.withLock { state in
            guard state.result == nil else { return .goOn }
            let counted = snapshot.statistics
            state.opened += counted.opened
            guard !snapshot.isFinal, counted.outcomes.isEmpty, state.openAt != nil || snapshot.elapsed < deadline else {
                return .gaveUp
            }
            if length == 0 {
                state.sum.merge(counted)
                guard state.opened == connections else { return .goOn }
                state.result = Result(statistics: state.sum, elapsed: snapshot.elapsed)
                return .measured
            }
            guard let openAt = state.openAt else {
                if state.opened == connections { state.openAt = snapshot.elapsed }
                return .goOn
            }
            guard let beganAt = state.beganAt else {
                // Snapshots may be a little early, so accept one that is just before the edge.
                if snapshot.elapsed + 50_000_000 >= openAt + warmUp { state.beganAt = snapshot.elapsed }
                return .goOn
            }
            state.sum.merge(counted)
            let elapsed = snapshot.elapsed - beganAt
            guard elapsed + 50_000_000 >= length else { return .goOn }
            state.result = Result(statistics: state.sum, elapsed: elapsed)
            return .measured
        }
    }
}
