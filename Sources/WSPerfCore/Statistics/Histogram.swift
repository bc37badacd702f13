/// The distribution of any number of values in a fixed amount of memory: an HDR histogram of three significant digits.
///
/// The layout is Gil Tene's HdrHistogram with a lowest discernible value of 1: values below 2,048 are counted exactly,
/// larger ones in buckets no wider than 1/1,024 of the value. Values are unsigned integers of any unit (WSPerf records
/// nanoseconds) from 0 to `highestTrackableValue`; a larger one is counted as that, and in `saturated`.
///
/// Count, minimum, maximum, sum and sum of squares are kept separately from the buckets, and exactly. Merging only adds
/// integers, so its order and grouping don't affect the histogram, its mean or its standard deviation.
///
/// ```swift
/// var histogram = Histogram()
/// histogram.record(1_250_000)
/// print(histogram)                    // its most important figures
/// if let p99 = histogram.percentile(99), p99 < 500_000_000 { print("fast enough") }
/// ```
///
/// The figures of an empty histogram are nil, so that a limit can't pass because nothing was measured.
public struct Histogram: Sendable {
    /// The largest value that can be told from larger ones: 2⁴², about 73 minutes in nanoseconds.
    public static var highestTrackableValue: UInt64 { 1 << 42 }

    /// Count of each bucket, from bucket 0 to at least the highest ever touched; zero outside `lowest ... highest`.
    var buckets: [UInt64] = []
    /// The smallest value; `UInt64.max` while there is none, so that recording needs no special case for the first.
    var lowest: UInt64 = .max
    /// The largest value; 0 while there is none.
    var highest: UInt64 = 0

    /// Number of values recorded.
    public internal(set) var count: UInt64 = 0
    /// How many of them were larger than `highestTrackableValue`.
    public internal(set) var saturated: UInt64 = 0
    /// Sum of all values.
    public internal(set) var sum: UInt128 = 0
    /// Sum of the squares of all values.
    public internal(set) var sumOfSquares: UInt128 = 0

    /// An empty histogram; it owns no storage until something is recorded.
    public init() {}

    /// Counts `value`. Allocates only if it is larger than every value before it, including those before a `reset()`.
    @inline(__always)
    public mutating func record(_ value: UInt64) {
        var value = value
        if value > Self.highestTrackableValue {
            value = Self.highestTrackableValue
            saturated &+= 1
        }
        let bucket = Self.bucket(of: value)
        if bucket >= buckets.count { grow(toHold: bucket) }
        buckets[bucket] &+= 1
        count &+= 1
        if value < lowest { lowest = value }
        if value > highest { highest = value }
        sum &+= UInt128(truncatingIfNeeded: value)
        let square = value.multipliedFullWidth(by: value)
        sumOfSquares &+= UInt128(truncatingIfNeeded: square.high) << 64 | UInt128(truncatingIfNeeded: square.low)
    }

    /// Adds all values of `other`. Costs in proportion to the range of buckets `other` has touched.
    public mutating func merge(_ other: Histogram) {
        guard other.count > 0 else { return }
        let touched = other.touchedBuckets
        if touched.upperBound > buckets.count { grow(toHold: touched.upperBound - 1) }
        for bucket in touched { buckets[bucket] &+= other.buckets[bucket] }
        count &+= other.count
        saturated &+= other.saturated
        lowest = Swift.min(lowest, other.lowest)
        highest = Swift.max(highest, other.highest)
        sum &+= other.sum
        sumOfSquares &+= other.sumOfSquares
    }

    /// Adds all values of `other`, as `merge(_:)` does.
    public static func += (a: inout Histogram, b: Histogram) { a.merge(b) }

    /// Forgets all values and keeps the storage. Costs in proportion to the range of buckets touched, unless a copy
    /// shares the storage: to hand out a delta and start the next, merge it into the receiver's histogram first.
    public mutating func reset() {
        for bucket in touchedBuckets { buckets[bucket] = 0 }
        count = 0
        saturated = 0
        lowest = .max
        highest = 0
        sum = 0
        sumOfSquares = 0
    }

    /// The range of buckets outside which all counts are zero.
    var touchedBuckets: Range<Int> {
        count == 0 ? 0..<0 : Self.bucket(of: lowest)..<Self.bucket(of: highest) + 1
    }

    /// The same with 16 neighbouring buckets combined into one, which takes a tenth of the bytes when encoded. Count,
    /// minimum, maximum and sums stay exact; percentiles are at most 1/64 (below 2,048: 15) too high.
    package func coarsened() -> Histogram {
        var result = self
        guard let last = touchedBuckets.last else { return result }
        // The first and last bucket stay, because they hold the minimum and maximum.
        for bucket in touchedBuckets.dropFirst().dropLast() where result.buckets[bucket] > 0 {
            let home = Swift.min(bucket | 15, last)
            guard home != bucket else { continue }
            result.buckets[home] &+= result.buckets[bucket]
            result.buckets[bucket] = 0
        }
        return result
    }

    @inline(never)
    mutating func grow(toHold bucket: Int) {
        // Reserves all that it can ever need; only what is touched takes memory. Growing step by step would fragment
        // the heap, once for each of a run's many histograms.
        if bucket >= buckets.capacity { buckets.reserveCapacity(Self.lastBucket + 1) }
        // One by one: appending a sequence of zeros would allocate in a build without optimisation.
        while buckets.count <= bucket { buckets.append(0) }
    }
}

// MARK: - Reading

extension Histogram {
    /// True if nothing was recorded.
    public var isEmpty: Bool { count == 0 }

    /// The smallest value, exactly; nil if there is none.
    public var min: UInt64? { isEmpty ? nil : lowest }

    /// The largest value, exactly (at most `highestTrackableValue`); nil if there is none.
    public var max: UInt64? { isEmpty ? nil : highest }

    /// The arithmetic mean of all values, from the exact sum; nil if there is none.
    public var mean: Double? { isEmpty ? nil : Double(sum) / Double(count) }

    /// The standard deviation of all values (of the population: divided by `count`), from the exact sums; nil if there is
    /// none.
    public var standardDeviation: Double? {
        guard !isEmpty else { return nil }
        // count² · variance = count · Σx² − (Σx)², taken in 256 bits because the two are close to each other.
        let scaled = sumOfSquares.multipliedFullWidth(by: UInt128(count))
        let squared = sum.multipliedFullWidth(by: sum)
        let (low, borrow) = scaled.low.subtractingReportingOverflow(squared.low)
        let high = scaled.high &- squared.high &- (borrow ? 1 : 0)
        let difference = Double(high) * 0x1p128 + Double(low)
        return difference.squareRoot() / Double(count)
    }

    /// The value that `percentile` per cent of all values do not exceed. As in HdrHistogram, it is the highest value
    /// equivalent to the one of this rank, but never more than `max`.
    ///
    /// - Parameter percentile: 0 ... 100; values outside are clamped. 0 gives `min`.
    /// - Returns: nil if the histogram is empty.
    public func percentile(_ percentile: Double) -> UInt64? {
        guard !isEmpty else { return nil }
        guard percentile > 0 else { return lowest }
        guard percentile < 100 else { return highest }
        // Lower by one unit in the last place, so that a rounding error does not move the rank into the next bucket.
        let exact = (percentile.nextDown * Double(count) / 100).rounded(.up)
        let rank = Swift.max(1, exact < Double(count) ? UInt64(exact) : count)
        var seen: UInt64 = 0
        for bucket in touchedBuckets {
            seen &+= buckets[bucket]
            if seen >= rank { return Swift.max(Swift.min(Self.values(of: bucket).upperBound, highest), lowest) }
        }
        return highest
    }

    /// A non-empty bucket.
    public struct Bucket: Sendable, Hashable {
        /// The values counted in this bucket.
        public var values: ClosedRange<UInt64>
        /// How many there were; never 0.
        public var count: UInt64
    }

    /// The non-empty buckets, in ascending order of their values.
    public var nonZeroBuckets: some Sequence<Bucket> {
        touchedBuckets.lazy.filter { buckets[$0] > 0 }.map { bucket in
            Bucket(values: Self.values(of: bucket), count: buckets[bucket])
        }
    }
}

// MARK: - Layout

extension Histogram {
    /// The number of the last bucket.
    static var lastBucket: Int { bucket(of: highestTrackableValue) }

    /// The bucket of a value up to `highestTrackableValue`: the value itself below 2,048; above, 1,024 buckets per
    /// power of two.
    @inline(__always)
    static func bucket(of value: UInt64) -> Int {
        let shift = 53 &- (value | 2047).leadingZeroBitCount
        return shift &<< 10 &+ Int(truncatingIfNeeded: value &>> UInt64(truncatingIfNeeded: shift))
    }

    /// The values counted in a bucket.
    static func values(of bucket: Int) -> ClosedRange<UInt64> {
        guard bucket >= 2048 else { return UInt64(bucket)...UInt64(bucket) }
        let shift = UInt64(bucket >> 10 - 1)
        let first = UInt64(bucket & 1023 | 1024) << shift
        return first...first + (1 << shift - 1)
    }
}

/// Two histograms are equal if they hold the same values, whatever storage they keep.
extension Histogram: Equatable {
    public static func == (a: Histogram, b: Histogram) -> Bool {
        guard a.count == b.count, a.saturated == b.saturated, a.lowest == b.lowest, a.highest == b.highest,
            a.sum == b.sum, a.sumOfSquares == b.sumOfSquares
        else { return false }
        return a.touchedBuckets.allSatisfy { a.buckets[$0] == b.buckets[$0] }
    }
}

/// A few figures instead of thousands of buckets.
extension Histogram: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String {
        guard let mean, let median = percentile(50), let p99 = percentile(99) else { return "Histogram()" }
        return "Histogram(count: \(count), min: \(lowest), mean: \(mean), p50: \(median), p99: \(p99), max: \(highest))"
    }

    public var debugDescription: String { description }
}
