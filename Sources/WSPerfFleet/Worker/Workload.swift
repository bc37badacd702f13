internal import Synchronization
package import WSPerfCore

/// The load of a worker: the load engine, or a test's stand-in for it.
package protocol Workload: Sendable {
    /// Runs to the end. Hands over one snapshot per second and a final one.
    func run(onSnapshot: @escaping @Sendable (Snapshot) -> Void) async throws
    /// Ends the load politely.
    func stop()
    /// Ends the load at once.
    func abort()
}

/// Sets up a worker's share of a plan. Throws if the plan cannot be set up.
package typealias WorkloadFactory = @Sendable (_ plan: Plan, _ share: WorkerShare) throws -> any Workload

/// The load engine as a workload.
package struct EngineWorkload: Workload {
    private let engine: LoadEngine

    package init(plan: Plan, registry: Registry, share: WorkerShare) throws {
        engine = try LoadEngine(plan: plan, registry: registry, share: share)
    }

    package func run(onSnapshot: @escaping @Sendable (Snapshot) -> Void) async throws {
        // Report problems before the final figures, because the process may end once those are delivered.
        let final = Mutex<Snapshot?>(nil)
        let result = try await engine.run { snapshot in
            if snapshot.isFinal { final.withLock { $0 = snapshot } } else { onSnapshot(snapshot) }
        }
        for problem in result.problems { StandardStream.error.write("\(problem)\n") }
        if let snapshot = final.withLock({ $0 }) { onSnapshot(snapshot) }
    }

    package func stop() { engine.stop() }
    package func abort() { engine.abort() }
}

/// Passes a workload from the thread that set it up to the loop.
final class WorkloadSlot: Sendable {
    private let workload = Mutex<(any Workload)?>(nil)

    func put(_ new: any Workload) { workload.withLock { $0 = new } }

    func take() -> (any Workload)? { workload.withLock { $0 } }
}
