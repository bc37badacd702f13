/// What `wsperf-controller` exits with.
public enum ExitStatus {
    /// The run is valid; what the target did is in the report.
    public static let success: Int32 = 0
    /// A threshold of the plan was missed.
    public static let thresholdMissed: Int32 = 1
    /// The command line or the plan is wrong; nothing was run.
    public static let usage: Int32 = 2
    /// The run's figures are not what was asked for: workers were lost, the run is incomplete, or the generator was too
    /// slow.
    public static let invalid: Int32 = 3
    /// The run is valid and its summary was printed, but it could not be kept in the run directory.
    public static let notKept: Int32 = 4
    /// The operator interrupted the run.
    public static let interrupted: Int32 = 130
}
