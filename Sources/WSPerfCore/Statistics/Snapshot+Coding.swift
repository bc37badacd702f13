extension Snapshot {
    /// Version of the format, its first byte.
    package static let formatVersion: UInt8 = 2

    /// The compact binary form of a snapshot; Docs/WireProtocol.md, "Snapshot body", describes it.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(Self.formatVersion)
        writer.write(isFinal ? 1 : 0)
        writer.write(varint: sequence)
        writer.write(varint: elapsed)
        statistics.encode(into: &writer)
        return writer.bytes
    }

    /// Reads what `encoded()` wrote, with the same checks and bounds as `LoadStatistics.init(decoding:)`.
    public init(decoding bytes: [UInt8]) throws(SnapshotDecodingError) {
        var reader = ByteReader(bytes)
        let version = try reader.readByte()
        guard version == Self.formatVersion else {
            throw reader.fault("version \(version) is not known, only \(Self.formatVersion)")
        }
        let flags = try reader.readByte()
        guard flags <= 1 else { throw reader.fault("its flags are not known") }
        let sequence: UInt64 = try reader.readVarint()
        let elapsed: UInt64 = try reader.readVarint()
        let statistics = try LoadStatistics(from: &reader)
        guard reader.remaining == 0 else { throw reader.fault("something follows its end") }
        self.init(sequence: sequence, elapsed: elapsed, isFinal: flags == 1, statistics: statistics)
    }
}

/// Bytes that are not a snapshot body.
public struct SnapshotDecodingError: Error, Hashable, CustomStringConvertible {
    /// The rule that the body breaks, as the end of a sentence about the body: "max below min in field 'rtt_service'".
    public let reason: String
    /// How far into the body it was found, in bytes.
    public let offset: Int

    init(reason: String, offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    /// The offence and its place, without the words that say what the bytes should have been.
    public var offence: String { "\(reason) (byte \(offset))" }

    public var description: String { "not a snapshot body: \(offence)" }

    /// The same error, found while this field was read.
    func inField(_ name: String) -> SnapshotDecodingError {
        SnapshotDecodingError(reason: "\(reason) in field '\(name)'", offset: offset)
    }
}
