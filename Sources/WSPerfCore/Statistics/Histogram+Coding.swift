extension Histogram {
    /// The most values that a decoded histogram may claim to hold. With this limit, and values of at most 2⁴², the sum
    /// of squares stays below 2¹²⁷.
    static let decodableCount: UInt64 = 1 << 43

    /// The compact binary form of one distribution; Docs/WireProtocol.md, "Snapshot body", describes it.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        encode(into: &writer)
        return writer.bytes
    }

    /// Reads what `encoded()` wrote. The bytes may be untrusted.
    public init(decoding bytes: [UInt8]) throws(SnapshotDecodingError) {
        var reader = ByteReader(bytes)
        try self.init(from: &reader)
        guard reader.remaining == 0 else { throw reader.fault("something follows its end") }
    }

    /// Writes the exact figures, then the non-empty buckets as pairs of gap and count.
    func encode(into writer: inout ByteWriter) {
        writer.write(varint: count)
        guard !isEmpty else { return }
        writer.write(varint: saturated)
        writer.write(varint: lowest)
        writer.write(varint: highest)
        writer.write(varint: sum)
        writer.write(varint: sumOfSquares)
        var last = touchedBuckets.lowerBound - 1
        writer.write(varint: UInt64(touchedBuckets.count { buckets[$0] > 0 }))
        for bucket in touchedBuckets where buckets[bucket] > 0 {
            writer.write(varint: UInt64(bucket - last - 1))
            writer.write(varint: buckets[bucket])
            last = bucket
        }
    }

    /// Reads what `encode(into:)` wrote, and refuses anything whose parts contradict each other. Allocates at most the
    /// fixed size of a full histogram (264 KiB).
    init(from reader: inout ByteReader) throws(SnapshotDecodingError) {
        self.init()
        let count: UInt64 = try reader.readVarint(atMost: Self.decodableCount)
        guard count > 0 else { return }
        let saturated = try reader.readVarint(atMost: count)
        let lowest = try reader.readVarint(atMost: Self.highestTrackableValue)
        let highest = try reader.readVarint(atMost: Self.highestTrackableValue)
        let sum: UInt128 = try reader.readVarint()
        let sumOfSquares: UInt128 = try reader.readVarint()
        guard lowest <= highest, saturated == 0 || highest == Self.highestTrackableValue else {
            throw reader.fault("a histogram's minimum and maximum contradict each other")
        }
        let values = UInt128(count)
        // The last condition keeps the variance from being negative (Cauchy–Schwarz).
        guard sum >= values * UInt128(lowest), sum <= values * UInt128(highest),
            sumOfSquares <= values * UInt128(highest) * UInt128(highest),
            values.multipliedFullWidth(by: sumOfSquares) >= sum.multipliedFullWidth(by: sum)
        else { throw reader.fault("a histogram's sums contradict its values") }

        let range = Self.bucket(of: lowest)...Self.bucket(of: highest)
        let pairs = try reader.readVarint(atMost: UInt64(range.count))
        guard pairs > 0, pairs <= UInt64(reader.remaining / 2) else {
            throw reader.fault("a histogram has an impossible number of buckets")
        }
        var buckets = [UInt64](repeating: 0, count: range.upperBound + 1)
        var next = range.lowerBound
        var seen: UInt64 = 0
        for pair in 1...pairs {
            let bucket = next + Int(try reader.readVarint(atMost: UInt64(range.count)))
            let held = try reader.readVarint(atMost: count - seen)
            guard range.contains(bucket), held > 0, pair > 1 || bucket == range.lowerBound,
                pair < pairs || bucket == range.upperBound
            else { throw reader.fault("a histogram's buckets contradict its minimum or maximum") }
            buckets[bucket] = held
            seen += held
            next = bucket + 1
        }
        guard seen == count, saturated <= buckets[range.upperBound] else {
            throw reader.fault("a histogram's buckets do not add up to its count")
        }
        self.buckets = buckets
        self.count = count
        self.saturated = saturated
        self.lowest = lowest
        self.highest = highest
        self.sum = sum
        self.sumOfSquares = sumOfSquares
    }
}
