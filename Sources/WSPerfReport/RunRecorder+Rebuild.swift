internal import WSPerfCore

extension RunRecorder {
    /// Makes the results of a run from its journal alone, and writes them. They are byte for byte what the run itself
    /// wrote. If the controller ended first, they are marked as not valid.
    ///
    /// Results that say more than the journal are kept: if the journal has lost its end, and `summary.json` has one, the
    /// new files are `summary.rebuilt.json`, `summary.rebuilt.txt` and `timeline.rebuilt.csv`. While the run is still
    /// going on, nothing is written.
    ///
    /// - Parameters:
    ///   - force: Replaces the results even if they say more.
    ///   - warn: Called with a printable line if results were kept or cannot be written.
    /// - Throws: `noJournal` if there is no journal, or one of another version.
    public static func rebuild(
        _ directory: RunDirectory, force: Bool = false, warn: (String) -> Void = { _ in }
    ) throws(RunDirectoryError) -> RecordedRun {
        let reader = try JournalReader(path: directory.journalPath)
        let holder = DirectoryLock.holder(directory.path)
        let old = EarlierResults(directory)
        var accumulator = RunAccumulator()
        var last: RunEvent?
        while let event = reader.next() {
            // The last event closes the accumulator, so a notice about the journal must come before it.
            if case .ended = event { last = event } else { accumulator.fold(event) }
        }
        if let holder {
            accumulator.missingEnd = "the run has not ended yet"
            if last == nil {
                let process = holder > 0 ? " (process \(holder))" : ""
                warn("the run is still going on\(process), so this is its report so far, and no file is written")
            }
        } else if reader.droppedBytes > 0 {
            let what = reader.fault.map { "cannot be read and were dropped: a snapshot is \($0)" }
            accumulator.fold(
                .notice(
                    "the last \(reader.droppedBytes) bytes of the journal \(what ?? "are damaged and were dropped")"))
            accumulator.missingEnd = "the end of the journal is damaged, so this is not the whole run"
        } else if old.hasEnd {
            accumulator.missingEnd = "the end of the journal is missing, so this is not the whole run"
        }
        if let last { accumulator.fold(last) }
        let summary = accumulator.summary()
        guard holder == nil || last != nil else { return RecordedRun(summary: summary, kept: true) }
        let isPoorer = old.saysMore(than: summary)
        if isPoorer, !force {
            warn(
                "\(directory.path.printable())/summary.json says more than the journal and was kept; the results that the "
                    + "journal gives are in summary.rebuilt.json (--force replaces the others)")
        }
        do throws(RunDirectoryError) {
            try directory.write(summary, beside: isPoorer && !force)
            return RecordedRun(summary: summary, kept: true)
        } catch {
            warn("the report cannot be written: \(error)")
            return RecordedRun(summary: summary, kept: false)
        }
    }
}

/// What the results in a run's directory say, as far as it matters for whether they may be replaced.
private struct EarlierResults {
    /// Whether they are of a run that ended.
    var hasEnd = false
    private var sent: UInt64 = 0
    private var received: UInt64 = 0

    init(_ directory: RunDirectory) {
        let path = "\(directory.path)/\(RunDirectory.File.summaryJSON.rawValue)"
        guard let bytes = try? Plan.read(path, limit: 256 << 20), let summary = try? PlanNode(json: bytes) else {
            return
        }
        hasEnd = summary["run"]?["end"]?.text != nil
        sent = summary["messages"]?["sent"]?.text.flatMap { UInt64($0) } ?? 0
        received = summary["messages"]?["received"]?.text.flatMap { UInt64($0) } ?? 0
    }

    func saysMore(than summary: RunSummary) -> Bool {
        if hasEnd != (summary.end != nil) { return hasEnd }
        return sent > summary.statistics.sent || received > summary.statistics.received
    }
}
