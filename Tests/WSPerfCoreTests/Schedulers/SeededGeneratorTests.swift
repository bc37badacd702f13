import Testing

@testable import WSPerfCore

@Suite struct SeededGeneratorTests {
    /// The first numbers of the reference implementation (xoroshiro128plusplus.c) from the state 1, 2.
    @Test func referenceVectors() {
        var generator = SeededGenerator(state: 1, 2)
        let expected: [UInt64] = [
            393_217, 669_327_710_093_319, 1_732_421_326_133_921_491, 11_394_790_081_659_126_983,
            9_555_452_776_773_192_676, 3_586_421_180_005_889_563, 1_691_397_964_866_707_553,
            10_735_626_796_753_111_697, 15_216_282_715_349_408_991, 14_247_243_556_711_267_923,
        ]
        #expect(expected.map { _ in generator.next() } == expected)
    }

    @Test func allZeroStateIsReplaced() {
        var generator = SeededGenerator(state: 0, 0)
        #expect(generator.next() != 0)
    }

    /// A plan's seed means the same load for ever: these numbers must not change.
    @Test func seedingIsPinned() {
        var generator = SeededGenerator(seed: 42, stream: 7)
        #expect(
            (0..<3).map { _ in generator.next() } == [
                5_966_803_872_391_912_136, 7_700_927_977_913_257_950, 14_050_733_887_850_547_962,
            ])
    }

    @Test func sameSeedAndStreamSameNumbers() {
        var one = SeededGenerator(seed: 5, stream: 6)
        var other = SeededGenerator(seed: 5, stream: 6)
        #expect((0..<1000).allSatisfy { _ in one.next() == other.next() })
    }

    @Test func streamsAndSeedsDiffer() {
        var states = Set<SeededGenerator>()
        var first = Set<UInt64>()
        for seed in UInt64(0)..<100 {
            for stream in UInt64(0)..<1000 {
                var generator = SeededGenerator(seed: seed, stream: stream)
                states.insert(generator)
                first.insert(generator.next())
            }
        }
        #expect(states.count == 100_000)
        #expect(first.count == 100_000)
    }

    /// Neighbouring streams, whose numbers stand bit over bit, agree in half of the bits.
    @Test func neighbouringStreamsAreUncorrelated() {
        var agreeing = 0
        for stream in UInt64(0)..<1000 {
            var one = SeededGenerator(seed: 1, stream: stream)
            var other = SeededGenerator(seed: 1, stream: stream + 1)
            for _ in 0..<10 { agreeing += (~(one.next() ^ other.next())).nonzeroBitCount }
        }
        // 640,000 coin flips: standard deviation 400.
        #expect(abs(agreeing - 320_000) < 5 * 400)
    }

    @Test func sizeOfTheState() {
        #expect(MemoryLayout<SeededGenerator>.size == 16)
    }

    @Test func unitIsHalfOpen() {
        var generator = SeededGenerator(seed: 1, stream: 1)
        var sum = 0.0
        for _ in 0..<100_000 {
            let unit = generator.nextUnit()
            #expect(unit >= 0 && unit < 1)
            sum += unit
        }
        #expect(abs(sum / 100_000 - 0.5) < 5 * (1.0 / 12 / 100_000).squareRoot())
    }

    @Test(arguments: [
        0...0, -3...3, 0...9, 5...6, Int.min...Int.max, Int.max...Int.max, Int.min...Int.min, 0...Int.max,
    ])
    func integersStayInTheirRange(range: ClosedRange<Int>) {
        var generator = SeededGenerator(seed: 3, stream: 9)
        for _ in 0..<1000 { #expect(range.contains(generator.nextInteger(in: range))) }
    }

    @Test func integersAreUniform() {
        var generator = SeededGenerator(seed: 11, stream: 0)
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[generator.nextInteger(in: -3...3) + 3] += 1 }
        for count in counts { #expect(abs(count - 10_000) < 5 * 93) }
    }

    @Test(arguments: 0..<8)
    func exponential(stream: UInt64) {
        let moments = Moments(of: 20_000, stream: stream) { $0.nextExponential(mean: 3) }
        #expect(moments.least >= 0)
        #expect(abs(moments.mean - 3) < 5 * 3 / 20_000.0.squareRoot())
        #expect(abs(moments.deviation - 3) < 0.2)
    }

    @Test(arguments: 0..<8)
    func normal(stream: UInt64) {
        let moments = Moments(of: 20_000, stream: stream) { $0.nextNormal(mean: -10, deviation: 4) }
        #expect(abs(moments.mean + 10) < 5 * 4 / 20_000.0.squareRoot())
        #expect(abs(moments.deviation - 4) < 5 * 4 / 40_000.0.squareRoot())
    }

    @Test(arguments: [0.01, 0.5, 1, 3, 9.99, 10, 11, 30, 100, 1e4, 1e9], 0..<4)
    func poisson(mean: Double, stream: UInt64) {
        let moments = Moments(of: 20_000, stream: stream) { Double($0.nextPoisson(mean: mean)) }
        #expect(moments.least >= 0)
        #expect(abs(moments.mean - mean) < 5 * (mean / 20_000).squareRoot())
        // The variance of a Poisson distribution is its mean; that of the sample variance is (μ + 2μ²) / n.
        let bound = 5 * ((mean + 2 * mean * mean) / 20_000).squareRoot()
        #expect(abs(moments.deviation * moments.deviation - mean) < bound)
    }

    /// Each count as often as the probability function says, on either side of the change of method.
    @Test(arguments: [4.0, 12.0, 40.0])
    func poissonProbabilities(mean: Double) {
        var generator = SeededGenerator(seed: 8, stream: 0)
        let draws = 200_000
        var counts = [Int](repeating: 0, count: 200)
        for _ in 0..<draws { counts[generator.nextPoisson(mean: mean)] += 1 }
        var probability = 1.0
        for _ in 0..<Int(mean) { probability /= 2.718281828459045 }
        for (count, seen) in counts.enumerated() {
            if count > 0 { probability *= mean / Double(count) }
            let expected = probability * Double(draws)
            guard expected > 20 else { continue }
            #expect(abs(Double(seen) - expected) < 5 * expected.squareRoot(), "\(count)")
        }
    }

    @Test(arguments: [(0.0, 0), (-1.0, 0), (-Double.infinity, 0), (.nan, 0), (.infinity, 1 << 60), (1e300, 1 << 60)])
    func poissonOfAbsurdMeans(mean: Double, expected: Int) {
        var generator = SeededGenerator(seed: 8, stream: 0)
        #expect(generator.nextPoisson(mean: mean) == expected)
    }

    @Test(arguments: [
        (0.0, 0.0), (1, 0), (5, 4.787491742782046), (9, 12.801827480081469),
        (10, 15.104412573075516), (20, 42.335616460753485), (170, 706.5730622457874),
    ])
    func logFactorial(k: Double, expected: Double) {
        #expect(abs(SeededGenerator.logFactorial(k) - expected) < 1e-9)
    }
}

/// Mean, deviation and least of many draws.
private struct Moments {
    var mean: Double
    var deviation: Double
    var least: Double

    init(of count: Int, stream: UInt64, _ draw: (inout SeededGenerator) -> Double) {
        var generator = SeededGenerator(seed: 2024, stream: stream)
        let values = (0..<count).map { _ in draw(&generator) }
        let mean = values.reduce(0, +) / Double(count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        self.mean = mean
        deviation = (squares / Double(count - 1)).squareRoot()
        least = values.min() ?? 0
    }
}
