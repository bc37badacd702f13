/// How fast a worker opens its connections.
public enum RampPlan: Sendable, Hashable {
    /// Connections per second, for each worker.
    case rate(perSecond: Double)
    /// All of a worker's connections, evenly over this time.
    case over(Duration)
}

extension RampPlan {
    /// The ramp in a plan's document, with its limit on connections that are opening at once.
    func document(maxOpening: Int?) -> PlanNode {
        let bound = maxOpening.map { PlanNode.integer($0) } ?? .null
        return switch self {
        case .rate(let perSecond):
            .mapping(["rate": .string(PlanQuantity.rateText(perSecond)), "max_opening": bound])
        case .over(let time): .mapping(["over": .duration(time), "max_opening": bound])
        }
    }

    /// Time from one connection's start to the next one's, in nanoseconds, for `connections` connections.
    func interval(connections: Int) -> Double {
        switch self {
        case .rate(let perSecond): 1e9 / perSecond
        case .over(let time): Double(time.wholeNanoseconds) / Double(connections)
        }
    }

    /// Time from the first connection's start to the start of the last of `count`.
    func openingTime(of count: Int) -> Duration {
        switch self {
        case .rate(let perSecond): .bounded(seconds: Double(max(count - 1, 0)) / perSecond)
        case .over(let time): time
        }
    }
}
