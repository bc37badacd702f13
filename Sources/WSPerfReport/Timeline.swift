import WSPerfCore

/// The events in each second of a run. It adds up the snapshots of all workers by the time since each worker began.
///
/// Memory is bounded: after `maximumEntries` seconds, pairs of entries are merged, and each entry covers twice the
/// time. Each entry has histograms of its times, so the percentiles of a merged entry are those of all its values. After
/// a minute, an entry keeps its exact percentiles and coarser histograms, so that a run of hours does not fill the
/// controller's memory. Only if such an entry is merged, or still changes, are its percentiles up to 1/64 too high.
struct Timeline {
    static let maximumEntries = 3600
    /// Entries whose histograms stay open; the others are packed.
    private static let openEntries = 4
    /// Newest entries that keep their exact times.
    private static let exactEntries = 60
    private static let second: UInt64 = 1_000_000_000

    /// The times that an entry has.
    private struct Times {
        var response = Histogram()
        var sendLag = Histogram()
        var handshake = Histogram()

        static let all: [any WritableKeyPath<Times, Histogram> & Sendable] = [\.response, \.sendLag, \.handshake]

        init() {}

        init(_ statistics: LoadStatistics) {
            (response, sendLag, handshake) = (statistics.rttResponse, statistics.sendLag, statistics.handshakeResponse)
        }

        var isEmpty: Bool { response.isEmpty && sendLag.isEmpty && handshake.isEmpty }

        mutating func merge(_ other: Times) {
            for path in Self.all { self[keyPath: path].merge(other[keyPath: path]) }
        }

        /// Uses arrays without spare capacity.
        var packed: [[UInt8]] {
            Self.all.map { path in
                let times = self[keyPath: path]
                return times.isEmpty ? [] : times.encoded().withUnsafeBytes { [UInt8]($0) }
            }
        }

        /// The result of `packed` always decodes, unless the counts are higher than in any real run. Then the entry has
        /// no times.
        init(packed: [[UInt8]]) {
            for (path, bytes) in zip(Self.all, packed) where !bytes.isEmpty {
                self[keyPath: path] = (try? Histogram(decoding: bytes)) ?? Histogram()
            }
        }

        var coarsened: Times {
            var times = self
            for path in Self.all { times[keyPath: path] = times[keyPath: path].coarsened() }
            return times
        }
    }

    private struct Entry {
        var opened: UInt64 = 0
        /// Opened minus ended.
        var change: Int64 = 0
        var sent: UInt64 = 0
        var received: UInt64 = 0
        var bytesSent: UInt64 = 0
        var bytesReceived: UInt64 = 0
        var errors: UInt64 = 0
        var unsent: UInt64 = 0
        var loopTime: UInt64 = 0
        var loopBusy: UInt64 = 0
        var outcomes: [Outcome: UInt64] = [:]
        /// The times, packed; empty while they are open, or if there are none.
        var packed: [[UInt8]] = []
        /// The exact values, if `packed` is coarser.
        var percentiles: TimelineRow.Percentiles?

        mutating func add(_ other: Entry) {
            opened &+= other.opened
            change &+= other.change
            sent &+= other.sent
            received &+= other.received
            bytesSent &+= other.bytesSent
            bytesReceived &+= other.bytesReceived
            errors &+= other.errors
            unsent &+= other.unsent
            loopTime &+= other.loopTime
            loopBusy &+= other.loopBusy
            for (outcome, count) in other.outcomes { add(count, outcome) }
        }

        /// A server that answers with every close code must not fill the memory.
        mutating func add(_ count: UInt64, _ outcome: Outcome) {
            guard count > 0 else { return }
            let hasRoom = outcomes[outcome] != nil || outcomes.count < TimelineRow.maximumOutcomes
            outcomes[hasRoom ? outcome : TimelineRow.otherOutcomes, default: 0] &+= count
        }
    }

    /// The seconds that one entry covers: a power of two.
    private(set) var width: UInt64 = 1
    private var entries: [Entry] = []
    /// The number of coarse entries; these are the oldest.
    private var coarse = 0
    private var open: [Int: Times] = [:]

    /// The seconds that an entry covers when the newest snapshot is of this time, nanoseconds.
    static func width(at newest: UInt64) -> UInt64 {
        var width: UInt64 = 1
        while newest / second / width >= UInt64(maximumEntries) { width *= 2 }
        return width
    }

    /// A snapshot belongs to the second that contains the middle of its interval, so a slightly late snapshot does not
    /// fall into the next second.
    mutating func add(_ statistics: LoadStatistics, from start: UInt64, to end: UInt64) {
        let index = entry(at: start &+ (max(start, end) - start) / 2)
        var entry = Entry()
        entry.opened = statistics.opened
        entry.change = Int64(clamping: statistics.opened) - Int64(clamping: statistics.ended)
        (entry.sent, entry.received) = (statistics.sent, statistics.received)
        (entry.bytesSent, entry.bytesReceived) = (statistics.bytesSent, statistics.bytesReceived)
        entry.unsent = statistics.unsent
        (entry.loopTime, entry.loopBusy) = (statistics.loopTime, statistics.loopBusy)
        for (outcome, count) in statistics.outcomes {
            entry.add(count, outcome)
            if outcome != .succeeded, outcome != .aborted { entry.errors &+= count }
        }
        entries[index].add(entry)
        let times = Times(statistics)
        guard !times.isEmpty else { return }
        unpack(index)
        open[index, default: Times()].merge(times)
        while open.count > Self.openEntries, let oldest = open.keys.min() { pack(oldest) }
    }

    /// Changes the number of open connections at the time of the newest entry, because a worker is gone or came back.
    mutating func changeOpen(by change: Int64) {
        guard !entries.isEmpty else { return }
        entries[entries.count - 1].change &+= change
    }

    /// The index of the entry for this time. Creates the entry if it does not exist.
    private mutating func entry(at time: UInt64) -> Int {
        while time / Self.second / width >= UInt64(Self.maximumEntries) { mergePairs() }
        let index = Int(time / Self.second / width)
        while entries.count <= index { entries.append(Entry()) }
        while coarse < entries.count - Self.exactEntries {
            coarse += 1
            coarsen(coarse - 1)
        }
        return index
    }

    private mutating func mergePairs() {
        for index in Array(open.keys) { pack(index) }
        width *= 2
        entries = stride(from: 0, to: entries.count, by: 2).map { index in
            guard index + 1 < entries.count else { return entries[index] }
            var merged = entries[index]
            merged.add(entries[index + 1])
            var times = Times(packed: merged.packed)
            times.merge(Times(packed: entries[index + 1].packed))
            merged.packed = times.isEmpty ? [] : times.coarsened.packed
            merged.percentiles = nil
            return merged
        }
        coarse = entries.count
    }

    private mutating func pack(_ index: Int) {
        guard let times = open.removeValue(forKey: index) else { return }
        entries[index].packed = times.packed
        if index < coarse { coarsen(index) }
    }

    /// Does nothing for an open entry, which is packed later.
    private mutating func coarsen(_ index: Int) {
        guard !entries[index].packed.isEmpty else { return }
        let times = Times(packed: entries[index].packed)
        entries[index].percentiles = TimelineRow.Percentiles(
            response: times.response, sendLag: times.sendLag, handshake: times.handshake)
        entries[index].packed = times.coarsened.packed
    }

    private mutating func unpack(_ index: Int) {
        guard open[index] == nil, !entries[index].packed.isEmpty else { return }
        open[index] = Times(packed: entries[index].packed)
        entries[index].packed = []
        entries[index].percentiles = nil
    }

    /// The size of the packed times in bytes.
    var packedBytes: Int { entries.reduce(0) { $0 + $1.packed.reduce(0) { $0 + $1.count } } }

    /// The finished table.
    var rows: [TimelineRow] {
        var open: Int64 = 0
        return entries.indices.map { index in
            let entry = entries[index]
            let times = self.open[index] ?? Times(packed: entry.packed)
            open &+= entry.change
            return TimelineRow(
                second: UInt64(index) * width, width: width, opened: entry.opened, open: UInt64(max(0, open)),
                sent: entry.sent, received: entry.received, bytesSent: entry.bytesSent,
                bytesReceived: entry.bytesReceived, errors: entry.errors, outcomes: entry.outcomes,
                percentiles: entry.percentiles
                    ?? TimelineRow.Percentiles(
                        response: times.response, sendLag: times.sendLag, handshake: times.handshake),
                responses: TimelineRow.cells(of: times.response), unsent: entry.unsent,
                loopUtilisation: entry.loopTime > 0
                    ? min(1, Double(entry.loopBusy) / Double(entry.loopTime)) : nil)
        }
    }
}
