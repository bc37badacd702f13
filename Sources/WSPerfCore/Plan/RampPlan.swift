/// How fast a worker opens its connections.
public enum RampPlan: Sendable, Hashable {
    /// Connections a second and worker.
    case rate(perSecond: Double)
    /// All of a worker's connections, evenly over this time.
    case over(Duration)
}

extension RampPlan {
    /// As a plan spells it out.
    var document: PlanNode {
        switch self {
        case .rate(let perSecond): .mapping(["rate": .string(PlanQuantity.rateText(perSecond))])
        case .over(let time): .mapping(["over": .duration(time)])
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
