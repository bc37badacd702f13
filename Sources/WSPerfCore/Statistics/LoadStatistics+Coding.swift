extension LoadStatistics {
    /// Version of the format, its first byte. It changes only if the encoding of fields changes: adding or removing a
    /// field needs no new version.
    package static let formatVersion: UInt8 = 3
    /// The largest counter that decoding accepts: 2⁵³, which JSON can still hold.
    static let decodableCounter: UInt64 = 1 << 53
    /// The most fields that decoding accepts.
    static let decodableFields: UInt64 = 1000

    /// How a field's value is written: the byte after its name. The set is open, because later versions may have more.
    private struct Kind: RawRepresentable, Equatable {
        var rawValue: UInt8

        /// A version that did not know the field has omitted its value. Only the name is there.
        static let omitted = Kind(rawValue: 0)
        static let counter = Kind(rawValue: 1)
        static let maximum = Kind(rawValue: 2)
        static let outcomes = Kind(rawValue: 3)
        static let histogram = Kind(rawValue: 4)

        init(rawValue: UInt8) { self.rawValue = rawValue }

        init(_ storage: Storage) {
            self =
                switch storage {
                case .counter: .counter
                case .maximum: .maximum
                case .outcomes: .outcomes
                case .histogram: .histogram
                }
        }

        var isKnown: Bool { rawValue <= Self.histogram.rawValue }
    }

    /// The compact binary form in which snapshots are sent and stored; Docs/WireProtocol.md, "Snapshot body", describes
    /// it. The same statistics always give the same bytes.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        encode(into: &writer)
        return writer.bytes
    }

    /// Reads what `encoded()` wrote, in this version or another. Fields that this version does not know are omitted;
    /// `unknownFields` has their names.
    ///
    /// The bytes may be untrusted. Anything inconsistent is refused, and decoding never allocates more than a full
    /// histogram (264 KiB) for each distribution that it knows plus a small multiple of their size.
    public init(decoding bytes: [UInt8]) throws(SnapshotDecodingError) {
        var reader = ByteReader(bytes)
        try self.init(from: &reader)
        guard reader.remaining == 0 else { throw reader.fault("something follows its end") }
    }

    func encode(into writer: inout ByteWriter) {
        var fields = Self.fieldsByName.filter { !isEmpty($0) }.map { (name: $0.name, field: Field?.some($0)) }
        if !unknownFields.isEmpty {
            fields += unknownFields.map { ($0, nil) }
            fields.sort { $0.name < $1.name }
        }
        writer.write(Self.formatVersion)
        writer.write(varint: UInt64(fields.count))
        for (name, field) in fields {
            writer.write(varint: UInt64(name.utf8.count))
            writer.write(name.utf8)
            guard let field else {
                writer.write(Kind.omitted.rawValue)
                writer.write(varint: UInt64(0))
                continue
            }
            writer.write(Kind(field.storage).rawValue)
            var value = ByteWriter()
            switch field.storage {
            case .counter(let path), .maximum(let path): value.write(varint: self[keyPath: path])
            case .outcomes(let path): Self.encode(self[keyPath: path], into: &value)
            case .histogram(let path): self[keyPath: path].encode(into: &value)
            }
            writer.write(varint: UInt64(value.bytes.count))
            writer.write(value.bytes)
        }
    }

    init(from reader: inout ByteReader) throws(SnapshotDecodingError) {
        self.init()
        let version = try reader.readByte()
        guard version == Self.formatVersion else {
            throw reader.fault("version \(version) of its statistics is not known, only \(Self.formatVersion)")
        }
        // Ascending order makes the encoding unique and excludes duplicates; both lists are in it.
        var known = Self.fieldsByName[...]
        var previous = ""
        var unknown: Set<String> = []
        for _ in 0..<(try reader.readVarint(atMost: Self.decodableFields)) {
            let name = try Self.decodeName(from: &reader, of: "a field")
            guard name > previous else {
                throw reader.fault("field '\(name)' comes after '\(previous)', but fields are ascending by name")
            }
            previous = name
            let kind = Kind(rawValue: try reader.readByte())
            let length = try reader.readVarint(atMost: UInt64(reader.remaining))
            known = known.drop { $0.name < name }
            if let field = known.first, field.name == name, kind.isKnown, kind != .omitted {
                guard kind == Kind(field.storage) else { throw reader.fault("field '\(name)' is of the wrong kind") }
                let end = reader.position + Int(length)
                do throws(SnapshotDecodingError) {
                    try decode(field, from: &reader)
                } catch {
                    throw error.inField(name)
                }
                guard reader.position == end else { throw reader.fault("field '\(name)' has the wrong length") }
                guard !isEmpty(field) else { throw reader.fault("field '\(name)' holds nothing") }
            } else {
                guard kind != .omitted || length == 0 else {
                    throw reader.fault("field '\(name)' holds something though it was left out")
                }
                _ = try reader.readBytes(Int(length))
                unknown.insert(name)
            }
        }
        addUnknown(unknown)
    }

    private mutating func decode(_ field: Field, from reader: inout ByteReader) throws(SnapshotDecodingError) {
        switch field.storage {
        case .counter(let path), .maximum(let path):
            self[keyPath: path] = try reader.readVarint(atMost: Self.decodableCounter)
        case .outcomes(let path): self[keyPath: path] = try Self.decodeOutcomes(from: &reader)
        case .histogram(let path): self[keyPath: path] = try Histogram(from: &reader)
        }
    }

    /// A name of `a-z`, `0-9` and `_`, 1 to 40 of them; safe to display as it is.
    private static func decodeName(
        from reader: inout ByteReader, of what: String
    ) throws(SnapshotDecodingError) -> String {
        let length: UInt64 = try reader.readVarint(atMost: 40)
        let name = try reader.readBytes(Int(length))
        guard !name.isEmpty, name.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }) else {
            throw reader.fault("\(what) has an impossible name")
        }
        return String(decoding: name, as: UTF8.self)
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
        // Ascending order makes the encoding unique and excludes duplicates.
        var previous = ""
        for _ in 0..<(try reader.readVarint(atMost: UInt64(reader.remaining / 3))) {
            guard let outcome = Outcome(rawValue: try decodeName(from: &reader, of: "an outcome")) else {
                throw reader.fault("an outcome has an impossible name")
            }
            guard outcome.rawValue > previous else {
                throw reader.fault(
                    "outcome '\(outcome.rawValue)' comes after '\(previous)', but outcomes are ascending by name")
            }
            previous = outcome.rawValue
            let count = try reader.readVarint(atMost: decodableCounter)
            guard count > 0 else { throw reader.fault("an outcome has no connections") }
            outcomes[outcome] = count
        }
        return outcomes
    }
}
