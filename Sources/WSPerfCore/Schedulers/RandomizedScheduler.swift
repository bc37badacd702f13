/// Messages at random intervals, each drawn anew; the first message comes one interval after the connection opens.
///
/// ```swift
/// let scheduler = RandomizedScheduler(.exponential(mean: .seconds(60)))
/// ```
public struct RandomizedScheduler: MessageScheduler {
    /// A distribution with its parameters in nanoseconds; the mean of `poisson` is in units.
    private enum Gap: Sendable {
        case exponential(mean: Double)
        case uniform(least: Int64, greatest: Int64)
        case normal(mean: Double, deviation: Double)
        case poisson(mean: Double, unit: Int64)
    }

    private let gap: Gap
    /// The previous message's offset, nanoseconds.
    private var offset: Int64 = 0

    /// Messages at intervals drawn from `distribution`, rounded to nanoseconds. Negative intervals count as zero.
    public init(_ distribution: RandomizedOptions.Distribution) {
        func nanoseconds(_ duration: Duration) -> Int64 { max(0, duration.nanoseconds) }
        switch distribution {
        case .exponential(let mean):
            gap = .exponential(mean: Double(nanoseconds(mean)))
        case .uniform(let least, let greatest):
            let least = nanoseconds(least)
            gap = .uniform(least: least, greatest: max(least, nanoseconds(greatest)))
        case .normal(let mean, let deviation):
            gap = .normal(mean: Double(mean.nanoseconds), deviation: Double(nanoseconds(deviation)))
        case .poisson(let mean, let unit):
            let unit = max(1, nanoseconds(unit))
            gap = .poisson(mean: Double(nanoseconds(mean)) / Double(unit), unit: unit)
        }
    }

    public mutating func next(using random: inout SeededGenerator) -> ScheduledMessage? {
        let distance: Int64
        switch gap {
        case .exponential(let mean):
            distance = Int64(saturating: random.nextExponential(mean: mean))
        case .uniform(let least, let greatest):
            distance = Int64(random.nextInteger(in: Int(least)...Int(greatest)))
        case .normal(let mean, let deviation):
            distance = max(0, Int64(saturating: random.nextNormal(mean: mean, deviation: deviation)))
        case .poisson(let mean, let unit):
            let (product, overflow) = Int64(random.nextPoisson(mean: mean)).multipliedReportingOverflow(by: unit)
            distance = overflow ? .max : product
        }
        offset = offset.addingSaturating(distance)
        return ScheduledMessage(offset: offset)
    }
}

extension MessageScheduler where Self == RandomizedScheduler {
    /// Messages at intervals drawn from `distribution`; see `RandomizedScheduler`.
    public static func randomized(_ distribution: RandomizedOptions.Distribution) -> Self {
        RandomizedScheduler(distribution)
    }
}
