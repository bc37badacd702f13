/// A snapshot together with its bytes, so that a journal holds the bytes that the worker sent.
///
/// Both always have the same meaning. The bytes may be longer than `snapshot.encoded()`, because another version may
/// have written them.
public struct EncodedSnapshot: Sendable, Equatable {
    public let snapshot: Snapshot
    /// The binary form of `snapshot`; Docs/WireProtocol.md, "Snapshot body", describes it.
    public let bytes: [UInt8]

    /// Encodes a snapshot that was made in this process.
    public init(_ snapshot: Snapshot) {
        self.snapshot = snapshot
        bytes = snapshot.encoded()
    }

    /// Decodes a snapshot and keeps its bytes unchanged. The bytes may be untrusted.
    public init(decoding bytes: [UInt8]) throws(SnapshotDecodingError) {
        snapshot = try Snapshot(decoding: bytes)
        self.bytes = bytes
    }
}
