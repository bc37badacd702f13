internal import CZeroMQ
internal import Glibc
internal import Subprocess
internal import Synchronization
internal import SystemPackage
internal import WSPerfCore

/// A child process that ends with this one. Its standard input is a local socket, the lifeline, and the child exits when the
/// other end is closed, which also happens when this process dies. (A parent-death signal is sent when the launching thread
/// ends, which is too early.)
///
/// The child has its own process group, so that Ctrl-C in a terminal reaches only this process, which then ends its
/// children in order. Signals go to the whole group, so they also reach the children of a wrapper script. What is left of
/// the group when the child has ended is killed.
final class ChildProcess: Sendable {
    struct End: Sendable {
        var status: Int32?
        var signal: Int32?
        /// Why it could not be launched.
        var error: String?
        /// The last bytes that it wrote to stderr and stdout; of a crash, the beginning.
        var stderr: String
    }

    private struct State {
        var lifeline: FileDescriptor?
        var send: (@Sendable (Int32) -> Void)?
        /// A signal that was sent before the process existed.
        var pending: Int32?
    }

    private let state: Mutex<State>

    /// Launches `executable`. Calls `onLaunch` once with the process id, unless the launch fails, and `onEnd` exactly once,
    /// after the process has ended and was waited for.
    ///
    /// - Parameter descriptors: Open files that the child gets over its standard input.
    init(
        executable: String, arguments: [String], passing descriptors: [Int32] = [],
        onLaunch: @escaping @Sendable (Int32) -> Void,
        onEnd: @escaping @Sendable (End) -> Void
    ) {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            state = Mutex(State())
            onEnd(End(error: "cannot create a socket: \(String(cString: strerror(errno)))", stderr: ""))
            return
        }
        if !descriptors.isEmpty, let why = DescriptorPassing.send(descriptors, over: ends[1]) {
            for end in ends { close(end) }
            state = Mutex(State())
            onEnd(End(error: "cannot pass the plan's files: \(why)", stderr: ""))
            return
        }
        let reading = FileDescriptor(rawValue: ends[0])
        state = Mutex(State(lifeline: FileDescriptor(rawValue: ends[1])))
        Task { [self] in
            let end = await Self.run(executable, arguments, stdin: reading) { pid, send in
                self.state.withLock { state in
                    state.send = send
                    if let signal = state.pending { send(signal) }
                }
                onLaunch(pid)
            }
            state.withLock { state in
                try? state.lifeline?.close()
                state.lifeline = nil
                state.send = nil
            }
            onEnd(end)
        }
    }

    private static func run(
        _ executable: String, _ arguments: [String], stdin: FileDescriptor,
        onLaunch: @escaping @Sendable (Int32, @escaping @Sendable (Int32) -> Void) -> Void
    ) async -> End {
        var platform = PlatformOptions()
        platform.processGroupID = 0
        let tail = OutputTail()
        let group = Mutex<Int32?>(nil)
        // While a process of the group lives, its number belongs to no other group.
        defer { if let group = group.withLock({ $0 }) { kill(-group, SIGKILL) } }
        do {
            let result = try await Subprocess.run(
                .path(FilePath(executable)), arguments: Arguments(arguments), platformOptions: platform,
                input: .fileDescriptor(stdin, closeAfterSpawningProcess: true), output: .sequence,
                error: .combinedWithOutput
            ) { execution in
                group.withLock { $0 = execution.processIdentifier.value }
                onLaunch(execution.processIdentifier.value) { signal in
                    try? execution.send(signal: Signal(rawValue: signal), toProcessGroup: true)
                }
                // Both streams share one pipe, so their lines are in the order in which they were written. Without a reader,
                // the child would block once the pipe is full. An error ends only the reading.
                do {
                    for try await buffer in execution.standardOutput {
                        tail.append(buffer.withUnsafeBytes { Array($0) })
                    }
                } catch {
                    tail.append(Array("\n(its output could not be read: \(error))\n".utf8))
                }
            }
            return switch result.terminationStatus {
            case .exited(let status): End(status: status, stderr: tail.text)
            case .signaled(let signal): End(signal: signal, stderr: tail.crashText)
            }
        } catch {
            return End(error: PlanText.printable("\(error)", limit: FleetLimits.text), stderr: tail.text)
        }
    }

    /// Sends a signal. If the process is still being launched, it gets the signal afterwards.
    func send(signal: Int32) {
        state.withLock { state in
            if let send = state.send { send(signal) } else { state.pending = signal }
        }
    }

    /// Closes the lifeline, so that the child exits.
    func hangUp() {
        state.withLock { state in
            try? state.lifeline?.close()
            state.lifeline = nil
        }
    }
}

/// Names of signals.
enum SignalName {
    private static let names: [Int32: String] = [
        SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
        SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGUSR1: "SIGUSR1",
        SIGSEGV: "SIGSEGV", SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM",
        SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ", SIGSYS: "SIGSYS",
    ]

    /// "signal 9 (SIGKILL)", or only the number if the signal has no name.
    static func readable(_ signal: Int32) -> String {
        "signal \(signal)" + (names[signal].map { " (\($0))" } ?? "")
    }
}
