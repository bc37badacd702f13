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
