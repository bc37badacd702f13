internal import Foundation
internal import Synchronization
internal import WSPerfCore

/// Hands the record of the runs to whoever keeps it, in order, on a thread of its own: a slow disk must not silence the
/// controller towards its fleet.
///
/// What waits here is bounded: while `isBehind`, no snapshot is accepted, and other events are few.
final class EventDelivery: Sendable {
    private struct State {
        var events: [(Int, RunEvent)] = []
        /// Given to the thread and not yet returned from.
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

    /// Whether so much waits that nothing large should be added.
    var isBehind: Bool {
        state.withLock { $0.events.count + $0.delivering >= FleetLimits.deliveryBacklog }
    }

    func put(_ run: Int, _ event: RunEvent) {
        state.withLock { $0.events.append((run, event)) }
        wake.signal()
    }

    /// Returns when everything has been handed on.
    func close() {
        state.withLock { $0.isClosed = true }
        wake.signal()
        done.wait()
    }
}
