/// Bytes that are not a snapshot body.
public struct SnapshotDecodingError: Error, Hashable, CustomStringConvertible {
    /// What is wrong, as the end of a sentence about the body.
    public let reason: String
    /// How far into the body it was found, in bytes.
    public let offset: Int

    init(reason: String, offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    public var description: String { "not a snapshot body: \(reason) (byte \(offset))" }
}
