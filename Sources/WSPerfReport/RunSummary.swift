public import WSPerfCore

/// The result of a run: everything in `summary.json` and `summary.txt`.
///
/// `RunAccumulator` makes it for a run of the fleet. Your own harness makes it from the engine's result:
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
    /// The duration, nanoseconds of the controller's monotonic clock. If the controller ended first: the time until its
    /// last snapshot, by the worker's clock.
    public var elapsed: UInt64
    /// The part of it before the load: how long the run waited for listeners and workers, nanoseconds of the controller's
    /// monotonic clock; nil if the record does not say.
    public var waiting: UInt64?
    /// How long the load took, from its start to the last outcome, nanoseconds of the workers' monotonic clocks. Rates are
    /// over this time.
    public var load: UInt64
    /// How it ended; nil if the controller ended before the run did.
    public var end: RunEnd?
    /// The exit status that a run which could not be carried out asks for; nil for others.
    var failureStatus: Int32?
    /// Its last phase; nil if it reached none.
    public var phase: RunPhase?
    /// Whether everything that the run recorded is in its directory. If not, `exitStatus` of a valid run says so.
    public var isKept = true
    /// Why the figures are not what the plan asked for, one sentence for each reason. Empty for a valid run.
    public var invalidBecause: [String]
    /// All connections of the run.
    public var connections: ConnectionTally
    /// How fast the connections opened.
    public var opening: OpeningTally
    /// All measurements. Its `outcomes` are as the workers reported them; `connections` has the final ones.
    public var statistics: LoadStatistics
    /// Whether the load generator itself kept up, and if not, why.
    public var generator: GeneratorJudgement
    /// The number of workers in the plan.
    public var plannedWorkers: UInt64
    /// Every worker that became ready, in the order of their shares of the plan.
    public var workers: [WorkerSummary]
    /// The plan's thresholds with their measured values.
    public var checks: [ThresholdCheck] = []
    /// What else a reader must know, one sentence for each notice.
    public var notices: [String]
    /// What happened in each second; empty without snapshots.
    public var timeline: [TimelineRow]

    /// Messages sent per second of the load; nil without a load.
    var sentPerSecond: Double? { figures.rate(statistics.sent) }

    /// What thresholds are compared with.
    public var figures: RunFigures {
        var figures = RunFigures(
            statistics: statistics, planned: connections.planned, outcomes: connections.outcomes, load: load)
        figures.elapsed = elapsed
        figures.waiting = waiting
        figures.openingRate = opening.achievedPerSecond
        figures.workersReady = UInt64(workers.count)
        figures.workersLost = UInt64(workers.count { $0.lost })
        return figures
    }

    /// Whether all thresholds of the plan are kept.
    public var meetsThresholds: Bool { checks.allSatisfy(\.isMet) }

    /// Whether the figures are what the plan asked for. The target's behaviour does not matter: if it refuses every
    /// connection, that is a valid result.
    public var isValid: Bool { invalidBecause.isEmpty }

    /// The controller's exit status for this run; see `ExitStatus`.
    public var exitStatus: Int32 {
        if end == .interrupted { return ExitStatus.interrupted }
        if let failureStatus { return failureStatus }
        guard isValid else { return ExitStatus.invalid }
        guard meetsThresholds else { return ExitStatus.threshold }
        return isKept ? ExitStatus.success : ExitStatus.notKept
    }
}

/// The exit statuses of `wsperf-controller`.
public enum ExitStatus {
    /// The run is valid; what the target did is in the report.
    public static let success: Int32 = 0
    /// The run is valid, but a threshold of its plan was not kept.
    public static let threshold: Int32 = 1
    /// The command line or the plan is wrong; nothing ran.
    public static let usage: Int32 = 2
    /// The figures are not what the plan asked for: workers were lost, the run is incomplete, or the generator was too
    /// slow.
    public static let invalid: Int32 = 3
    /// The run is valid and its summary was printed, but the run directory is not complete.
    public static let notKept: Int32 = 4
    /// The operator interrupted the run.
    public static let interrupted: Int32 = 130
}
