internal import Foundation
internal import Synchronization

/// The listeners that a controller launches on its own machine.
final class LocalFleet: Sendable {
    /// What they are launched with.
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

    /// Launches them. `onEnd` is called once for each: its name, its process id, and how it ended.
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
                // Both closures wait for this lock, so the entry is there before they look for it.
                let process = ChildProcess(executable: options.listener, arguments: arguments) { [self] pid in
                    self.children.withLock { $0[name]?.pid = pid }
                } onEnd: { [self] end in
                    // A launch that fails at once calls from within the lock's holder; never wait for it here.
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

    /// The process ids of those that have not ended, nil where it is not known yet.
    var alive: [Int32?] { children.withLock { $0.values.filter { !$0.hasEnded }.map(\.pid) } }

    func send(signal: Int32) {
        for child in children.withLock({ $0.values.filter { !$0.hasEnded } }) { child.process.send(signal: signal) }
    }

    func hangUp() {
        for child in children.withLock({ $0.values.filter { !$0.hasEnded } }) { child.process.hangUp() }
    }
}
