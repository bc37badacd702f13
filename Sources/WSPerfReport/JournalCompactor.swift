internal import Glibc
internal import Synchronization
internal import WSPerfCore

/// Copies a journal, and merges each worker's snapshots that are older than an hour and belong to the same entry of the
/// timeline. So a journal has at most about two hours' worth of records per worker, however long the run is, and the
/// results that it gives stay the same: all sums, and all entries of the timeline.
///
/// Streams: it holds one pending snapshot per worker.
struct JournalCompactor {
    /// Snapshots of the newest hour stay as they came, nanoseconds.
    static let detailed: UInt64 = 3600 * 1_000_000_000

    /// Consecutive snapshots of one worker that fall into one entry.
    private struct Group {
        var first: UInt64
        var snapshot: Snapshot
        var entry: UInt64
    }

    /// How far the worker's snapshots have been read.
    private struct Position {
        var elapsed: UInt64 = 0
        var sequence: UInt64 = 0
    }

    private let reader: JournalReader
    private let output: RunJournal
    /// Older snapshots are merged.
    private let horizon: UInt64
    /// Nanoseconds of an entry of the timeline.
    private let width: UInt64
    private var groups: [String: Group] = [:]
    private var positions: [String: Position] = [:]

    /// - Parameters:
    ///   - newest: The latest time of a snapshot, nanoseconds since its worker's load began.
    ///   - detailed: Snapshots that are newer than this before `newest` stay as they came.
    init(
        _ path: String, to output: RunJournal, newest: UInt64, detailed: UInt64 = Self.detailed
    ) throws(RunDirectoryError) {
        reader = try JournalReader(path: path)
        self.output = output
        horizon = newest - min(newest, detailed)
        width = Timeline.width(at: newest) * 1_000_000_000
    }

    /// Copies the events in the first `length` bytes, which must end with a whole record.
    ///
    /// - Parameter isWanted: Asked before each event; if false, the copy ends early.
    mutating func copy(first length: UInt64, isWanted: () -> Bool) throws(RunDirectoryError) {
        while reader.readBytes < length, isWanted(), let event = reader.next() {
            switch event {
            case .snapshot(let worker, let snapshot): try take(snapshot, of: worker)
            case .workerEnded(let worker, _):
                try flush(worker)
                try output.append(event)
            default: try output.append(event)
            }
        }
        for worker in groups.keys.sorted() { try flush(worker) }
    }

    private mutating func take(_ encoded: EncodedSnapshot, of worker: String) throws(RunDirectoryError) {
        let snapshot = encoded.snapshot
        let before = positions[worker] ?? Position()
        let end = max(before.elapsed, snapshot.elapsed)
        positions[worker] = Position(elapsed: end, sequence: snapshot.sequence)
        // The accumulator puts a snapshot into the entry of the middle of its time.
        let entry = (before.elapsed + (end - before.elapsed) / 2) / width
        let mayMerge = end < horizon && !snapshot.isFinal && snapshot.statistics.unknownFields.isEmpty
        if mayMerge, var group = groups[worker], group.entry == entry, before.sequence + 1 == encoded.firstSequence {
            // Removed first, so that changing the group does not copy its histograms.
            groups[worker] = nil
            group.snapshot.statistics.merge(snapshot.statistics)
            group.snapshot.sequence = snapshot.sequence
            group.snapshot.elapsed = end
            groups[worker] = group
            return
        }
        try flush(worker)
        if mayMerge {
            groups[worker] = Group(first: encoded.firstSequence, snapshot: snapshot, entry: entry)
        } else {
            try output.append(.snapshot(worker: worker, encoded))
        }
    }

    private mutating func flush(_ worker: String) throws(RunDirectoryError) {
        guard let group = groups.removeValue(forKey: worker) else { return }
        try output.append(.snapshot(worker: worker, EncodedSnapshot(group.snapshot, mergedFrom: group.first)))
    }
}

/// A compaction on a thread of its own, while the journal grows on.
final class JournalCompaction: Sendable {
    private enum State {
        case running
        case unwanted
        case done(Bool)
    }

    /// The copy, beside the journal.
    let path: String
    /// How much of the journal it covers, bytes.
    let length: UInt64
    private let state = Mutex(State.running)

    /// Starts it, unless the system has no thread left.
    init?(of directory: RunDirectory, length: UInt64, newest: UInt64, detailed: UInt64) {
        path = directory.journalCopyPath
        let journal = directory.journalPath
        self.length = length
        let isStarted = DetachedThread.start("wsperf-compact") { [self] in
            var isComplete = false
            do throws(RunDirectoryError) {
                let output = try RunJournal(path: path)
                var compactor = try JournalCompactor(journal, to: output, newest: newest, detailed: detailed)
                try compactor.copy(first: length) { isWanted }
                // The journal's name must never lead to less than is on the disk today.
                if isWanted { try output.synchronize() }
                isComplete = isWanted
            } catch {
                // The disk may be too full for a copy. The journal goes on as it is.
            }
            let isUsed = isComplete
            state.withLock { state in
                if case .running = state { state = .done(isUsed) } else { unlink(path) }
            }
        }
        guard isStarted else { return nil }
    }

    private var isWanted: Bool { state.withLock { if case .running = $0 { true } else { false } } }

    /// Nil while it is running; then whether it succeeded.
    var outcome: Bool? { state.withLock { if case .done(let isUsed) = $0 { isUsed } else { nil } } }

    /// Ends it without a result.
    func cancel() {
        state.withLock { state in
            if case .done = state { unlink(path) }
            state = .unwanted
        }
    }
}
