/// The results of a run, or of its part so far, from which a `Figure` takes its value.
public struct RunFigures: Sendable {
    public var statistics: LoadStatistics
    /// Connections of the plan.
    public var planned: UInt64
    /// How the connections ended. It may differ from the statistics, which lack what was lost.
    public var outcomes: [Outcome: UInt64]
    /// How long the load has taken, nanoseconds of the workers' monotonic clocks.
    public var load: UInt64
    /// How long the whole run took, and its part before the load, nanoseconds of the controller's monotonic clock; nil if
    /// unknown.
    public var elapsed: UInt64?
    public var waiting: UInt64?
    /// How fast the connections opened, per second; nil if unknown.
    public var openingRate: Double?
    /// Workers that became ready, and those of them that were lost; nil without a fleet.
    public var workersReady: UInt64?
    public var workersLost: UInt64?

    public init(statistics: LoadStatistics, planned: UInt64, outcomes: [Outcome: UInt64]? = nil, load: UInt64) {
        self.statistics = statistics
        self.planned = planned
        self.outcomes = outcomes ?? statistics.outcomes
        self.load = load
    }

    /// Connections that ended with another outcome than `succeeded` and `aborted`.
    package var errors: UInt64 {
        outcomes.reduce(0) { $1.key == .succeeded || $1.key == .aborted ? $0 : $0 &+ $1.value }
    }

    /// Events per second of the load; nil without a load.
    package func rate(_ count: UInt64) -> Double? { load > 0 ? Double(count) / (Double(load) / 1e9) : nil }
}
