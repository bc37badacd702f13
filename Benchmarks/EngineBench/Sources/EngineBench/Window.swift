internal import Synchronization
internal import WSPerfCore

/// The part of a run that is measured, cut out of its snapshots.
///
/// The engine makes a snapshot a second: each is what was counted, and the processor time that was used, since the one
/// before. The window is a row of whole snapshots: it begins with the end of the first one that comes at least the
/// warm-up after that with which all connections were open, and it ends with the first one that makes it long enough.
/// Its messages and its processor time are the sums over those snapshots and its length is from the end of the one
/// before them to the end of the last, so that all three are of the same time. (A loop hands its counts over some
/// microseconds before the processor time is read, at either edge.)
///
/// With no seconds to measure, it is all from the start to the snapshot with which all connections were open.
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
                // A snapshot is a little early or late; one that is due at the edge counts as in time.
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
