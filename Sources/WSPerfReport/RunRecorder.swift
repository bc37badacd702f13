internal import Glibc
public import WSPerfCore

/// Records a run while it is in progress, and makes its results at the end.
///
/// It writes every event to the journal, then adds it up. A full disk or an unwritable directory does not end the run:
/// the recorder warns once and still makes the summary.
///
/// ```swift
/// let recorder = RunRecorder(directory: directory) { print($0, to: &standardError) }
/// for await event in events { recorder.record(event) }
/// if let run = recorder.result { print(run.text); exit(run.exitStatus) }
/// ```
///
/// Confined to one thread.
public final class RunRecorder {
    private var directory: RunDirectory?
    private let warn: (String) -> Void
    private var journal: RunJournal?
    private var accumulator = RunAccumulator()
    private var kept = true
    /// The latest time of a snapshot, nanoseconds since its worker's load began.
    private var newest: UInt64 = 0
    private var compaction: JournalCompaction?
    /// The size from which the journal is compacted next, bytes.
    private var compactionSize: UInt64
    private let detailed: UInt64
    /// A journal is not compacted below this size, bytes.
    static let leastCompaction: UInt64 = 256 << 20

    /// The run's result; nil until its last event.
    public private(set) var result: RecordedRun?

    /// - Parameters:
    ///   - directory: Where the run is saved; nil if it is not saved.
    ///   - plan: The text of the resolved plan, and the name of its file.
    ///   - warn: Called at most once, with one printable line that says why the run cannot be saved.
    public init(
        directory: RunDirectory?, plan: (text: String, name: String)? = nil, warn: @escaping (String) -> Void
    ) {
        self.directory = directory
        self.warn = warn
        compactionSize = Self.leastCompaction
        detailed = JournalCompactor.detailed
        kept = directory != nil
        guard let directory else { return }
        keep { () throws(RunDirectoryError) in
            if let plan { try directory.write(plan.text, to: plan.name) }
        }
        keep { () throws(RunDirectoryError) in journal = try RunJournal(path: directory.journalPath) }
    }

    /// For tests: with a smaller size from which the journal is compacted, and a shorter time that stays detailed.
    init(directory: RunDirectory, compactingAt size: UInt64, detailed: UInt64, warn: @escaping (String) -> Void) {
        self.directory = directory
        self.warn = warn
        compactionSize = size
        self.detailed = detailed
        keep { () throws(RunDirectoryError) in journal = try RunJournal(path: directory.journalPath) }
    }

    /// Takes the next event. The last one writes the results and sets `result`.
    public func record(_ event: RunEvent) {
        guard result == nil else { return }
        if let journal {
            keep { () throws(RunDirectoryError) in try journal.append(event) }
            if !kept { self.journal = nil }
        }
        accumulator.fold(event)
        if case .snapshot(_, let encoded) = event {
            newest = max(newest, encoded.snapshot.elapsed)
            compact()
        }
        guard case .ended = event else { return }
        compaction?.cancel()
        compaction = nil
        var summary = accumulator.summary()
        if let journal { keep { () throws(RunDirectoryError) in try journal.synchronize() } }
        journal = nil
        // Without a directory, nothing was to be kept.
        summary.isKept = kept || directory == nil
        if let directory { keep { () throws(RunDirectoryError) in try directory.write(summary) } }
        result = RecordedRun(summary: summary, kept: kept)
    }

    /// Whether a copy is being made or waits to be taken, for tests.
    var isCompacting: Bool { compaction.map { $0.outcome == nil } ?? false }

    /// Compacts the journal if it has become large, off this thread, and takes the result if there is one.
    private func compact() {
        guard let journal, let directory else { return }
        if let compaction {
            guard let isComplete = compaction.outcome else { return }
            self.compaction = nil
            if isComplete { take(compaction, in: directory) } else { compaction.cancel() }
            compactionSize = max(compactionSize, 2 * (self.journal?.size ?? 0))
        } else if journal.size >= compactionSize, newest > 2 * detailed {
            compaction = JournalCompaction(
                of: directory, length: journal.size, newest: newest, detailed: detailed)
        }
    }

    /// Adds what has been recorded meanwhile, and puts the copy in the place of the journal. If that fails, the journal
    /// stays as it is.
    private func take(_ compaction: JournalCompaction, in directory: RunDirectory) {
        do throws(RunDirectoryError) {
            let copy = try RunJournal(continuing: compaction.path)
            try copy.append(from: directory.journalPath, after: compaction.length)
            try copy.synchronize()
            guard rename(compaction.path, directory.journalPath) == 0 else { return compaction.cancel() }
            journal = copy
        } catch {
            compaction.cancel()
        }
    }

    /// The run's files have moved to this directory.
    func move(to directory: RunDirectory) { if self.directory != nil { self.directory = directory } }

    /// The figures so far.
    var figures: RunFigures { accumulator.figures }

    /// The result if the controller died now.
    public var summarySoFar: RunSummary { accumulator.summary() }

    private func keep(_ write: () throws(RunDirectoryError) -> Void) {
        do throws(RunDirectoryError) {
            try write()
        } catch {
            if kept { warn("the run cannot be saved: \(error); it continues, and its summary will be printed") }
            kept = false
        }
    }
}

@available(*, unavailable)
extension RunRecorder: Sendable {}

/// The result of a run, and whether it is on the disk.
public struct RecordedRun: Sendable, Equatable {
    public var summary: RunSummary
    /// `summary.text()`, for printing.
    public var text: String
    /// False if a file of the run directory is missing or incomplete.
    public var kept: Bool

    init(summary: RunSummary, kept: Bool) {
        self.summary = summary
        text = summary.text()
        self.kept = kept
    }

    /// The controller's exit status: the run's own, or `ExitStatus.notKept` for a valid run without a complete record.
    public var exitStatus: Int32 {
        summary.exitStatus == ExitStatus.success && !kept ? ExitStatus.notKept : summary.exitStatus
    }
}
