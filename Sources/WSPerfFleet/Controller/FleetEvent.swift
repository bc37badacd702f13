internal import Dispatch
internal import Synchronization
public import WSPerfCore

/// What an observer of a controller sees, beside the record of the runs.
public enum FleetEvent: Sendable, Equatable {
    /// A listener that takes part in the session.
    public struct Listener: Sendable, Hashable {
        /// Unique among the listeners of the session; printable.
        public var name: String
        /// The address that it came from, without a port; nil if unknown.
        public var address: String?
        public var pid: Int32
    }

    /// How far the files of a run have got.
    public struct Transfer: Sendable, Hashable {
        /// The names of the files; printable.
        public var files: [String]
        /// Listeners that get files, or have got them.
        public var listeners: Int
        /// Bytes to send to all of them together.
        public var bytes = 0
        /// Bytes that are stored.
        public var arrived = 0
        /// Bytes that listeners have asked for and not stored yet.
        public var underWay = 0
    }

    /// It said hello, and has not answered yet.
    case greeted(Listener)
    case joined(Listener)
    /// It was silent for this long; zero if it said that it leaves, or its process has ended.
    case left(Listener, silence: Duration)
    /// A peer was refused: it speaks another version, or what it said breaks the protocol.
    case refused(String)
    /// The files of a run are on their way to its listeners. At most once a second.
    case sending(Transfer)
    /// A message was dropped. The text says why.
    case dropped(String)
    /// An event of a run's record, and the index of the run.
    case run(Int, RunEvent)
    /// This many events were left out, because the observer is too slow. Snapshots are left out first.
    case missed(Int)
}

/// Passes events to one observer on a thread of its own. Its queue is bounded, so that an observer that stalls costs
/// others nothing: it misses events, and is told how many.
final class ObserverQueue: Sendable {
    /// The most events that wait. Snapshots are left out from half of that on.
    static let limit = 1024

    private struct State {
        var events: [FleetEvent] = []
        var missed = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)

    init(_ observer: @escaping @Sendable (FleetEvent) -> Void) {
        FleetLoop<ControllerDriver>.onThread("wsperf-observe") { [self] in
            while true {
                let (events, missed, isClosed) = state.withLock { state in
                    defer { (state.events, state.missed) = ([], 0) }
                    return (state.events, state.missed, state.isClosed)
                }
                for event in events { observer(event) }
                if missed > 0 { observer(.missed(missed)) }
                if events.isEmpty {
                    if isClosed { break }
                    wake.wait()
                }
            }
        }
    }

    func put(_ event: FleetEvent) {
        state.withLock { state in
            var limit = Self.limit
            if case .run(_, .snapshot) = event { limit /= 2 }
            guard state.events.count < limit else {
                state.missed += 1
                return
            }
            state.events.append(event)
        }
        wake.signal()
    }

    /// The observer gets what waits, but nobody waits for it.
    func close() {
        state.withLock { $0.isClosed = true }
        wake.signal()
    }
}
