/// A snapshot together with its bytes, so that a journal holds the bytes that the worker sent.
///
/// Both always have the same meaning. The bytes may be longer than `snapshot.encoded()`, because another version may
/// have written them.
public struct EncodedSnapshot: Sendable, Equatable {
    public let snapshot: Snapshot
    /// The binary form of `snapshot`; Docs/WireProtocol.md, "Snapshot body", describes it.
    public let bytes: [UInt8]
    /// The first sequence number that it covers: that of `snapshot`, unless it was merged from several.
    public let firstSequence: UInt64

    /// Encodes a snapshot that was merged from those with the sequence numbers from `first` to its own.
    package init(_ snapshot: Snapshot, mergedFrom first: UInt64) {
        self.init(snapshot, bytes: snapshot.encoded(), first: first)
    }

    /// The same snapshot, said to be merged. A first number that cannot be is ignored.
    package func merged(from first: UInt64) -> EncodedSnapshot {
        EncodedSnapshot(snapshot, bytes: bytes, first: first)
    }

    private init(_ snapshot: Snapshot, bytes: [UInt8], first: UInt64) {
        self.snapshot = snapshot
        self.bytes = bytes
        firstSequence = (1...max(1, snapshot.sequence)).contains(first) ? first : snapshot.sequence
    }

    /// Encodes a snapshot that was made in this process.
    public init(_ snapshot: Snapshot) {
        self.init(snapshot, bytes: snapshot.encoded(), first: snapshot.sequence)
    }

    /// Decodes a snapshot and keeps its bytes unchanged. The bytes may be untrusted.
    public init(decoding bytes: [UInt8]) throws(SnapshotDecodingError) {
        let snapshot = try Snapshot(decoding: bytes)
        self.init(snapshot, bytes: bytes, first: snapshot.sequence)
    }
}
