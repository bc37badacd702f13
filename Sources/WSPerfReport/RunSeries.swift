internal import Glibc
internal import Synchronization
public import WSPerfCore

/// Records and shows the runs of a sweep, one after another: a directory, a progress line and a printed summary for
/// each, and a comparison at the end.
///
/// Nothing here waits for the reader of stdout and stderr: a stopped terminal drops progress, but no record.
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

    /// A run that is going on.
    private struct Current {
        var recorder: RunRecorder
        var directory: RunDirectory?
        var progress: ProgressWriter?
        /// What is printed after the summary.
        var remark = ""
        /// Thresholds that may end the load, by their places in the plan.
        var thresholds: [(index: Int, threshold: Threshold)] = []
        /// The time of the load at which they were compared last, nanoseconds.
        var comparedAt: UInt64 = 0
    }

    private struct State {
        /// The named directories, locked until their runs end.
        var places: [OutputDirectory?]
        /// The lock on a directory that was not named.
        var lock: DirectoryLock?
        /// The directory of a sweep's directories, and its comparison.
        var parent: String?
        var current: Current?
        /// Ends the load of the current run, for this reason.
        var endLoad: (@Sendable (String) -> Void)?
        var finished: [(summary: RunSummary, exitStatus: Int32, directory: String?)] = []
        let console: Console
    }

    private let entries: [Entry]
    /// Whether the user named the directory, so that no other is created.
    private let isPlaced: Bool
    private let isQuiet: Bool
    private let state: Mutex<State>
    /// How long the end of the process waits for the reader of its output, in milliseconds.
    private static let patience: Int32 = 2000

    /// - Parameters:
    ///   - output: The run's directory; for several runs, the parent of their directories. If nil, each run creates one
    ///     in `wsperf-runs` when it begins. An earlier run in it stays until the load of the new one begins.
    ///   - isQuiet: If true, shows no progress.
    /// - Throws: If `output` contains anything else, or another run uses it. If it is not writable, a warning goes to
    ///   stderr and the runs continue.
    public convenience init(
        _ entries: [Entry], output: String?, isQuiet: Bool = false
    ) throws(RunDirectoryError) {
        try self.init(entries, output: output, isQuiet: isQuiet, isSilent: false)
    }

    init(_ entries: [Entry], output: String?, isQuiet: Bool, isSilent: Bool) throws(RunDirectoryError) {
        self.entries = entries
        self.isQuiet = isQuiet
        var state = State(places: entries.map { _ in nil }, console: Console(silent: isSilent))
        if let output {
            if entries.count > 1 { state.parent = output }
            for index in entries.indices {
                let path = entries.count == 1 ? output : "\(output)/\(Self.folder(index, entries[index]))"
                do throws(RunDirectoryError) {
                    state.places[index] = try OutputDirectory(path)
                } catch .unwritable(let path, let reason) {
                    Self.warn(notKept: .unwritable(path: path, reason: reason), state.console)
                }
            }
        }
        isPlaced = output != nil
        self.state = Mutex(state)
    }

    private static func folder(_ index: Int, _ entry: Entry) -> String {
        "\(index + 1)-\(RunDirectory.fileName(entry.name))"
    }

    /// Says how to end the load of the current run, when a threshold with `abort` has failed. The text is the reason.
    public func onFailedThreshold(_ endLoad: @escaping @Sendable (String) -> Void) {
        state.withLock { $0.endLoad = endLoad }
    }

    /// Takes the next event of the run at `index`. After the last one, prints its summary and the directory.
    public func record(_ index: Int, _ event: RunEvent) {
        state.withLock { state in
            if case .started(_, let startedAt, let plan) = event {
                begin(index, startedAt, &state)
                state.current?.thresholds = plan.thresholds.enumerated().filter { $1.aborts }
                    .map { (index: $0, threshold: $1) }
            }
            switch event {
            case .workerReady: replace(index, &state)
            case .ended: putAside(index, &state)
            default: break
            }
            state.current?.recorder.record(event)
            state.current?.progress?.record(event)
            if case .snapshot(_, let encoded) = event { compare(at: encoded.snapshot.elapsed, &state) }
            if case .ended = event { finish(index, &state) }
        }
    }

    /// Compares the thresholds that may end the load once a second of the load, and ends it if one is not kept.
    ///
    /// - Parameter elapsed: The time of the load, nanoseconds.
    private func compare(at elapsed: UInt64, _ state: inout State) {
        guard let endLoad = state.endLoad, let current = state.current, !current.thresholds.isEmpty,
            elapsed >= current.comparedAt + 1_000_000_000
        else { return }
        state.current?.comparedAt = elapsed
        let figures = current.recorder.figures
        for (index, threshold) in current.thresholds where UInt64(clamping: threshold.grace.nanoseconds) <= figures.load
        {
            let check = threshold.check(figures)
            // Without a value, there is nothing to judge yet.
            guard let value = check.value, !check.isMet else { continue }
            state.current?.thresholds = []
            state.current?.recorder.record(.thresholdFailed(index: index, value: value))
            return endLoad("the threshold \(threshold) failed: \(check.measured)")
        }
    }

    /// Prints a line between those of the progress, unless the series is quiet.
    public func note(_ text: String) {
        guard !isQuiet else { return }
        state.withLock { state in
            if let progress = state.current?.progress {
                progress.interrupt(with: text)
            } else {
                state.console.write(text.printable() + "\n", to: 2)
            }
        }
    }

    private func begin(_ index: Int, _ startedAt: Int64, _ state: inout State) {
        let directory = directory(index, startedAt, &state)
        let console = state.console
        state.current = Current(
            recorder: RunRecorder(directory: directory, plan: (entries[index].plan, "plan.yaml")) {
                Self.warn($0, console)
            },
            directory: directory, progress: isQuiet ? nil : ProgressWriter(console: console))
    }

    private func directory(_ index: Int, _ startedAt: Int64, _ state: inout State) -> RunDirectory? {
        do throws(RunDirectoryError) {
            if isPlaced { return try state.places[index]?.begin() }
            let directory: RunDirectory
            if entries.count > 1 {
                if state.parent == nil {
                    state.parent = try RunDirectory.make(name: "sweep", startedAt: startedAt).path
                }
                directory = try RunDirectory.make(
                    at: "\(state.parent ?? "")/\(Self.folder(index, entries[index]))")
            } else {
                directory = try RunDirectory.make(name: entries[index].name, startedAt: startedAt)
            }
            state.lock = try? DirectoryLock.take(directory.path)
            return directory
        } catch {
            Self.warn(notKept: error, state.console)
            return nil
        }
    }

    /// The load begins, so this run takes the place of an earlier one.
    private func replace(_ index: Int, _ state: inout State) {
        guard let place = state.places[index], state.current?.directory != nil else { return }
        let directory = place.replace()
        guard state.current?.directory != directory else { return }
        state.current?.directory = directory
        state.current?.recorder.move(to: directory)
        if let failure = place.failure { Self.warn("\(failure)", state.console) }
    }

    /// If the run ends without a load, an earlier one keeps its place.
    private func putAside(_ index: Int, _ state: inout State) {
        guard let place = state.places[index], let old = state.current?.directory else { return }
        let directory = place.putAside()
        guard directory != old, place.failure == nil else { return }
        state.current?.directory = directory
        state.current?.recorder.move(to: directory)
        state.current?.remark = "; \(place.path) keeps the earlier run"
    }

    private func finish(_ index: Int, _ state: inout State) {
        guard let current = state.current, let result = current.recorder.result else { return }
        state.finished.append((result.summary, result.exitStatus, current.directory?.path))
        state.console.write(result.text, to: 1)
        if result.kept, let directory = current.directory {
            state.console.write(
                "\nsaved in \(directory.path)\(current.remark)\nreport: \(directory.path)/report.html\n", to: 1)
        }
        state.current = nil
        state.places[index] = nil
        state.lock = nil
    }

    /// Ends the series: after several runs, prints a comparison and saves it; says which runs were not carried out.
    /// Waits a short time for the reader of the output.
    ///
    /// - Parameter error: Why a run could not be carried out; printed last.
    /// - Returns: The exit status of the series: the most severe of its runs.
    public func finish(error: String? = nil) -> Int32 {
        state.withLock { state in
            let missing = entries[min(state.finished.count, entries.count)...].map(\.name)
            if entries.count > 1 {
                let comparison = RunComparison(state.finished.map(\.summary), notRun: missing)
                if !state.finished.isEmpty { state.console.write("\n" + comparison.text(), to: 1) }
                if let parent = state.parent { save(comparison, in: RunDirectory(existing: parent), state.console) }
            }
            if let error { Self.warn(error, state.console) }
            state.console.finish(patience: Self.patience)
            let statuses = Set(state.finished.map(\.exitStatus))
            let byWeight = [
                ExitStatus.interrupted, ExitStatus.usage, ExitStatus.invalid, ExitStatus.threshold, ExitStatus.notKept,
            ]
            return byWeight.first(where: statuses.contains) ?? ExitStatus.success
        }
    }

    private func save(_ comparison: RunComparison, in directory: RunDirectory, _ console: Console) {
        do throws(RunDirectoryError) {
            try directory.write(comparison)
        } catch {
            Self.warn("the comparison cannot be saved: \(error)", console)
        }
    }

    private static func warn(notKept error: RunDirectoryError, _ console: Console) {
        warn("the run cannot be saved: \(error); it continues, and its summary will be printed", console)
    }
    private static func warn(_ text: String, _ console: Console) {
        console.write("wsperf: \(PlanText.printable(text, limit: 4000, keepingLines: true))\n", to: 2)
    }
}

extension RunSeries {
    /// Makes the results of a run directory, or of all runs in a sweep's directory, from their journals.
    ///
    /// - Parameters: As of `RunRecorder.rebuild`.
    /// - Returns: The runs in their order, and for a sweep the comparison.
    /// - Throws: `noJournal` if there is no journal, or one of another version.
    public static func rebuild(
        _ path: String, force: Bool = false, warn: (String) -> Void = { _ in }
    ) throws(RunDirectoryError) -> (runs: [RecordedRun], comparison: RunComparison?) {
        let directory = RunDirectory(existing: path)
        let folders = RunDirectory.runs(of: path)
        guard access(directory.journalPath, F_OK) != 0, !folders.isEmpty else {
            return ([try RunRecorder.rebuild(directory, force: force, warn: warn)], nil)
        }
        var runs: [RecordedRun] = []
        for folder in folders {
            runs.append(try RunRecorder.rebuild(RunDirectory(existing: folder), force: force, warn: warn))
        }
        let comparison = RunComparison(runs.map(\.summary), notRun: RunComparison.notRun(in: directory))
        do throws(RunDirectoryError) {
            try directory.write(comparison)
        } catch {
            warn("the comparison cannot be written: \(error)")
        }
        return (runs, comparison)
    }
}
