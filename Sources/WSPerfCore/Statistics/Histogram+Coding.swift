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
        guard lowest <= highest else { throw reader.fault("max below min") }
        guard saturated == 0 || highest == Self.highestTrackableValue else {
            throw reader.fault("saturated values, but max is not 2⁴²")
        }
        let values = UInt128(count)
        guard sum >= values * UInt128(lowest) else { throw reader.fault("sum below count × min") }
        guard sum <= values * UInt128(highest) else { throw reader.fault("sum above count × max") }
        guard sumOfSquares <= values * UInt128(highest) * UInt128(highest) else {
            throw reader.fault("sum of squares above count × max²")
        }
        // This keeps the variance from being negative (Cauchy–Schwarz).
        guard values.multipliedFullWidth(by: sumOfSquares) >= sum.multipliedFullWidth(by: sum) else {
            throw reader.fault("sum of squares below sum² / count")
        }

        let range = Self.bucket(of: lowest)...Self.bucket(of: highest)
        let pairs = try reader.readVarint(atMost: UInt64(range.count))
        guard pairs > 0, pairs <= UInt64(reader.remaining / 2) else {
            throw reader.fault("an impossible number of buckets")
        }
        var buckets = [UInt64](repeating: 0, count: range.upperBound + 1)
        var next = range.lowerBound
        var seen: UInt64 = 0
        for pair in 1...pairs {
            let bucket = next + Int(try reader.readVarint(atMost: UInt64(range.count)))
            let held: UInt64 = try reader.readVarint()
            guard range.contains(bucket) else { throw reader.fault("a bucket above that of max") }
            guard held > 0 else { throw reader.fault("an empty bucket") }
            guard held <= count - seen else { throw reader.fault("more values in its buckets than count") }
            guard pair > 1 || bucket == range.lowerBound else {
                throw reader.fault("its first bucket is not that of min")
            }
            guard pair < pairs || bucket == range.upperBound else {
                throw reader.fault("its last bucket is not that of max")
            }
            buckets[bucket] = held
            seen += held
            next = bucket + 1
        }
        guard seen == count else { throw reader.fault("fewer values in its buckets than count") }
        guard saturated <= buckets[range.upperBound] else {
            throw reader.fault("more saturated values than its last bucket holds")
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
