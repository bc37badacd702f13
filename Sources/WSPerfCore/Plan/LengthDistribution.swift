/// The length of messages: bytes of payload, drawn anew for each message.
public enum LengthDistribution: Sendable, Hashable {
    public struct Weighted: Sendable, Hashable {
        public var length: Int
        /// Above 0; the weights in a list can have any sum.
        public var weight: Double
        public init(length: Int, weight: Double) {
            self.length = length
            self.weight = weight
        }
    }

    /// Always the same: `240`.
    case fixed(Int)
    /// Every length of the range equally often: `{uniform: [16, 512]}`.
    case uniform(ClosedRange<Int>)
    /// Rounded to whole bytes and clamped to `range`: `{normal: {mean: 200, stddev: 50, min: 16, max: 400}}`.
    case normal(mean: Double, stddev: Double, range: ClosedRange<Int>)
    /// Rounded to whole bytes and clamped to `range`: `{exponential: {mean: 200, min: 16, max: 4096}}`.
    case exponential(mean: Double, range: ClosedRange<Int>)
    /// One length from a list, chosen by weight: `{weighted: [[16, 0.7], [4096, 0.3]]}`. Not empty.
    case weighted([Weighted])

    /// The longest payload a plan may ask for, bytes.
    public static let limit = 256 << 20

    public var minimum: Int {
        switch self {
        case .fixed(let length): length
        case .uniform(let range), .normal(_, _, let range), .exponential(_, let range): range.lowerBound
        case .weighted(let list): list.map(\.length).min() ?? 0
        }
    }

    public var maximum: Int {
        switch self {
        case .fixed(let length): length
        case .uniform(let range), .normal(_, _, let range), .exponential(_, let range): range.upperBound
        case .weighted(let list): list.map(\.length).max() ?? 0
        }
    }

    /// The expected length; `normal` and `exponential` ignore the clamping.
    public var mean: Double {
        switch self {
        case .fixed(let length): Double(length)
        case .uniform(let range): (Double(range.lowerBound) + Double(range.upperBound)) / 2
        case .normal(let mean, _, _), .exponential(let mean, _): mean
        case .weighted(let list):
            list.reduce(0) { $0 + Double($1.length) * $1.weight } / list.reduce(0) { $0 + $1.weight }
        }
    }

    /// Reads a length, or a mapping from a distribution's name to its parameters. If it is neither, reports that and
    /// returns nil.
    public init?(reading value: PlanValue) {
        guard case .mapping = value.node.content else {
            guard let length = value.size(in: 0...Self.limit) else { return nil }
            self = .fixed(length)
            return
        }
        guard let reader = value.mapping() else { return nil }
        let given = ["fixed", "uniform", "normal", "exponential", "weighted"].filter { reader.has($0) }
        guard given.count == 1, let kind = given.first, let parameters = reader.value(kind) else {
            // A misspelt name is already reported as an unknown key.
            if given.count > 1 || reader.node.entries.isEmpty {
                value.report("expected a size, or one of fixed, uniform, normal, exponential and weighted")
            }
            return nil
        }
        let read: LengthDistribution? =
            switch kind {
            case "fixed": parameters.size(in: 0...Self.limit).map(LengthDistribution.fixed)
            case "uniform": Self.uniform(reading: parameters)
            case "weighted": Self.weighted(reading: parameters)
            default: Self.bell(kind, reading: parameters)
            }
        guard let read else { return nil }
        self = read
    }

    /// The distribution in a plan's document.
    public var document: PlanNode {
        switch self {
        case .fixed(let length): .integer(length)
        case .uniform(let range):
            .mapping(["uniform": .sequence([.integer(range.lowerBound), .integer(range.upperBound)])])
        case .normal(let mean, let stddev, let range):
            .mapping([
                "normal": .mapping([
                    "mean": .number(mean), "stddev": .number(stddev),
                    "min": .integer(range.lowerBound), "max": .integer(range.upperBound),
                ])
            ])
        case .exponential(let mean, let range):
            .mapping([
                "exponential": .mapping([
                    "mean": .number(mean), "min": .integer(range.lowerBound), "max": .integer(range.upperBound),
                ])
            ])
        case .weighted(let list):
            .mapping(["weighted": .sequence(list.map { .sequence([.integer($0.length), .number($0.weight)]) })])
        }
    }

    private static func uniform(reading value: PlanValue) -> LengthDistribution? {
        guard let bounds = value.list() else { return nil }
        guard bounds.count == 2 else {
            value.report("expected two sizes, the smallest and the largest: [16, 512]")
            return nil
        }
        guard let least = bounds[0].size(in: 0...limit), let greatest = bounds[1].size(in: 0...limit) else {
            return nil
        }
        return range(least, greatest, reading: value).map(LengthDistribution.uniform)
    }

    private static func weighted(reading value: PlanValue) -> LengthDistribution? {
        guard let list = value.list(limit: 10_000) else { return nil }
        guard !list.isEmpty else {
            value.report("expected at least one pair of a size and its weight: [[16, 0.7], [4096, 0.3]]")
            return nil
        }
        var weighted: [Weighted] = []
        for element in list {
            guard let pair = element.list() else { continue }
            guard pair.count == 2 else {
                element.report("expected a size and its weight: [16, 0.7]")
                continue
            }
            if let length = pair[0].size(in: 0...limit), let weight = pair[1].number(in: 1e-9...1e9) {
                weighted.append(Weighted(length: length, weight: weight))
            }
        }
        return weighted.count == list.count ? .weighted(weighted) : nil
    }

    private static func bell(_ kind: String, reading value: PlanValue) -> LengthDistribution? {
        guard let reader = value.mapping() else { return nil }
        reader.require("mean")
        let isNormal = kind == "normal"
        if isNormal { reader.require("stddev") }
        let mean = number("mean", reading: reader)
        let stddev = isNormal ? number("stddev", reading: reader) : 0
        let least = reader.size("min", in: 0...limit, default: 0)
        let greatest = reader.size("max", in: 0...limit, default: limit)
        guard let mean, let stddev, let range = range(least, greatest, reading: value) else { return nil }
        return isNormal ? .normal(mean: mean, stddev: stddev, range: range) : .exponential(mean: mean, range: range)
    }

    /// A size that may have a fraction.
    private static func number(_ key: String, reading reader: PlanReader) -> Double? {
        guard let value = reader.value(key) else { return nil }
        if let text = value.node.text, PlanQuantity.number(text) != nil { return value.number(in: 0...Double(limit)) }
        return value.size(in: 0...limit).map(Double.init)
    }

    private static func range(_ least: Int, _ greatest: Int, reading value: PlanValue) -> ClosedRange<Int>? {
        guard least <= greatest else {
            value.report("the smallest length, \(least), is above the largest, \(greatest)")
            return nil
        }
        return least...greatest
    }
}
