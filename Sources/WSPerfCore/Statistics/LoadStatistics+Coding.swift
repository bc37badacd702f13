extension LoadStatistics {
    /// Version of the format, its first byte.
    static let formatVersion: UInt8 = 2
    /// The largest counter accepted from elsewhere: 2⁵³, which JSON can still hold.
    static let decodableCounter: UInt64 = 1 << 53

    /// The compact binary form that snapshots travel and are kept in; Docs/WireProtocol.md, "Snapshot body", describes
    /// it. The same statistics always give the same bytes.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        encode(into: &writer)
        return writer.bytes
    }

    /// Reads what `encoded()` wrote.
    ///
    /// The bytes need not be trusted: anything inconsistent is refused, and whatever they are, decoding allocates no more
    /// than eight full histograms (2.1 MiB) and a small multiple of their size.
    public init(decoding bytes: [UInt8]) throws(SnapshotDecodingError) {
        var reader = ByteReader(bytes)
        try self.init(from: &reader)
        guard reader.remaining == 0 else { throw reader.fault("something follows its end") }
    }

    func encode(into writer: inout ByteWriter) {
        writer.write(Self.formatVersion)
        for field in Self.counters { writer.write(varint: self[keyPath: field]) }
        Self.encode(outcomes, into: &writer)
        Self.encode(interruptions, into: &writer)
        for field in Self.distributions { self[keyPath: field].encode(into: &writer) }
    }

    init(from reader: inout ByteReader) throws(SnapshotDecodingError) {
        self.init()
        let version = try reader.readByte()
        guard version == Self.formatVersion else {
            throw reader.fault("version \(version) of its statistics is not known, only \(Self.formatVersion)")
        }
        for field in Self.counters { self[keyPath: field] = try reader.readVarint(atMost: Self.decodableCounter) }
        outcomes = try Self.decodeOutcomes(from: &reader)
        interruptions = try Self.decodeOutcomes(from: &reader)
        for field in Self.distributions { self[keyPath: field] = try Histogram(from: &reader) }
    }

    private static func encode(_ outcomes: [Outcome: UInt64], into writer: inout ByteWriter) {
        let counted = outcomes.filter { $0.value > 0 }.sorted { $0.key < $1.key }
        writer.write(varint: UInt64(counted.count))
        for (outcome, count) in counted {
            writer.write(varint: UInt64(outcome.rawValue.utf8.count))
            writer.write(outcome.rawValue.utf8)
            writer.write(varint: count)
        }
    }

    private static func decodeOutcomes(
        from reader: inout ByteReader
    ) throws(SnapshotDecodingError) -> [Outcome: UInt64] {
        var outcomes: [Outcome: UInt64] = [:]
        // Ascending order makes the encoding unique and rules duplicates out.
        var previous = ""
        for _ in 0..<(try reader.readVarint(atMost: UInt64(reader.remaining / 3))) {
            let length: UInt64 = try reader.readVarint(atMost: 40)
            let name = try reader.readBytes(Int(length))
            guard let outcome = Outcome(rawValue: String(decoding: name, as: UTF8.self)) else {
                throw reader.fault("an outcome has an impossible name")
            }
            guard outcome.rawValue > previous else { throw reader.fault("its outcomes are not in order") }
            previous = outcome.rawValue
            let count = try reader.readVarint(atMost: decodableCounter)
            guard count > 0 else { throw reader.fault("an outcome has no connections") }
            outcomes[outcome] = count
        }
        return outcomes
    }
}
