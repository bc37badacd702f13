/// Draws lengths from a `LengthDistribution`, precomputed for speed.
struct LengthSampler: Sendable {
    private enum Shape: Sendable, BitwiseCopyable {
        case fixed(Int)
        case uniform(least: Int, greatest: Int)
        case normal(mean: Double, deviation: Double, least: Int, greatest: Int)
        case exponential(mean: Double, least: Int, greatest: Int)
        /// Uses `steps`; `total` is the sum of the weights.
        case weighted(total: Double)
    }

    private struct Step: Sendable, BitwiseCopyable {
        /// The sum of the weights up to and including this one.
        var bound: Double
        var length: Int
    }

    private let shape: Shape
    private let steps: SharedArray<Step>

    init(_ distribution: LengthDistribution) {
        var steps: [Step] = []
        switch distribution {
        case .fixed(let length):
            shape = .fixed(max(0, length))
        case .uniform(let range):
            let range = Self.clamped(range)
            shape = .uniform(least: range.lowerBound, greatest: range.upperBound)
        case .normal(let mean, let deviation, let range):
            let range = Self.clamped(range)
            shape = .normal(mean: mean, deviation: deviation, least: range.lowerBound, greatest: range.upperBound)
        case .exponential(let mean, let range):
            let range = Self.clamped(range)
            shape = .exponential(mean: mean, least: range.lowerBound, greatest: range.upperBound)
        case .weighted(let list):
            var total = 0.0
            for entry in list where entry.weight > 0 && entry.weight.isFinite {
                total += entry.weight
                steps.append(Step(bound: total, length: max(0, entry.length)))
            }
            shape = steps.isEmpty ? .fixed(0) : .weighted(total: total)
        }
        self.steps = SharedArray(steps)
    }

    private static func clamped(_ range: ClosedRange<Int>) -> ClosedRange<Int> {
        range.clamped(to: 0...LengthDistribution.limit)
    }

    /// A length, never negative.
    func next(using random: inout SeededGenerator) -> Int {
        switch shape {
        case .fixed(let length):
            return length
        case .uniform(let least, let greatest):
            return random.nextInteger(in: least...greatest)
        case .normal(let mean, let deviation, let least, let greatest):
            let length = Int64(saturating: random.nextNormal(mean: mean, deviation: deviation))
            return min(max(Int(length), least), greatest)
        case .exponential(let mean, let least, let greatest):
            let length = Int64(saturating: random.nextExponential(mean: mean))
            return min(max(Int(length), least), greatest)
        case .weighted(let total):
            return weighted(at: random.nextUnit() * total)
        }
    }

    /// The length of the first step whose bound is above `place`.
    private func weighted(at place: Double) -> Int {
        var low = 0
        // Rounding can put `place` at the very end, which belongs to the last step.
        var high = steps.count - 1
        while low < high {
            let middle = (low + high) / 2
            if steps[middle].bound > place { high = middle } else { low = middle + 1 }
        }
        return steps[low].length
    }
}
