import WSPerfCore

/// What happened in each second of a run, from the snapshots of all its workers, aligned by the time since each began.
///
/// Memory is bounded: after `maximumEntries` seconds, entries are merged in pairs and each stands for twice the time. The
/// round-trip times of an entry are a histogram of their own, so a merged entry's percentiles are those of all its values.
struct Timeline {
    static let maximumEntries = 3600
    /// Entries whose histograms are kept open; the others are packed.
    private static let openEntries = 4
    private static let second: UInt64 = 1_000_000_000

    private struct Entry {
        var opened: UInt64 = 0
        /// Opened less ended.
        var change: Int64 = 0
        var sent: UInt64 = 0
        var received: UInt64 = 0
        var errors: UInt64 = 0
        /// Response times, packed; empty while they are among the open ones, or there are none.
        var packed: [UInt8] = []
    }

    /// Seconds an entry stands for: a power of two.
    private(set) var width: UInt64 = 1
    private var entries: [Entry] = []
    private var open: [Int: Histogram] = [:]

    /// The middle of the interval a snapshot covers decides where it belongs, so that one that is a little late does not
    /// fall into the next second.
    mutating func add(_ statistics: LoadStatistics, from start: UInt64, to end: UInt64) {
        let index = entry(at: start &+ (max(start, end) - start) / 2)
        entries[index].opened &+= statistics.opened
        entries[index].change &+= Int64(clamping: statistics.opened) - Int64(clamping: statistics.ended)
        entries[index].sent &+= statistics.sent
        entries[index].received &+= statistics.received
        for (outcome, count) in statistics.outcomes where outcome != .succeeded && outcome != .aborted {
            entries[index].errors &+= count
        }
        guard !statistics.rttResponse.isEmpty else { return }
        unpack(index)
        open[index, default: Histogram()].merge(statistics.rttResponse)
        while open.count > Self.openEntries, let oldest = open.keys.min() { pack(oldest) }
    }

    /// Connections that are open no longer (their worker is gone) or after all (it is back), at the time of the newest
    /// entry.
    mutating func changeOpen(by change: Int64) {
        guard !entries.isEmpty else { return }
        entries[entries.count - 1].change &+= change
    }

    /// The index of the entry for this time, which is made if it is not there yet.
    private mutating func entry(at time: UInt64) -> Int {
        while time / Self.second / width >= UInt64(Self.maximumEntries) { mergePairs() }
        let index = Int(time / Self.second / width)
        while entries.count <= index { entries.append(Entry()) }
        return index
    }

    private mutating func mergePairs() {
        for index in Array(open.keys) { pack(index) }
        width *= 2
        entries = stride(from: 0, to: entries.count, by: 2).map { index in
            guard index + 1 < entries.count else { return entries[index] }
            var merged = entries[index]
            let next = entries[index + 1]
            merged.opened &+= next.opened
            merged.change &+= next.change
            merged.sent &+= next.sent
            merged.received &+= next.received
            merged.errors &+= next.errors
            var times = Self.histogram(merged.packed)
            times.merge(Self.histogram(next.packed))
            merged.packed = times.isEmpty ? [] : times.encoded()
            return merged
        }
    }

    private mutating func pack(_ index: Int) {
        guard let times = open.removeValue(forKey: index) else { return }
        entries[index].packed = times.encoded()
    }

    private mutating func unpack(_ index: Int) {
        guard open[index] == nil, !entries[index].packed.isEmpty else { return }
        open[index] = Self.histogram(entries[index].packed)
        entries[index].packed = []
    }

    /// What `pack` wrote always reads back, unless counts beyond what a run can hold have been added up: then the entry
    /// goes without its times.
    private static func histogram(_ packed: [UInt8]) -> Histogram {
        packed.isEmpty ? Histogram() : (try? Histogram(decoding: packed)) ?? Histogram()
    }

    /// The finished table.
    var rows: [TimelineRow] {
        var open: Int64 = 0
        return entries.indices.map { index in
            let entry = entries[index]
            let times = self.open[index] ?? Self.histogram(entry.packed)
            open &+= entry.change
            return TimelineRow(
                second: UInt64(index) * width, width: width, opened: entry.opened, open: UInt64(max(0, open)),
                sent: entry.sent, received: entry.received, errors: entry.errors,
                rttMedian: times.isEmpty ? nil : times.percentile(50),
                rttP99: times.isEmpty ? nil : times.percentile(99))
        }
    }
}
