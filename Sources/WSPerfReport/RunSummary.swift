public import WSPerfCore

/// The result of a run: everything `summary.json` and `summary.txt` say.
///
/// A run of the fleet is summed up by `RunAccumulator`; a harness of one's own makes it from the engine's result:
///
/// ```swift
/// let result = try await LoadEngine(plan: plan).run()
/// let summary = RunSummary(plan: plan, result: result)
/// print(summary.text())
/// ```
public struct RunSummary: Sendable, Equatable {
    /// The run's identity.
    public var id: String
    /// The plan's name.
    public var name: String
    /// The resolved plan; nil if the record broke off before it.
    public var plan: RecordedPlan?
    /// Wall-clock time of the start, milliseconds since 1970-01-01 UTC.
    public var startedAt: Int64
    /// How long it took, nanoseconds of the controller's monotonic clock; where the controller ended first, up to the
    /// last snapshot it had, by the worker's clock.
    public var elapsed: UInt64
    /// How it ended; nil if the controller ended before the run did.
    public var end: RunEnd?
    /// The last phase it came to; nil if none was said.
    public var phase: RunPhase?
    /// Why the figures are not what the plan asked for, a sentence each; empty if they are.
    public var invalidBecause: [String]
    /// All connections of the run.
    public var connections: ConnectionTally
    /// How fast they were opened.
    public var opening: OpeningTally
    /// All that was measured. Its `outcomes` are as the workers reported them; `connections` has what is made of them.
    public var statistics: LoadStatistics
    /// Whether the load generator itself kept up, and why not.
    public var generator: GeneratorJudgement
    /// Workers the plan asks for.
    public var plannedWorkers: UInt64
    /// Every worker that was ever ready, in order of their shares of the plan.
    public var workers: [WorkerSummary]
    /// What else a reader should know, a sentence each.
    public var notices: [String]
    /// What happened when; empty where there were no snapshots.
    public var timeline: [TimelineRow]

    /// Whether the figures are what the plan asked for. What the target made of it has no part in this: a target that
    /// refuses every connection is a valid result.
    public var isValid: Bool { invalidBecause.isEmpty }

    /// What the run would have the controller exit with: see `ExitStatus`.
    public var exitStatus: Int32 {
        if end == .interrupted { return ExitStatus.interrupted }
        return isValid ? ExitStatus.success : ExitStatus.invalid
    }
}
