internal import Glibc
internal import Synchronization

/// The listeners that a controller launches on its own machine (`--local`).
final class LocalFleet: Sendable {
    struct Options: Sendable {
        var listener: String
        var worker: String?
        var count: Int
    }

    private struct Child {
        var process: ChildProcess
        var pid: Int32?
        var hasEnded = false
    }

    private let children = Mutex<[String: Child]>([:])

    /// Launches the listeners. Calls `onEnd` once for each listener after it has ended.
    func launch(
        _ options: Options, controller: ControllerAddress,
        onEnd: @escaping @Sendable (_ name: String, _ pid: Int32?, _ end: ChildProcess.End) -> Void
    ) {
        for number in 1...max(options.count, 1) {
            let name = "local-\(number)"
            let arguments =
                ["--controller", controller.description, "--name", name, "--lifeline"]
                + (options.worker.map { ["--worker", $0] } ?? [])
            children.withLock { children in
                // Both closures wait for this lock, so they find the entry.
                let process = ChildProcess(executable: options.listener, arguments: arguments) { [self] pid in
                    self.children.withLock { $0[name]?.pid = pid }
                } onEnd: { [self] end in
                    // If the launch fails at once, this runs while the lock is held, so it must not wait for the lock.
                    Task {
                        let pid = self.children.withLock { children in
                            children[name]?.hasEnded = true
                            return children[name]?.pid
                        }
                        onEnd(name, pid, end)
                    }
                }
                children[name] = Child(process: process)
            }
        }
    }

    /// Process ids of the listeners that have not ended; nil for those that are still being launched.
    var alive: [Int32?] { children.withLock { $0.values.filter { !$0.hasEnded }.map(\.pid) } }

    func send(signal: Int32) {
        for child in children.withLock({ $0.values.filter { !$0.hasEnded } }) { child.process.send(signal: signal) }
    }

    func hangUp() {
        for child in children.withLock({ $0.values.filter { !$0.hasEnded } }) { child.process.hangUp() }
    }
}
