internal import CZeroMQ
internal import Foundation
internal import Subprocess
internal import Synchronization
internal import SystemPackage

/// A child process that dies with this one: its standard input is a pipe whose other end only this process holds, and it
/// ends when that end is closed, by whatever way. (A parent-death signal would come with the end of the launching thread.)
///
/// It has a process group of its own, so that Ctrl-C at a terminal reaches this process alone, which then decides.
final class ChildProcess: Sendable {
    struct End: Sendable {
        var status: Int32?
        var signal: Int32?
        /// Why it never ran.
        var error: String?
        var stderr: String
    }

    private struct State {
        var lifeline: FileDescriptor?
        var send: (@Sendable (Int32) -> Void)?
        /// Sent before there was a process.
        var pending: Int32?
    }

    private let state: Mutex<State>

    /// Launches `executable`. `onLaunch` is called once with its process id, unless it cannot be launched; `onEnd` exactly
    /// once, when it is over and has been waited for.
    init(
        executable: String, arguments: [String], onLaunch: @escaping @Sendable (Int32) -> Void,
        onEnd: @escaping @Sendable (End) -> Void
    ) {
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else {
            state = Mutex(State())
            onEnd(End(error: "cannot make a pipe: \(String(cString: strerror(errno)))", stderr: ""))
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
        do {
            let result = try await Subprocess.run(
                .path(FilePath(executable)), arguments: Arguments(arguments), platformOptions: platform,
                input: .fileDescriptor(stdin, closeAfterSpawningProcess: true), output: .discarded, error: .sequence
            ) { execution in
                onLaunch(execution.processIdentifier.value) { signal in
                    try? execution.send(signal: Signal(rawValue: signal))
                }
                // Its stderr must be read, or it would block once the pipe is full; an error here ends only the reading.
                do {
                    for try await buffer in execution.standardError {
                        tail.append(buffer.withUnsafeBytes { Array($0) })
                    }
                } catch {
                    tail.append(Array("\n(its stderr could not be read: \(error))\n".utf8))
                }
            }
            return switch result.terminationStatus {
            case .exited(let status): End(status: status, stderr: tail.text)
            case .signaled(let signal): End(signal: signal, stderr: tail.text)
            }
        } catch {
            return End(error: PrintableText.of("\(error)", limit: FleetLimits.text), stderr: tail.text)
        }
    }

    /// Sends a signal; at the launch, if that is still under way.
    func send(signal: Int32) {
        state.withLock { state in
            if let send = state.send { send(signal) } else { state.pending = signal }
        }
    }

    /// Closes the lifeline.
    func hangUp() {
        state.withLock { state in
            try? state.lifeline?.close()
            state.lifeline = nil
        }
    }
}
