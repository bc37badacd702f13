internal import Glibc
internal import Synchronization

/// Runs workers inside the listener's process, for debugging and tests.
final class InProcessLauncher: WorkerLaunching {
    private let factory: WorkloadFactory
    private let workers = Mutex<[String: FleetWorker]>([:])

    init(factory: @escaping WorkloadFactory) { self.factory = factory }

    func launch(
        _ options: FleetWorkerOptions, files: [Int32], onEvent: @escaping @Sendable (ListenerMachine.Event) -> Void
    ) {
        let id = options.id
        do throws(FleetError) {
            let worker = try FleetWorker(
                options: options, files: Dictionary(zip(options.files, files)) { first, _ in first }, factory: factory)
            workers.withLock { $0[id] = worker }
            onEvent(.launched(worker: id, pid: getpid()))
            Task {
                let (status, message) = await worker.run()
                workers.withLock { $0[id] = nil }
                onEvent(.exited(WorkerExit(worker: id, pid: getpid(), status: status, stderr: message ?? "")))
            }
        } catch {
            onEvent(.exited(WorkerExit(worker: id, pid: getpid(), error: error.message, stderr: "")))
        }
    }

    func hangUp(_ worker: String) { workers.withLock { $0[worker] }?.hangUp() }

    func terminate(_ worker: String) {
        let worker = workers.withLock { $0[worker] }
        worker?.hangUp()
        worker?.interrupt()
    }

    /// A part of a process cannot be killed. The second interrupt ends the load at once.
    func kill(_ worker: String) {
        let worker = workers.withLock { $0[worker] }
        worker?.interrupt()
        worker?.interrupt()
    }
}
