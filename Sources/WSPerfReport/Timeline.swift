import WSPerfCore

/// The events in each second of a run. It adds up the snapshots of all workers by the time since each worker began.
///
/// Memory is bounded: after `maximumEntries` seconds, pairs of entries are merged, and each entry covers twice the
/// time. Each entry has a histogram of its round-trip times, so the percentiles of a merged entry are those of all its
/// values. After a minute, an entry keeps its exact percentiles and a coarser histogram, so that a run of hours does
/// not fill the controller's memory. Only if such an entry is merged, or still changes, are its percentiles up to 1/64
/// too high.
struct Timeline {
    static let maximumEntries = 3600
    /// Entries whose histograms stay open; the others are packed.
    private static let openEntries = 4
    /// Newest entries that keep their exact times.
    private static let exactEntries = 60
    private static let second: UInt64 = 1_000_000_000

    private struct Entry {
        var opened: UInt64 = 0
        /// Opened minus ended.
        var change: Int64 = 0
        var sent: UInt64 = 0
        var received: UInt64 = 0
        var errors: UInt64 = 0
        var unsent: UInt64 = 0
        /// Response times, packed; empty while the histogram is open, or if there are none.
        var packed: [UInt8] = []
        /// The exact values, if `packed` is coarser.
        var percentiles: (median: UInt64, p99: UInt64)?
    }

    /// The seconds that one entry covers: a power of two.
    private(set) var width: UInt64 = 1
    private var entries: [Entry] = []
    /// The number of coarse entries; these are the oldest.
    private var coarse = 0
    private var open: [Int: Histogram] = [:]

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
        entries[index].opened &+= statistics.opened
        entries[index].change &+= Int64(clamping: statistics.opened) - Int64(clamping: statistics.ended)
        entries[index].sent &+= statistics.sent
        entries[index].received &+= statistics.received
        entries[index].unsent &+= statistics.unsent
        for (outcome, count) in statistics.outcomes where outcome != .succeeded && outcome != .aborted {
            entries[index].errors &+= count
        }
        guard !statistics.rttResponse.isEmpty else { return }
        unpack(index)
        open[index, default: Histogram()].merge(statistics.rttResponse)
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
            let next = entries[index + 1]
            merged.opened &+= next.opened
            merged.change &+= next.change
            merged.sent &+= next.sent
            merged.received &+= next.received
            merged.errors &+= next.errors
            merged.unsent &+= next.unsent
            var times = Self.histogram(merged.packed)
            times.merge(Self.histogram(next.packed))
            merged.packed = Self.packed(times.coarsened())
            merged.percentiles = nil
            return merged
        }
        coarse = entries.count
    }

    private mutating func pack(_ index: Int) {
        guard let times = open.removeValue(forKey: index) else { return }
        entries[index].packed = Self.packed(times)
        if index < coarse { coarsen(index) }
    }

    /// Does nothing for an open entry, which is packed later.
    private mutating func coarsen(_ index: Int) {
        guard !entries[index].packed.isEmpty else { return }
        let times = Self.histogram(entries[index].packed)
        guard let median = times.percentile(50), let p99 = times.percentile(99) else { return }
        entries[index].percentiles = (median, p99)
        entries[index].packed = Self.packed(times.coarsened())
    }

    private mutating func unpack(_ index: Int) {
        guard open[index] == nil, !entries[index].packed.isEmpty else { return }
        open[index] = Self.histogram(entries[index].packed)
        entries[index].packed = []
        entries[index].percentiles = nil
    }

    /// Uses an array without spare capacity.
    private static func packed(_ times: Histogram) -> [UInt8] {
        times.isEmpty ? [] : times.encoded().withUnsafeBytes { [UInt8]($0) }
    }

    /// The result of `packed` always decodes, unless the counts are higher than in any real run. Then the entry has no
    /// times.
    private static func histogram(_ packed: [UInt8]) -> Histogram {
        packed.isEmpty ? Histogram() : (try? Histogram(decoding: packed)) ?? Histogram()
    }

    /// The size of the packed times in bytes.
    var packedBytes: Int { entries.reduce(0) { $0 + $1.packed.count } }

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
                rttMedian: entry.percentiles?.median ?? times.percentile(50),
                rttP99: entry.percentiles?.p99 ?? times.percentile(99), unsent: entry.unsent)
        }
    }
}
