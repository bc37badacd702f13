// In its own file, because the module has the name of its type, which is also WSPerfCore's.
internal import Histogram

/// An independent HDR histogram with the same layout, to compare with.
struct HdrOracle {
    private var histogram: Histogram<UInt64>

    init(upTo highest: UInt64) {
        histogram = Histogram(
            lowestDiscernibleValue: 1, highestTrackableValue: highest, numberOfSignificantValueDigits: .three)
    }

    mutating func record(_ value: UInt64) { precondition(histogram.record(value), "out of the oracle's range") }

    func percentile(_ percentile: Double) -> UInt64 { histogram.valueAtPercentile(percentile) }

    var count: UInt64 { histogram.totalCount }
    var mean: Double { histogram.mean }
    var standardDeviation: Double { histogram.stdDeviation }

    /// A value of each non-empty bucket, and the bucket's count.
    var buckets: [(value: UInt64, count: UInt64)] { histogram.recordedValues().map { ($0.value, $0.count) } }
}
