/// The options of the `randomized` schedule: a message after a time drawn anew for each.
public struct RandomizedOptions: Sendable, Hashable {
    /// What the time from one message to the next is drawn from. All durations are at least 0; what a distribution
    /// yields below 0 counts as 0.
    public enum Distribution: Sendable, Hashable {
        /// Memoryless arrivals (a Poisson process) of this mean distance.
        case exponential(mean: Duration)
        /// Evenly from `min` to `max`.
        case uniform(min: Duration, max: Duration)
        case normal(mean: Duration, stddev: Duration)
        /// A Poisson-distributed number of whole units: the interval of this tool's predecessor.
        case poisson(mean: Duration, unit: Duration)
    }

    public enum Name: String, Sendable, Hashable, CaseIterable {
        case exponential, uniform, normal, poisson
    }

    public var distribution: Distribution

    public init(_ distribution: Distribution) { self.distribution = distribution }

    /// The expected time from one message to the next, before what is below 0 is raised to it.
    public var mean: Duration {
        switch distribution {
        case .exponential(let mean), .normal(let mean, _), .poisson(let mean, _): mean
        case .uniform(let min, let max): (min + max) / 2
        }
    }

    /// Reads `distribution` (exponential by default), `interval` (the mean; 1 s by default) and what belongs to the
    /// distribution: `min` and `max` of uniform (in place of `interval`; 0 and twice the interval by default), `stddev`
    /// of normal (a quarter of the interval by default), `unit` of poisson (1 s by default). What is wrong is kept for
    /// the reader's `finish()`.
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

    /// Reads a schedule's options as a plan holds them.
    public init(_ options: PlanNode) throws(PlanError) {
        let reader = options.reader(at: "schedule")
        self.init(reading: reader)
        try reader.finish()
    }

    /// As a plan spells it out, without `kind`.
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
}
