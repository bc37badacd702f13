/// How fast a worker opens its connections.
public enum RampPlan: Sendable, Hashable {
    /// Connections a second and worker.
    case rate(perSecond: Double)
    /// All of a worker's connections, evenly over this time.
    case over(Duration)
}

extension RampPlan {
    /// As a plan spells it out, with its bound on how many connections are opening at once.
    func document(maxOpening: Int?) -> PlanNode {
        let bound = maxOpening.map { PlanNode.integer($0) } ?? .null
        return switch self {
        case .rate(let perSecond):
            .mapping(["rate": .string(PlanQuantity.rateText(perSecond)), "max_opening": bound])
        case .over(let time): .mapping(["over": .duration(time), "max_opening": bound])
        }
    }

    /// From one connection's start to the next one's, nanoseconds, where there are `connections`.
    func interval(connections: Int) -> Double {
        switch self {
        case .rate(let perSecond): 1e9 / perSecond
        case .over(let time): Double(time.wholeNanoseconds) / Double(connections)
        }
    }

    /// From the first connection's start to that of the last of `count`.
    func openingTime(of count: Int) -> Duration {
        switch self {
        case .rate(let perSecond): .bounded(seconds: Double(max(count - 1, 0)) / perSecond)
        case .over(let time): time
        }
    }
}
