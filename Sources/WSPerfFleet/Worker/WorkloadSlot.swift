internal import Synchronization

/// Passes a workload from the thread that set it up to the loop.
final class WorkloadSlot: Sendable {
    private let workload = Mutex<(any Workload)?>(nil)

    func put(_ new: any Workload) { workload.withLock { $0 = new } }

    func take() -> (any Workload)? { workload.withLock { $0 } }
}
