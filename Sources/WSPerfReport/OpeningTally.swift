import WSPerfCore

/// How fast a run was to open its connections, and how fast it did. Rates are connections a second of all workers together.
public struct OpeningTally: Sendable, Hashable {
    /// What the plan's ramp asks for; nil if it opens all at once.
    public var askedPerSecond: Double?
    /// From the first connection to the last, counting the steps between them; nil if there are none.
    public var achievedPerSecond: Double?
    /// How many connections of one worker might be opening at once; nil if the plan has no bound.
    public var maxOpening: UInt64?
    /// From the begin of the run to the start of the last connection, nanoseconds of the monotonic clock; nil if none was
    /// started, or it is not known.
    public var took: UInt64?
    /// How long that was to take.
    private var planned: Double?

    /// More than any run has, whatever a worker claims.
    private static let largestRate = 1e12

    /// - Parameters:
    ///   - shares: Workers of the plan.
    ///   - share: Connections of each.
    ///   - workers: Workers that started any connection: the first of each is not a step.
    init(_ statistics: LoadStatistics, plan: RecordedPlan?, shares: UInt64, share: UInt64, workers: UInt64) {
        maxOpening = plan?.maxOpening
        let perWorker = plan?.ramp?.openingRate(of: share)
        askedPerSecond = perWorker.map { min($0 * Double(shares), Self.largestRate) }
        guard statistics.lastStart > 0, statistics.started > 0 else { return }
        took = statistics.lastStart
        guard workers > 0, statistics.started > workers else { return }
        let steps = statistics.started - workers
        achievedPerSecond = min(Double(steps) / (Double(statistics.lastStart) / 1e9), Self.largestRate)
        planned = perWorker.map { Double(steps) / ($0 * Double(workers)) }
    }

    /// Whether the last connection started so late that it is worth a word: by more than a twentieth of the time, and by
    /// more than the lag of a generator that keeps up.
    var isBehind: Bool {
        guard let planned, let took else { return false }
        let seconds = Double(took) / 1e9
        return planned < 0.95 * seconds && seconds - planned > 0.01
    }
}
