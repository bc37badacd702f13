internal import Foundation
internal import Synchronization
internal import WSPerfCore

/// What a worker runs: the load engine, or a stand-in for it.
protocol Workload: Sendable {
    /// Runs to the end; hands over a snapshot a second and a final one.
    func run(onSnapshot: @escaping @Sendable (Snapshot) -> Void) async throws
    func stop()
    func abort()
}

/// Sets a plan's share up, or says why that cannot be.
typealias WorkloadFactory = @Sendable (_ plan: Plan, _ share: WorkerShare) throws -> any Workload

/// The load engine as a workload.
struct EngineWorkload: Workload {
    private let engine: LoadEngine

    init(plan: Plan, registry: Registry, share: WorkerShare) throws {
        engine = try LoadEngine(plan: plan, registry: registry, share: share)
    }

    func run(onSnapshot: @escaping @Sendable (Snapshot) -> Void) async throws {
        // Problems are told before the final figures: the process may end once those are delivered.
        let final = Mutex<Snapshot?>(nil)
        let result = try await engine.run { snapshot in
            if snapshot.isFinal { final.withLock { $0 = snapshot } } else { onSnapshot(snapshot) }
        }
        for problem in result.problems { try? FileHandle.standardError.write(contentsOf: Data("\(problem)\n".utf8)) }
        if let snapshot = final.withLock({ $0 }) { onSnapshot(snapshot) }
    }

    func stop() { engine.stop() }
    func abort() { engine.abort() }
}
