/// What an engine's run came to.
public struct LoadResult: Sendable {
    /// Connections this engine was to open; the outcomes in `statistics` add up to it.
    public var planned: Int
    /// From the start to the last outcome, nanoseconds of the monotonic clock.
    public var elapsed: UInt64
    public var statistics: LoadStatistics
    /// Whether the run's time limit ended it; what was not done by then is `aborted`.
    public var timeLimitReached: Bool
    /// What this program's own parts did wrong, such as a payload generator that wrote more than it had said: a sentence
    /// each, the first 10.
    public var problems: [String]

    /// Whether the engine itself kept up, and if it did not, what was late and what was the limit.
    public var judgement: GeneratorJudgement

    /// `judgement`'s verdict: `.tooSlow` means that the figures are not the server's.
    public var verdict: GeneratorVerdict { judgement.verdict }

    /// Whether the figures are what the plan asked for: the engine kept up, all replies that came were timed but one in a
    /// thousand at most, and nothing of this program's own went wrong. Whether the server did well is another question, which
    /// `failed` and the statistics answer.
    public var isValid: Bool {
        verdict != .tooSlow && problems.isEmpty && !statistics.leavesOutReplies
    }

    /// Connections that did not succeed, whatever they came to instead.
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
