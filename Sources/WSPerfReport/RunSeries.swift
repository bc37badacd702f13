internal import Glibc
internal import Synchronization
public import WSPerfCore

/// Records and shows the runs of a sweep, one after another: a directory, a progress line and a printed summary for
/// each, and a comparison at the end.
public final class RunSeries: Sendable {
    /// A run of the series.
    public struct Entry: Sendable {
        var name: String
        var plan: String

        /// - Parameter plan: The resolved plan's text (YAML), for the run's directory.
        public init(name: String, plan: String) {
            self.name = name
            self.plan = plan
        }
    }

    private struct State {
        var recorder: RunRecorder?
        var directory: RunDirectory?
        var progress: ProgressWriter?
        var finished: [(summary: RunSummary, exitStatus: Int32)] = []
    }

    private let entries: [Entry]
    private let directories: [RunDirectory?]
    /// Whether the user named the directory, so that no other is created.
    private let isPlaced: Bool
    private let isQuiet: Bool
    private let state = Mutex(State())

    /// - Parameters:
    ///   - output: The run's directory; for several runs, the parent of their directories. If nil, each run creates one
    ///     in `wsperf-runs` when it begins.
    ///   - isQuiet: If true, shows no progress.
    /// - Throws: If `output` contains anything else. If it is not writable, a warning goes to stderr and the runs
    ///   continue.
    public init(_ entries: [Entry], output: String?, isQuiet: Bool = false) throws(RunDirectoryError) {
        self.entries = entries
        self.isQuiet = isQuiet
        var directories: [RunDirectory?] = entries.map { _ in nil }
        if let output {
            for index in entries.indices {
                let path =
                    entries.count == 1 ? output : "\(output)/\(index + 1)-\(RunDirectory.fileName(entries[index].name))"
                do throws(RunDirectoryError) {
                    directories[index] = try RunDirectory.prepare(path)
                } catch .unwritable(let path, let reason) {
                    Self.warn(notKept: .unwritable(path: path, reason: reason))
                }
            }
        }
        self.directories = directories
        isPlaced = output != nil
    }

    /// Takes the next event of the run at `index`. After the last one, prints its summary and the directory.
    public func record(_ index: Int, _ event: RunEvent) {
        state.withLock { state in
            if case .started(_, let startedAt, _) = event {
                state.directory = directory(index, startedAt)
                state.recorder = RunRecorder(
                    directory: state.directory, plan: (entries[index].plan, "plan.yaml"), warn: Self.warn)
                state.progress = isQuiet ? nil : ProgressWriter()
            }
            state.recorder?.record(event)
            state.progress?.record(event)
            guard case .ended = event, let result = state.recorder?.result else { return }
            state.finished.append((result.summary, result.exitStatus))
            Self.print(result.text)
            if result.kept, let directory = state.directory { Self.print("\nsaved in \(directory.path)\n") }
            state.recorder = nil
            state.progress = nil
        }
    }

    private func directory(_ index: Int, _ startedAt: Int64) -> RunDirectory? {
        if let directory = directories[index] { return directory }
        guard !isPlaced else { return nil }
        do throws(RunDirectoryError) {
            return try RunDirectory.make(name: entries[index].name, startedAt: startedAt)
        } catch {
            Self.warn(notKept: error)
            return nil
        }
    }

    /// Prints a comparison if there were several runs. Returns the exit status of the series: the most severe of its
    /// runs.
    public func finish() -> Int32 {
        state.withLock { state in
            if state.finished.count > 1 { Self.print("\n" + RunComparison(state.finished.map(\.summary)).text()) }
            let statuses = Set(state.finished.map(\.exitStatus))
            let byWeight = [
                ExitStatus.interrupted, ExitStatus.usage, ExitStatus.invalid, ExitStatus.notKept,
            ]
            return byWeight.first(where: statuses.contains) ?? ExitStatus.success
        }
    }

    private static func warn(notKept error: RunDirectoryError) {
        warn("the run cannot be saved: \(error); it continues, and its summary will be printed")
    }
    private static func warn(_ text: String) {
        _ = RunDirectory.writeAll(Array("wsperf: \(text.printable())\n".utf8), to: 2)
    }
    private static func print(_ text: String) { _ = RunDirectory.writeAll(Array(text.utf8), to: 1) }
}
