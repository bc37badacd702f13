public import WSPerfCore

/// Connections and their outcomes. In a report, the outcomes add up to `planned`.
public struct ConnectionTally: Sendable, Hashable {
    /// Connections that the plan opens.
    public var planned: UInt64
    /// The number of connections with each outcome; no count is 0.
    public var outcomes: [Outcome: UInt64]

    /// Connections that did everything that the plan asks for.
    public var succeeded: UInt64 { outcomes[.succeeded] ?? 0 }

    /// `succeeded` first, then the other outcomes from the most to the least frequent.
    var ranked: [(outcome: Outcome, count: UInt64)] {
        outcomes.map { (outcome: $0.key, count: $0.value) }.sorted { a, b in
            if (a.outcome == .succeeded) != (b.outcome == .succeeded) { return a.outcome == .succeeded }
            return a.count != b.count ? a.count > b.count : a.outcome < b.outcome
        }
    }
}

/// How fast a run should open its connections, and how fast it did. Rates are connections per second over all workers.
public struct OpeningTally: Sendable, Hashable {
    /// The rate that the plan's ramp asks for; nil if it opens all at once.
    public var askedPerSecond: Double?
    /// The rate from the first connection to the last, which counts the steps between them; nil if there are no steps.
    public var achievedPerSecond: Double?
    /// The most connections of one worker that may be opening at once; nil if the plan has no limit.
    public var maxOpening: UInt64?
    /// Time from the start of the load to the start of the last connection, nanoseconds of the monotonic clock; nil if
    /// no connection started or the time is unknown.
    public var took: UInt64?
    /// The time that this should take, in seconds.
    private var planned: Double?

    /// Higher than the rate of any run. Limits what a worker claims.
    private static let largestRate = 1e12

    /// - Parameters:
    ///   - shares: Number of workers in the plan.
    ///   - share: Connections of each worker.
    ///   - workers: Number of workers that started a connection. The first connection of each worker is not a step.
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

    /// Whether the last connection started so late that the report must say so: by more than 5 % of the time, and by
    /// more than the lag of a generator that keeps up.
    var isBehind: Bool {
        guard let planned, let took else { return false }
        let seconds = Double(took) / 1e9
        return planned < 0.95 * seconds && seconds - planned > 0.01
    }
}
