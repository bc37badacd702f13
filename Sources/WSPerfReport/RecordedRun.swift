/// The result of a run, and whether it is on disk.
public struct RecordedRun: Sendable, Equatable {
    public var summary: RunSummary
    /// `summary.text()`, to be printed.
    public var text: String
    /// False if any of the run directory's files is missing or incomplete.
    public var kept: Bool

    init(summary: RunSummary, kept: Bool) {
        self.summary = summary
        text = summary.text()
        self.kept = kept
    }

    /// What the controller exits with: the run's own status, or `ExitStatus.notKept` for a run that is all right but for
    /// having left no record.
    public var exitStatus: Int32 {
        summary.exitStatus == ExitStatus.success && !kept ? ExitStatus.notKept : summary.exitStatus
    }
}
