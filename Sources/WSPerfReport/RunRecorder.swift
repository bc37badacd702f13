public import WSPerfCore

/// Keeps the record of a run as it goes and makes the results of it at its end.
///
/// Every event is journaled, then added up. A disk that is full or a directory that cannot be written to does not end the
/// run: it is said once, and the summary is made all the same.
///
/// ```swift
/// let recorder = RunRecorder(directory: directory) { print($0, to: &standardError) }
/// for await event in events { recorder.record(event) }
/// if let run = recorder.result { print(run.text); exit(run.exitStatus) }
/// ```
///
/// Confined to one thread.
public final class RunRecorder {
    private let directory: RunDirectory?
    private let warn: (String) -> Void
    private var journal: RunJournal?
    private var accumulator = RunAccumulator()
    private var kept = true

    /// The run's result, from its last event on.
    public private(set) var result: RecordedRun?

    /// - Parameters:
    ///   - directory: Where the run is kept; nil if there is no place to keep it.
    ///   - plan: The resolved plan as it is to be written there, and the name of its file.
    ///   - warn: Told, once, why the run cannot be kept: a line of printable text.
    public init(
        directory: RunDirectory?, plan: (text: String, name: String)? = nil, warn: @escaping (String) -> Void
    ) {
        self.directory = directory
        self.warn = warn
        kept = directory != nil
        guard let directory else { return }
        keep { () throws(RunDirectoryError) in
            if let plan { try directory.write(plan.text, to: plan.name) }
        }
        keep { () throws(RunDirectoryError) in journal = try RunJournal(path: directory.journalPath) }
    }

    /// The same with a journal of the caller's, for tests.
    init(directory: RunDirectory?, journal: RunJournal?, warn: @escaping (String) -> Void) {
        self.directory = directory
        self.journal = journal
        self.warn = warn
    }

    /// Takes the next event. With the last one, the results are written and `result` is there.
    public func record(_ event: RunEvent) {
        guard result == nil else { return }
        if let journal {
            keep { () throws(RunDirectoryError) in try journal.append(event) }
            if !kept { self.journal = nil }
        }
        accumulator.fold(event)
        guard case .ended = event else { return }
        let summary = accumulator.summary()
        if let journal { keep { () throws(RunDirectoryError) in try journal.synchronize() } }
        journal = nil
        if let directory { keep { () throws(RunDirectoryError) in try directory.write(summary) } }
        result = RecordedRun(summary: summary, kept: kept)
    }

    /// The result as it would be if the run ended now, without its controller having ended it.
    public var summarySoFar: RunSummary { accumulator.summary() }

    private func keep(_ write: () throws(RunDirectoryError) -> Void) {
        do throws(RunDirectoryError) {
            try write()
        } catch {
            if kept { warn("the run cannot be kept: \(error); it goes on, and its summary will be printed") }
            kept = false
        }
    }

    /// Makes the results of a run again from its journal alone, and writes them: byte for byte what the run itself wrote,
    /// if it came to its end; marked as not valid if its controller ended first.
    ///
    /// - Parameter warn: Told why the results cannot be written, if they cannot.
    public static func rebuild(
        _ directory: RunDirectory, warn: (String) -> Void = { _ in }
    ) throws(RunDirectoryError) -> RecordedRun {
        let reader = try JournalReader(path: directory.journalPath)
        var accumulator = RunAccumulator()
        var last: RunEvent?
        while let event = reader.next() {
            // The last event closes the accumulator; what there is to say of the journal must be said before.
            if case .ended = event { last = event } else { accumulator.fold(event) }
        }
        if reader.droppedBytes > 0 {
            let what = reader.fault.map { "can't be read and were dropped: a snapshot is \($0)" }
            accumulator.fold(
                .notice(
                    "the last \(reader.droppedBytes) bytes of the journal \(what ?? "are damaged and were dropped")"))
        }
        if let last { accumulator.fold(last) }
        let summary = accumulator.summary()
        do throws(RunDirectoryError) {
            try directory.write(summary)
            return RecordedRun(summary: summary, kept: true)
        } catch {
            warn("the report cannot be written: \(error)")
            return RecordedRun(summary: summary, kept: false)
        }
    }
}

@available(*, unavailable)
extension RunRecorder: Sendable {}
