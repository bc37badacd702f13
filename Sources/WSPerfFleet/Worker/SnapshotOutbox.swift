internal import WSPerfCore

/// One worker's snapshots on the worker's side. It keeps each snapshot until it is acknowledged.
///
/// A bounded number of snapshots is in transit. These have sequence numbers and are repeated unchanged, so that the
/// controller recognizes duplicates. Further snapshots wait without a number. If too many wait, adjacent ones are
/// merged. That loses no counts, only resolution in time.
struct SnapshotOutbox {
    struct Parcel: Sendable, Equatable {
        var sequence: UInt64
        var isFinal: Bool
        var body: [UInt8]
    }

    private struct Underway {
        var parcel: Parcel
        var lastSent: FleetInstant?
    }

    /// Statistics stay encoded, because decoded histograms take about a hundred times as much memory.
    private struct Waiting {
        var elapsed: UInt64
        var isFinal: Bool
        var statistics: [UInt8]
    }

    private let window: Int
    private let backlog: Int
    private var underway: [Underway] = []
    private var waiting: [Waiting] = []
    private var lastSequence: UInt64 = 0
    private(set) var hasFinal = false

    init(window: Int = FleetLimits.snapshotWindow, backlog: Int = FleetLimits.snapshotBacklog) {
        self.window = window
        self.backlog = backlog
    }

    /// Whether all snapshots so far have been acknowledged.
    var isEmpty: Bool { underway.isEmpty && waiting.isEmpty }
    /// Whether all snapshots including the final one have been acknowledged.
    var isDelivered: Bool { hasFinal && isEmpty }
    /// Number of snapshots that are held.
    var count: Int { underway.count + waiting.count }

    mutating func append(_ snapshot: Snapshot) {
        guard !hasFinal else { return }
        hasFinal = snapshot.isFinal
        if waiting.isEmpty, underway.count < window {
            admit(snapshot)
            return
        }
        waiting.append(
            Waiting(elapsed: snapshot.elapsed, isFinal: snapshot.isFinal, statistics: snapshot.statistics.encoded()))
        if waiting.count > backlog { compact() }
    }

    /// The snapshots to send now. The caller calls `sent` for each, which postpones its repetition.
    func due(now: FleetInstant) -> [Parcel] {
        underway.enumerated().filter { place, entry in
            entry.lastSent.map { place < FleetLimits.snapshotRepeats && now >= $0 + FleetLimits.resend } ?? true
        }.map(\.element.parcel)
    }

    mutating func sent(_ sequence: UInt64, now: FleetInstant) {
        guard let index = underway.firstIndex(where: { $0.parcel.sequence == sequence }) else { return }
        underway[index].lastSent = now
    }

    mutating func acknowledge(_ acknowledgement: Command.Acknowledgement, now: FleetInstant) {
        underway.removeAll { $0.parcel.sequence <= acknowledgement.upTo }
        for index in underway.indices where acknowledgement.missing.contains(underway[index].parcel.sequence) {
            if let last = underway[index].lastSent, now - last >= FleetLimits.requestedResend {
                underway[index].lastSent = nil
            }
        }
        while underway.count < window, !waiting.isEmpty {
            let next = waiting.removeFirst()
            // Cannot fail: this process encoded the bytes itself.
            guard let statistics = try? LoadStatistics(decoding: next.statistics) else { continue }
            admit(Snapshot(sequence: 0, elapsed: next.elapsed, isFinal: next.isFinal, statistics: statistics))
        }
    }

    var nextDeadline: FleetInstant? {
        if underway.contains(where: { $0.lastSent == nil }) { return FleetInstant(nanoseconds: .min) }
        return underway.prefix(FleetLimits.snapshotRepeats).compactMap { entry in
            entry.lastSent.map { $0 + FleetLimits.resend }
        }.min()
    }

    private mutating func admit(_ snapshot: Snapshot) {
        var snapshot = snapshot
        lastSequence += 1
        snapshot.sequence = lastSequence
        underway.append(
            Underway(
                parcel: Parcel(sequence: lastSequence, isFinal: snapshot.isFinal, body: snapshot.encoded()),
                lastSent: nil))
    }

    /// Halves the number of waiting snapshots by merging neighbours.
    private mutating func compact() {
        var merged: [Waiting] = []
        merged.reserveCapacity(waiting.count / 2 + 1)
        for pair in stride(from: 0, to: waiting.count, by: 2) {
            guard pair + 1 < waiting.count, var statistics = try? LoadStatistics(decoding: waiting[pair].statistics),
                let second = try? LoadStatistics(decoding: waiting[pair + 1].statistics)
            else {
                merged.append(contentsOf: waiting[pair..<min(pair + 2, waiting.count)])
                continue
            }
            statistics.merge(second)
            var later = waiting[pair + 1]
            later.statistics = statistics.encoded()
            merged.append(later)
        }
        waiting = merged
    }
}
