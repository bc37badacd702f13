/// Deadlines of the fleet's phases; durations of the monotonic clock.
public struct FleetPlan: Sendable, Hashable {
    /// For all listeners to join.
    public var join: Duration = .seconds(60)
    /// For all workers to be launched and ready.
    public var launch: Duration = .seconds(30)
    /// Silence after which a peer counts as lost.
    public var liveness: Duration = .seconds(5)
    /// For all results to arrive after the last connection should have ended.
    public var collect: Duration = .seconds(30)
    public init() {}
}

extension FleetPlan {
    init(reading reader: PlanReader) {
        let range = Duration.milliseconds(100)...PlanQuantity.longest
        self.init()
        join = reader.duration("join", in: range, default: join)
        launch = reader.duration("launch", in: range, default: launch)
        liveness = reader.duration("liveness", in: range, default: liveness)
        collect = reader.duration("collect", in: range, default: collect)
    }

    var document: PlanNode {
        .mapping([
            "join": .duration(join),
            "launch": .duration(launch),
            "liveness": .duration(liveness),
            "collect": .duration(collect),
        ])
    }
}

/// What to do when a run loses a worker because its process died or fell silent. Either way, the run is not valid.
public enum LostWorkerPolicy: String, Sendable, Hashable, CaseIterable {
    /// The other workers continue to the end.
    case `continue`
    /// The other workers are stopped in an orderly way, and the run ends.
    case abort
}
