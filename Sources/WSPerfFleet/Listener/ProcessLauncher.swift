internal import Glibc
internal import Synchronization

/// Runs each worker in its own process.
final class ProcessLauncher: WorkerLaunching {
    private let executable: String
    private let children = Mutex<[String: ChildProcess]>([:])

    init(executable: String) { self.executable = executable }

    func launch(
        _ options: FleetWorkerOptions, files: [Int32], onEvent: @escaping @Sendable (ListenerMachine.Event) -> Void
    ) {
        let id = options.id
        let box = PIDBox()
        let child = ChildProcess(executable: executable, arguments: options.arguments, passing: files) { pid in
            box.pid.withLock { $0 = pid }
            onEvent(.launched(worker: id, pid: pid))
        } onEnd: { [self] end in
            children.withLock { $0[id] = nil }
            onEvent(
                .exited(
                    WorkerExit(
                        worker: id, pid: box.pid.withLock { $0 }, status: end.status, signal: end.signal,
                        error: end.error, stderr: end.stderr)))
        }
        children.withLock { $0[id] = child }
    }

    func hangUp(_ worker: String) { children.withLock { $0[worker] }?.hangUp() }

    func terminate(_ worker: String) {
        let child = children.withLock { $0[worker] }
        child?.hangUp()
        child?.send(signal: SIGTERM)
    }

    func kill(_ worker: String) { children.withLock { $0[worker] }?.send(signal: SIGKILL) }

    private final class PIDBox: Sendable { let pid = Mutex<Int32>(0) }
}

/// Launches, signals and watches workers for a listener. Every launch leads to exactly one `exited` event.
protocol WorkerLaunching: Sendable {
    /// - Parameter files: Descriptors of `options.files`, in that order.
    func launch(
        _ options: FleetWorkerOptions, files: [Int32], onEvent: @escaping @Sendable (ListenerMachine.Event) -> Void)
    /// Closes the worker's lifeline, which asks it to end and to deliver.
    func hangUp(_ worker: String)
    /// Closes the worker's lifeline and sends SIGTERM to its process group.
    func terminate(_ worker: String)
    /// Sends SIGKILL to its process group.
    func kill(_ worker: String)
}
