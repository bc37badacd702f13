internal import Glibc

/// The options of the `randomized` schedule: messages at random intervals, each drawn anew.
public struct RandomizedOptions: Sendable, Hashable {
    /// The distribution of the time from one message to the next. All durations are at least 0. A time drawn below 0
    /// counts as 0.
    public enum Distribution: Sendable, Hashable {
        /// Memoryless arrivals (a Poisson process) with this mean interval.
        case exponential(mean: Duration)
        /// Uniform from `min` to `max`.
        case uniform(min: Duration, max: Duration)
        case normal(mean: Duration, stddev: Duration)
        /// A Poisson-distributed number of whole units, as in WS-Perftester.
        case poisson(mean: Duration, unit: Duration)
    }

    public enum Name: String, Sendable, Hashable, CaseIterable {
        case exponential, uniform, normal, poisson
    }

    public var distribution: Distribution

    public init(_ distribution: Distribution) { self.distribution = distribution }

    /// Reads a schedule's options from a plan.
    public init(_ options: PlanNode) throws(PlanError) { try self.init(options, at: "schedule") }

    /// The expected time from one message to the next, before negative times are raised to 0.
    public var mean: Duration {
        switch distribution {
        case .exponential(let mean), .normal(let mean, _), .poisson(let mean, _): mean
        case .uniform(let min, let max): (min + max) / 2
        }
    }
}

extension RandomizedOptions: SteadySchedule {
    package static var kind: SchedulePlan.Kind { .randomized }

    package var schedule: SchedulePlan { .randomized(self) }

    /// Reads `distribution` (exponential by default), `interval` (the mean; 1 s by default) and the keys of the
    /// distribution: `min` and `max` for uniform (instead of `interval`; 0 and twice the interval by default), `stddev`
    /// for normal (a quarter of the interval by default), `unit` for poisson (1 s by default). Errors are kept for the
    /// reader's `finish()`.
    public init(reading reader: PlanReader) {
        let name = reader.choice("distribution", default: Name.exponential)
        let interval = reader.duration("interval", default: .seconds(1))
        let min = reader.duration("min")
        let max = reader.duration("max")
        let stddev = reader.duration("stddev")
        let unit = reader.duration("unit", in: .microseconds(1) ... .seconds(86_400))
        func belongs(_ key: String, to owner: Name) {
            if name != owner && reader.has(key) {
                reader.report("belongs to the \(owner.rawValue) distribution, not to the \(name.rawValue) one", at: key)
            }
        }
        belongs("min", to: .uniform)
        belongs("max", to: .uniform)
        belongs("stddev", to: .normal)
        belongs("unit", to: .poisson)
        switch name {
        case .exponential: distribution = .exponential(mean: interval)
        case .uniform:
            if reader.has("min") || reader.has("max") {
                if reader.has("interval") { reader.report("give either interval or min and max", at: "interval") }
                reader.require("max")
                let (least, greatest) = (min ?? .zero, max ?? min ?? .zero)
                if least > greatest { reader.report("min is above max", at: "min") }
                distribution = .uniform(min: least, max: Swift.max(least, greatest))
            } else {
                distribution = .uniform(min: .zero, max: Swift.min(interval * 2, PlanQuantity.longest))
            }
        case .normal: distribution = .normal(mean: interval, stddev: stddev ?? .nanoseconds(interval.nanoseconds / 4))
        case .poisson: distribution = .poisson(mean: interval, unit: unit ?? .seconds(1))
        }
    }

    /// Every option with its value, without `kind`.
    public var document: PlanNode {
        switch distribution {
        case .exponential(let mean): .mapping(["distribution": .string("exponential"), "interval": .duration(mean)])
        case .uniform(let min, let max):
            .mapping(["distribution": .string("uniform"), "min": .duration(min), "max": .duration(max)])
        case .normal(let mean, let stddev):
            .mapping(["distribution": .string("normal"), "interval": .duration(mean), "stddev": .duration(stddev)])
        case .poisson(let mean, let unit):
            .mapping(["distribution": .string("poisson"), "interval": .duration(mean), "unit": .duration(unit)])
        }
    }

    package static func superseded(in base: PlanNode, by overlay: PlanNode, given: Set<String>) -> Set<String> {
        var dropped: Set<String> = []
        if let distribution = overlay["distribution"]?.text,
            distribution != base["distribution"]?.text ?? Name.exponential.rawValue
        {
            dropped.formUnion(["min", "max", "stddev", "unit"])
        }
        if given.contains("interval") { dropped.formUnion(["min", "max"]) }
        if given.contains("min") || given.contains("max") { dropped.insert("interval") }
        return dropped
    }

    /// Chernoff's bound for the gamma, normal and Poisson distributions (Boucheron, Lugosi and Massart, Concentration
    /// Inequalities, §2.2–2.4), with t = ln(connections) + 20.
    func longestSum(of count: Double, connections: Int) -> Double {
        let t = log(Double(max(connections, 1))) + 20
        switch distribution {
        case .exponential(let mean): return mean.inSeconds * (count + (2 * count * t).squareRoot() + t)
        case .uniform(_, let max): return count * max.inSeconds
        case .normal(let mean, let stddev):
            // Raising times below 0 to 0 adds at most 0.4 standard deviations to the mean and nothing to the variance.
            let deviation = stddev.inSeconds
            return count * (mean.inSeconds + 0.4 * deviation) + deviation * (2 * count * t).squareRoot()
        case .poisson(let mean, let unit):
            let expected = count * mean.inSeconds / unit.inSeconds
            return unit.inSeconds * (expected + t / 3 + (t * t / 9 + 2 * expected * t).squareRoot())
        }
    }
}
