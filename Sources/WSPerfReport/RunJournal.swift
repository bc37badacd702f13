internal import CZlib
internal import Glibc
public import WSPerfCore

/// The record of a run: a file to which every event is appended, in order. Each event goes to the kernel at once, so
/// the record is complete even if the controller dies.
///
/// The file begins with `RunJournal.head`. A record is the length of its content and the CRC-32 of its content (both
/// 32 bits, little-endian), then the content. Nothing after a damaged record is read.
///
/// Confined to one thread.
public final class RunJournal {
    /// Version of the records.
    static let version = 2
    /// The first line: the versions of the records and of the statistics in the snapshots.
    static let head = Array("wsperf journal \(version), statistics \(Snapshot.formatVersion)\n".utf8)
    /// Version 1 had the same records, but did not say which statistics.
    static let firstHead = Array("wsperf journal 1\n".utf8)
    /// The largest content of a record.
    static let recordLimit: UInt32 = 64 << 20

    private let path: String
    private let descriptor: Int32
    /// Bytes that were written.
    private(set) var size: UInt64 = 0

    /// Creates a new journal. Replaces an existing file.
    public init(path: String) throws(RunDirectoryError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .unwritable(path: path, reason: RunDirectory.reason(errno)) }
        try write(Self.head)
    }

    deinit { close(descriptor) }

    /// Appends an event. After an error, the end of the journal is damaged, and nothing more may be appended.
    public func append(_ event: RunEvent) throws(RunDirectoryError) {
        let content = event.record
        guard content.count <= Self.recordLimit else {
            throw .unwritable(path: path, reason: "an event of \(content.count) bytes is too large for the journal")
        }
        var record: [UInt8] = []
        record.reserveCapacity(content.count + 8)
        record.append(littleEndian: UInt32(content.count))
        record.append(littleEndian: CRC32.checksum(content))
        record += content
        try write(record)
    }

    /// Returns when all appended events are on the disk.
    public func synchronize() throws(RunDirectoryError) {
        // Pipes and devices cannot be synchronized, and do not need it.
        if fsync(descriptor) != 0, errno != EINVAL {
            throw .unwritable(path: path, reason: RunDirectory.reason(errno))
        }
    }

    private func write(_ bytes: [UInt8]) throws(RunDirectoryError) {
        let error = RunDirectory.writeAll(bytes, to: descriptor)
        guard error == 0 else { throw .unwritable(path: path, reason: RunDirectory.reason(error)) }
        size += UInt64(bytes.count)
    }

    /// Continues an existing journal, which must end with a whole record.
    init(continuing path: String) throws(RunDirectoryError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            throw .unwritable(path: path, reason: RunDirectory.reason(errno))
        }
        size = UInt64(max(0, status.st_size))
    }

    /// Appends what another journal has from this byte on.
    func append(from other: String, after start: UInt64) throws(RunDirectoryError) {
        let source = open(other, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw .unwritable(path: other, reason: RunDirectory.reason(errno)) }
        defer { close(source) }
        var place = off_t(clamping: start)
        while true {
            var error: Int32 = 0
            let piece = [UInt8](unsafeUninitializedCapacity: 1 << 20) { bytes, length in
                // `pread` writes at most the buffer's size, and returns how much it wrote.
                let count = pread(source, bytes.baseAddress, bytes.count, place)
                error = count < 0 ? errno : 0
                length = max(0, count)
            }
            if error == EINTR { continue }
            guard error == 0 else { throw .unwritable(path: other, reason: RunDirectory.reason(error)) }
            if piece.isEmpty { return }
            try write(piece)
            place += off_t(piece.count)
        }
    }
}

@available(*, unavailable)
extension RunJournal: Sendable {}

/// The CRC-32 of Ethernet, gzip and PNG (polynomial 0xEDB88320, reflected), by zlib.
enum CRC32 {
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        UInt32(truncatingIfNeeded: bytes.withUnsafeBufferPointer { crc32_z(0, $0.baseAddress, $0.count) })
    }
}
