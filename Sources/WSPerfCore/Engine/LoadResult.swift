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

    /// Connections that did not succeed, whatever they came to instead.
    public var failed: Int { planned - Int(clamping: statistics.outcomes[.succeeded] ?? 0) }

    public init(
        planned: Int, elapsed: UInt64, statistics: LoadStatistics, timeLimitReached: Bool = false,
        problems: [String] = []
    ) {
        self.planned = planned
        self.elapsed = elapsed
        self.statistics = statistics
        self.timeLimitReached = timeLimitReached
        self.problems = problems
    }
}
