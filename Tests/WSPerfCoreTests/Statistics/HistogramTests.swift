import Testing

@testable import WSPerfCore

@Suite("Histogram")
struct HistogramTests {
    static let percentiles: [Double] = [0, 0.001, 1, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 99.999, 100]

    private func histogram(_ values: some Sequence<UInt64>) -> Histogram {
        var histogram = Histogram()
        for value in values { histogram.record(value) }
        return histogram
    }

    @Test("agrees with an independent implementation", arguments: ValueShape.allCases, [1, 2, 10, 999, 20_000])
    func oracle(shape: ValueShape, count: Int) throws {
        let values = shape.values(count, seed: UInt64(count) + 7)
        let histogram = histogram(values)
        var oracle = HdrOracle(upTo: 1 << 43)
        for value in values { oracle.record(value) }

        #expect(histogram.count == oracle.count)
        for percentile in Self.percentiles {
            // The oracle takes its minimum from the bucket, not from the value.
            let expected = percentile == 0 ? values.min() : oracle.percentile(percentile)
            #expect(histogram.percentile(percentile) == expected, "percentile \(percentile)")
        }
        let buckets = Array(histogram.nonZeroBuckets)
        #expect(buckets.map(\.count) == oracle.buckets.map(\.count))
        #expect(zip(buckets, oracle.buckets).allSatisfy { $0.values.contains($1.value) })
        // Ours are exact; the oracle's come from the middle of each bucket.
        let (mean, deviation) = (try #require(histogram.mean), try #require(histogram.standardDeviation))
        #expect(abs(mean - oracle.mean) <= oracle.mean / 1024 + 0.5)
        #expect(abs(deviation - oracle.standardDeviation) <= oracle.mean / 512 + 1)
    }

    @Test("computes mean and standard deviation from the values themselves", arguments: ValueShape.allCases)
    func moments(shape: ValueShape) throws {
        let values = shape.values(5000, seed: 3)
        let mean = values.reduce(0) { $0 + Double($1) } / 5000
        let variance = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / 5000
        let histogram = histogram(values)
        #expect(abs(try #require(histogram.mean) - mean) <= mean * 1e-12)
        #expect(abs(try #require(histogram.standardDeviation) - variance.squareRoot()) <= mean * 1e-9)
        #expect(histogram.min == values.min() && histogram.max == values.max())
    }

    @Test("keeps the standard deviation of values that differ little")
    func closeTogether() {
        let base: UInt64 = 4_000_000_000_000
        let histogram = histogram((0..<1_000_000).map { base + UInt64($0 % 2) })
        #expect(histogram.standardDeviation == 0.5)
        #expect(histogram.mean == Double(base) + 0.5)
    }

    @Test("merges, in any order and grouping, to the same as recording all into one", arguments: ValueShape.allCases)
    func merging(shape: ValueShape) {
        let parts =
            ValueShape.allCases.enumerated().map { $1.values(300 * ($0 + 1), seed: UInt64($0)) }
            + [shape.values(900, seed: 99)]
        let whole = histogram(parts.joined())
        var random = SeededGenerator(seed: 11, stream: 0)
        for _ in 0..<10 {
            var pool = parts.map { histogram($0) } + [Histogram()]
            while pool.count > 1 {
                pool.shuffle(using: &random)
                let last = pool.removeLast()
                pool[0] += last
            }
            #expect(pool[0] == whole)
            #expect(pool[0].mean == whole.mean && pool[0].standardDeviation == whole.standardDeviation)
        }
    }

    @Test("has buckets that cover the range without gaps and within the promised precision")
    func layout() throws {
        var next: UInt64 = 0
        for bucket in 0...Histogram.lastBucket {
            let values = Histogram.values(of: bucket)
            let width = values.upperBound - values.lowerBound + 1
            let isRight =
                values.lowerBound == next && Histogram.bucket(of: values.lowerBound) == bucket
                && Histogram.bucket(of: values.upperBound) == bucket
                && (values.upperBound < 2048 ? width == 1 : width * 1024 <= values.lowerBound)
            try #require(isRight, "bucket \(bucket)")
            next = values.upperBound + 1
        }
        #expect(Histogram.values(of: Histogram.lastBucket).contains(Histogram.highestTrackableValue))
    }

    @Test("counts a value that is too large as the largest trackable one")
    func saturation() {
        let histogram = histogram([5, .max, 1 << 42, (1 << 42) + 1])
        #expect(histogram.count == 4)
        #expect(histogram.saturated == 2)
        #expect(histogram.max == 1 << 42)
        #expect(histogram.percentile(100) == 1 << 42)
        #expect(histogram.sum == 5 + 3 << 42)
    }

    /// So that `p99 < 500 ms` does not pass because nothing was measured.
    @Test("has no figures when empty, at first and after a reset")
    func empty() {
        var histogram = histogram([5])
        histogram.reset()
        for histogram in [Histogram(), histogram] {
            #expect(histogram.isEmpty && histogram.min == nil && histogram.max == nil)
            #expect([-1, 0, 50, 99, 100, .nan].allSatisfy { histogram.percentile($0) == nil })
            #expect(histogram.mean == nil && histogram.standardDeviation == nil)
            #expect(histogram.nonZeroBuckets.map(\.count) == [] && histogram.description == "Histogram()")
        }
    }

    @Test("forgets everything on reset, keeps its storage, and compares by content")
    func reset() {
        var histogram = histogram([3, 50_000_000, 7])
        let storage = histogram.buckets.count
        histogram.reset()
        #expect(histogram == Histogram())
        #expect(histogram.buckets.count == storage && histogram.buckets.allSatisfy { $0 == 0 })
        histogram.record(3)
        #expect(histogram == self.histogram([3]))
        #expect(histogram != self.histogram([4]))
    }

    @Test(
        "loses resolution when coarsened, and stays exact where it says so", arguments: ValueShape.allCases,
        [1, 2, 20_000])
    func coarse(shape: ValueShape, count: Int) throws {
        let exact = histogram(shape.values(count, seed: 3))
        let coarse = exact.coarsened()
        #expect(coarse.count == exact.count && coarse.min == exact.min && coarse.max == exact.max)
        #expect(coarse.mean == exact.mean && coarse.standardDeviation == exact.standardDeviation)
        for percentile in Self.percentiles {
            let found = try #require(coarse.percentile(percentile))
            let expected = try #require(exact.percentile(percentile))
            #expect(found >= expected && found <= expected + max(15, expected / 64), "percentile \(percentile)")
        }
        #expect(try Histogram(decoding: coarse.encoded()) == coarse)
        #expect(coarse.coarsened() == coarse)
    }

    @Test("never allocates again for values within the range it has reached")
    func steadyState() {
        var histogram = histogram([1 << 30])
        let before = histogram.buckets.withUnsafeBufferPointer { $0.baseAddress }
        for value in ValueShape.exponential.values(10_000, seed: 1) { histogram.record(min(value, 1 << 30)) }
        histogram.reset()
        for value in ValueShape.uniform.values(10_000, seed: 1) { histogram.record(value) }
        #expect(histogram.buckets.withUnsafeBufferPointer { $0.baseAddress } == before)
    }

    @Test("clamps percentiles to 0 ... 100")
    func percentileRange() {
        let histogram = histogram([10, 20, 30])
        #expect(histogram.percentile(-5) == 10 && histogram.percentile(500) == 30 && histogram.percentile(.nan) == 10)
    }
}
