internal import Dispatch
internal import Synchronization
internal import WSPerfCore

/// Passes recorded events to a handler, in order, on its own thread, so that a slow disk does not delay the controller's
/// messages.
///
/// The queue is bounded: while `isBehind` is true, the controller accepts no snapshots, and other events are few.
final class EventDelivery: Sendable {
    private struct State {
        var events: [(Int, RunEvent)] = []
        /// Events that the thread has taken and is passing on.
        var delivering = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let done = DispatchSemaphore(value: 0)

    init(_ onEvent: @escaping @Sendable (Int, RunEvent) -> Void) {
        FleetLoop<ControllerDriver>.onThread("wsperf-record") { [self] in
            while true {
                let (events, isClosed) = state.withLock { state in
                    defer { state.events = [] }
                    state.delivering = state.events.count
                    return (state.events, state.isClosed)
                }
                for (run, event) in events { onEvent(run, event) }
                if events.isEmpty {
                    if isClosed { break }
                    wake.wait()
                }
            }
            done.signal()
        }
    }

    /// Whether the queue is so long that no more snapshots should be added.
    var isBehind: Bool {
        state.withLock { $0.events.count + $0.delivering >= FleetLimits.deliveryBacklog }
    }

    func put(_ run: Int, _ event: RunEvent) {
        state.withLock { $0.events.append((run, event)) }
        wake.signal()
    }

    /// Waits until all events have been passed on.
    func close() {
        state.withLock { $0.isClosed = true }
        wake.signal()
        done.wait()
    }
}
