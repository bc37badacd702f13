import Testing

@testable import WSPerfCore

@Suite struct RandomizedSchedulerTests {
    typealias Distribution = RandomizedOptions.Distribution

    /// Worked out by an independent implementation of the generator and of the distributions.
    @Test(
        arguments: [
            (
                .exponential(mean: .seconds(60)),
                [8_699_163_853, 28_367_785_338, 64_033_083_025, 85_766_936_844, 227_121_355_089, 423_558_394_085]
            ),
            (
                .uniform(min: .milliseconds(500), max: .seconds(2)),
                [702_448_478, 1_621_699_012, 2_793_876_512, 3_749_694_086, 5_607_482_867, 7_550_698_008]
            ),
            (
                .normal(mean: .seconds(1), stddev: .milliseconds(250)),
                [975_189_497, 1_884_664_253, 3_412_052_978, 4_754_974_677, 5_795_307_322, 6_857_850_218]
            ),
            (
                .normal(mean: .zero, stddev: .seconds(1)),
                [0, 0, 2_109_554_901, 3_481_241_699, 3_642_572_281, 3_892_743_864]
            ),
            (
                .poisson(mean: .seconds(3), unit: .seconds(1)),
                [1_000_000_000, 8_000_000_000, 12_000_000_000, 21_000_000_000, 24_000_000_000, 29_000_000_000]
            ),
        ] as [(Distribution, [Int64])])
    func exactOffsets(distribution: Distribution, expected: [Int64]) {
        #expect(offsets(of: .randomized(distribution), 6) == expected)
    }

    @Test(
        arguments: [
            (.exponential(mean: .milliseconds(20)), 20e6, 20e6),
            (.uniform(min: .milliseconds(10), max: .milliseconds(30)), 20e6, 20e6 / 12.0.squareRoot()),
            (.uniform(min: .zero, max: .zero), 0, 0),
            (.normal(mean: .milliseconds(20), stddev: .milliseconds(2)), 20e6, 2e6),
            // Half of the draws count as zero: left of a deviation is φ(0) as the mean, 1/2 − φ(0)² as the variance.
            (.normal(mean: .zero, stddev: .milliseconds(10)), 10e6 * 0.398942, 10e6 * (0.5 - 0.159155).squareRoot()),
            (.poisson(mean: .milliseconds(20), unit: .milliseconds(1)), 20e6, 1e6 * 20.0.squareRoot()),
            (.poisson(mean: .milliseconds(20), unit: .milliseconds(10)), 20e6, 10e6 * 2.0.squareRoot()),
        ] as [(Distribution, Double, Double)], 0..<10)
    func meanDistance(of parameters: (distribution: Distribution, mean: Double, deviation: Double), seed: UInt64) {
        let count = 4000
        let sequence = offsets(of: .randomized(parameters.distribution), count, seed: seed)
        #expect(sequence == sequence.sorted())
        #expect(sequence[0] >= 0)
        let mean = Double(sequence[count - 1]) / Double(count)
        // Half a nanosecond more for the rounding of each distance.
        #expect(abs(mean - parameters.mean) <= 5 * parameters.deviation / Double(count).squareRoot() + 0.5)
    }

    @Test func uniformStaysInItsBounds() {
        let sequence = offsets(of: .randomized(.uniform(min: .nanoseconds(5), max: .nanoseconds(7))), 1000)
        let distances = Set(zip([0] + sequence, sequence).map { $1 - $0 })
        #expect(distances == [5, 6, 7])
    }

    @Test func poissonComesInWholeUnits() {
        let sequence = offsets(of: .randomized(.poisson(mean: .seconds(2), unit: .milliseconds(700))), 1000)
        #expect(sequence.allSatisfy { $0 % 700_000_000 == 0 })
    }

    @Test(
        arguments: [
            .exponential(mean: .seconds(Int64.max)),
            .uniform(min: .seconds(Int64.max), max: .seconds(Int64.max)),
            .uniform(min: .seconds(5), max: .seconds(-5)),
            .normal(mean: .seconds(Int64.max), stddev: .seconds(Int64.max)),
            .normal(mean: .seconds(Int64.min), stddev: .seconds(Int64.max)),
            .poisson(mean: .seconds(Int64.max), unit: .nanoseconds(1)),
            .poisson(mean: .seconds(Int64.max), unit: .seconds(Int64.max)),
            .poisson(mean: .seconds(1), unit: .zero),
            .exponential(mean: .seconds(-1)),
            .poisson(mean: .seconds(-1), unit: .seconds(-1)),
        ] as [Distribution])
    func absurdParametersSaturate(distribution: Distribution) {
        let sequence = offsets(of: .randomized(distribution), 1000)
        #expect(sequence.count == 1000)
        #expect(sequence == sequence.sorted())
        #expect(sequence[0] >= 0)
    }

    @Test func size() {
        #expect(MemoryLayout<RandomizedScheduler>.size <= 32)
    }

    @Test(
        arguments: [
            (0.4, 0), (0.5, 1), (-0.5, -1), (1e18, 1_000_000_000_000_000_000), (0x1p63, .max), (1e300, .max),
            (.infinity, .max), (-.infinity, .min), (-0x1p63, .min), (.nan, 0),
            (9_223_372_036_854_774_784, 9_223_372_036_854_774_784),
        ] as [(Double, Int64)])
    func saturatingConversion(value: Double, expected: Int64) {
        #expect(Int64(saturating: value) == expected)
    }
}
