internal import Glibc
public import WSPerfCore

/// Reads a journal record by record, until its end or the first damaged record.
///
/// Confined to one thread.
public final class JournalReader {
    private let path: String
    private let descriptor: Int32
    private let size: UInt64
    private var buffer: [UInt8] = []
    private var position = 0
    private var isOver = false
    /// Bytes of the file up to the end of the last good record.
    private var good: UInt64 = 0
    /// Why the first unreadable record cannot be decoded, if it is complete.
    private(set) var fault: String?

    /// Opens a journal. Throws `RunDirectoryError.noJournal` if there is none, or if it has another version.
    public init(path: String) throws(RunDirectoryError) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .noJournal(path: path, reason: RunDirectory.reason(errno)) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .noJournal(path: path, reason: "it is not a file")
        }
        size = UInt64(max(0, status.st_size))
        let head = try readHead()
        good = UInt64(head.count)
    }

    /// Reads the first line. Throws an error that names the versions, if they are not those of this program.
    private func readHead() throws(RunDirectoryError) -> [UInt8] {
        let longest = 64
        _ = fill(longest)
        guard let end = buffer.prefix(longest).firstIndex(of: UInt8(ascii: "\n")) else {
            throw .noJournal(path: path, reason: "it is not a journal")
        }
        let head = take(end + 1)
        if head == RunJournal.head || head == RunJournal.firstHead { return head }
        let words = String(decoding: head.dropLast(), as: UTF8.self).split { $0 == " " || $0 == "," }
        guard words.count >= 3, words[0] == "wsperf", words[1] == "journal", let version = Int(words[2]) else {
            throw .noJournal(path: path, reason: "it is not a journal")
        }
        guard version == RunJournal.version, words.count == 5, let statistics = Int(words[4]) else {
            throw .noJournal(
                path: path,
                reason: "its journal has version \(version), and this program reads version \(RunJournal.version)")
        }
        throw .noJournal(
            path: path,
            reason: "the statistics in its journal have version \(statistics), and this program reads version "
                + "\(Snapshot.formatVersion)")
    }

    deinit { close(descriptor) }

    /// The next event; nil at the end, or if the rest is torn or damaged.
    public func next() -> RunEvent? {
        guard !isOver, let event = take() else {
            isOver = true
            return nil
        }
        return event
    }

    private func take() -> RunEvent? {
        guard fill(8), let length = buffer.littleEndian(at: position),
            let checksum = buffer.littleEndian(at: position + 4),
            length <= RunJournal.recordLimit, good + 8 + UInt64(length) <= size, fill(8 + Int(length))
        else { return nil }
        position += 8
        let content = take(Int(length))
        guard CRC32.checksum(content) == checksum else { return nil }
        guard let event = RunEvent(record: content) else {
            fault = RunEvent.snapshotFault(record: content)
            return nil
        }
        good += 8 + UInt64(length)
        return event
    }

    /// Bytes of the file up to the end of the last event that was read.
    var readBytes: UInt64 { good }

    /// After `next()` returned nil: how many bytes at the end are not readable as events.
    public var droppedBytes: UInt64 { size - min(size, good) }

    /// Makes sure that the buffer has this many bytes from `position` on; false if the file ends earlier.
    private func fill(_ count: Int) -> Bool {
        guard buffer.count - position < count else { return true }
        buffer.removeFirst(position)
        position = 0
        while buffer.count < count {
            var error: Int32 = 0
            // The array holds only the bytes that were read.
            let piece = [UInt8](unsafeUninitializedCapacity: 1 << 18) { bytes, length in
                let got = read(descriptor, bytes.baseAddress, bytes.count)
                error = got < 0 ? errno : 0
                length = max(0, got)
            }
            if error == EINTR { continue }
            if piece.isEmpty { return false }
            buffer += piece
        }
        return true
    }

    private func take(_ count: Int) -> [UInt8] {
        defer { position += count }
        return Array(buffer[position..<position + count])
    }
}

@available(*, unavailable)
extension JournalReader: Sendable {}
