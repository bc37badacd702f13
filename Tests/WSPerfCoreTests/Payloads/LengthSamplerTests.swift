import Testing

@testable import WSPerfCore

@Suite struct LengthSamplerTests {
    private func draws(_ distribution: LengthDistribution, _ count: Int, seed: UInt64 = 7) -> [Int] {
        let sampler = LengthSampler(distribution)
        var random = SeededGenerator(seed: seed, stream: 0)
        return (0..<count).map { _ in sampler.next(using: &random) }
    }

    @Test func fixed() {
        #expect(draws(.fixed(240), 3) == [240, 240, 240])
        #expect(draws(.fixed(0), 1) == [0])
    }

    /// Worked out by an independent implementation.
    @Test func uniformExactly() {
        #expect(draws(.uniform(16...512), 8) == [35, 165, 179, 50, 393, 493, 139, 36])
    }

    @Test(
        arguments: [
            (.uniform(16...512), 264, 143.2),
            (.uniform(5...5), 5, 0),
            (.normal(mean: 200, stddev: 50, range: 0...400), 200, 50),
            (.exponential(mean: 200, range: 0...1 << 20), 200, 200),
            (.weighted([.init(length: 16, weight: 0.7), .init(length: 4096, weight: 0.3)]), 1240, 1869.7),
        ] as [(LengthDistribution, Double, Double)], 0..<8)
    func mean(of parameters: (distribution: LengthDistribution, mean: Double, deviation: Double), seed: UInt64) {
        let lengths = draws(parameters.distribution, 5000, seed: seed)
        let mean = Double(lengths.reduce(0, +)) / 5000
        #expect(abs(mean - parameters.mean) <= 5 * parameters.deviation / 5000.0.squareRoot() + 0.01)
    }

    @Test(
        arguments: [
            .uniform(16...18),
            .normal(mean: 200, stddev: 50, range: 190...210),
            .normal(mean: -1e300, stddev: 1e300, range: 3...9),
            .exponential(mean: 200, range: 100...250),
        ] as [LengthDistribution])
    func bothBoundsAreReachedAndKept(distribution: LengthDistribution) {
        let lengths = draws(distribution, 5000)
        #expect(lengths.min() == distribution.minimum)
        #expect(lengths.max() == distribution.maximum)
    }

    @Test(arguments: 1...20)
    func weightedByTheirWeights(entries: Int) {
        let list = (1...entries).map { LengthDistribution.Weighted(length: $0 * 10, weight: Double($0)) }
        var counts = [Int: Int]()
        for length in draws(.weighted(list), 20_000) { counts[length, default: 0] += 1 }
        let total = Double(entries * (entries + 1) / 2)
        for entry in list {
            let share = entry.weight / total
            let deviation = (20_000 * share * (1 - share)).squareRoot()
            #expect(abs(Double(counts[entry.length] ?? 0) - 20_000 * share) <= 5 * deviation)
        }
    }

    @Test(
        arguments: [
            (.weighted([]), 0), (.weighted([.init(length: 5, weight: 0)]), 0), (.fixed(-5), 0),
            (
                .weighted([
                    .init(length: 5, weight: -1), .init(length: 6, weight: .nan), .init(length: 7, weight: 1e-300),
                ]), 7
            ),
            (.exponential(mean: 1e300, range: 0...10), 10), (.uniform(-10 ... -5), 0),
            (.normal(mean: .nan, stddev: 1, range: 2...9), 2),
        ] as [(LengthDistribution, Int)])
    func absurdOnes(distribution: LengthDistribution, expected: Int) {
        #expect(Set(draws(distribution, 100)) == [expected])
    }
}
