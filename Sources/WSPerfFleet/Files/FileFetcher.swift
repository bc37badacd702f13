/// Asks the controller for the chunks of one file. Pure.
///
/// The number of chunks under way follows from how long they take: it grows while they arrive within a quarter of a
/// second, and shrinks when they take more than half a second. So a fast link is filled, and on a slow one the
/// controller's beacons, which queue behind the chunks, are not late.
struct FileFetcher {
    let file: FileReference
    private var isStored: [Bool]
    private(set) var stored = 0
    /// When each chunk under way was asked for.
    private var asked: [Int: FleetInstant] = [:]
    /// Chunks that have arrived and are being written.
    private var arrived: Set<Int> = []
    /// Chunks that did not arrive in time.
    private var overdue: [Int] = []
    /// The first chunk that was never asked for.
    private var next = 0
    private(set) var window = 1
    /// How long a chunk takes from the request until it is stored.
    private var latency: Duration = .milliseconds(100)
    /// When the window last shrank.
    private var shrunkAt: FleetInstant?

    init(_ file: FileReference) {
        self.file = file
        isStored = [Bool](repeating: false, count: file.chunks)
    }

    var isComplete: Bool { stored == file.chunks }

    /// Chunks that were asked for and are not stored.
    var underWay: Int { asked.count }

    /// A chunk has arrived. Returns whether to store it.
    mutating func arrived(_ chunk: Int, bytes: Int) -> Bool {
        guard isStored.indices.contains(chunk), !isStored[chunk], bytes == file.range(of: chunk).count else {
            return false
        }
        return arrived.insert(chunk).inserted
    }

    /// A chunk that has arrived is in the file.
    mutating func stored(_ chunk: Int, now: FleetInstant) {
        guard arrived.remove(chunk) != nil, !isStored[chunk] else { return }
        isStored[chunk] = true
        stored += 1
        overdue.removeAll { $0 == chunk }
        // A chunk that was asked for twice says nothing about the link.
        guard let at = asked.removeValue(forKey: chunk) else { return }
        let took = now - at
        latency = (latency * 7 + took) / 8
        if took < FleetLimits.quickChunk {
            window = min(window + 1, FleetLimits.chunkWindow)
        } else if took > FleetLimits.slowChunk, shrunkAt.map({ now - $0 > took }) ?? true {
            shrunkAt = now
            window = max(1, window * 2 / 3)
        }
    }

    /// The chunks to ask for now.
    mutating func requests(now: FleetInstant) -> [Range<Int>] {
        let late = asked.filter { now >= $0.value + patience && !arrived.contains($0.key) }.keys.sorted()
        if !late.isEmpty {
            for chunk in late { asked[chunk] = nil }
            overdue += late
            window = max(1, window / 2)
        }
        let free = window - asked.count
        // Few requests for several chunks each cost less than many.
        guard free > 0, free >= window / 8 || asked.isEmpty else { return [] }
        var ranges: [Range<Int>] = []
        for _ in 0..<free {
            guard let chunk = overdue.isEmpty ? nextChunk() : overdue.removeFirst() else { break }
            asked[chunk] = now
            if let last = ranges.last, last.upperBound == chunk {
                ranges[ranges.count - 1] = last.lowerBound..<chunk + 1
            } else {
                ranges.append(chunk..<chunk + 1)
            }
        }
        return ranges
    }

    private mutating func nextChunk() -> Int? {
        while next < file.chunks {
            defer { next += 1 }
            // It may have come before it was asked for.
            if !isStored[next] { return next }
        }
        return nil
    }

    /// How long a chunk may take before it is asked for again.
    private var patience: Duration { max(FleetLimits.chunkPatience, latency * 4) }

    /// When `requests` may have something new although no chunk was stored.
    var nextDeadline: FleetInstant? {
        if asked.isEmpty { return isComplete ? nil : FleetInstant(nanoseconds: .min) }
        return asked.filter { !arrived.contains($0.key) }.values.min().map { $0 + patience }
    }
}
