/// The result of an engine's run.
public struct LoadResult: Sendable {
    /// Connections that this engine had to open; the outcomes in `statistics` add up to it.
    public var planned: Int
    /// From the start to the last outcome, nanoseconds of the monotonic clock.
    public var elapsed: UInt64
    public var statistics: LoadStatistics
    /// Whether the run's time limit ended it. Connections not done by then are `aborted`.
    public var timeLimitReached: Bool
    /// What parts of this program did wrong, such as a payload generator that wrote more than it had announced: one
    /// sentence each, the first 10.
    public var problems: [String]

    /// Whether the engine itself kept up; if not, what was late and what limited it.
    public var judgement: GeneratorJudgement

    /// `judgement`'s verdict: `.tooSlow` means that the figures are not the server's.
    public var verdict: GeneratorVerdict { judgement.verdict }

    /// Whether the figures are what the plan asked for: the engine kept up, it timed all replies but at most one in a
    /// thousand, and no part of this program went wrong. Whether the server did well is another question, which
    /// `failed` and the statistics answer.
    public var isValid: Bool {
        verdict != .tooSlow && problems.isEmpty && !statistics.leavesOutReplies
    }

    /// Connections that did not succeed, whatever their outcome.
    public var failed: Int { planned - Int(clamping: statistics.outcomes[.succeeded] ?? 0) }

    /// A result made by hand; `isClosedLoopWithoutPauses` is the plan's, and decides whether small lags prove anything.
    public init(
        planned: Int, elapsed: UInt64, statistics: LoadStatistics, timeLimitReached: Bool = false,
        problems: [String] = [], isClosedLoopWithoutPauses: Bool = false
    ) {
        self.planned = planned
        self.elapsed = elapsed
        self.statistics = statistics
        self.timeLimitReached = timeLimitReached
        self.problems = problems
        judgement = GeneratorJudgement(statistics, isClosedLoopWithoutPauses: isClosedLoopWithoutPauses)
    }
}
