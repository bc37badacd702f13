/// The figures of a whole log, and the check of each of its lines.
struct ReplayLogFigures {
    /// The number of messages of each connection.
    private(set) var connections: [Int64: UInt32] = [:]
    private(set) var messages = 0
    private(set) var bytes = 0
    private(set) var longest = 0
    // Microseconds.
    private(set) var earliest = Int64.max
    private(set) var latest = Int64.min

    init(_ source: ReplayLogSource, name: String) throws(ReplayLogError) {
        var parser = ReplayLogParser(name: name)
        try source.read { block, base throws(ReplayLogError) in
            try parser.read(block, isFirst: base == 0, isWanted: { _ in true }) { message, _ throws(ReplayLogError) in
                connections[message.connection, default: 0] &+= 1
                messages += 1
                bytes += message.length
                longest = max(longest, message.length)
                earliest = min(earliest, message.time)
                latest = max(latest, message.time)
                guard messages <= Int(UInt32.max) else {
                    throw ReplayLogError(file: name, line: nil, reason: "has more than \(UInt32.max) messages")
                }
            }
        }
        guard messages > 0 else { throw ReplayLogError(file: name, line: nil, reason: "has no message to send") }
    }
}

/// The messages of some of a log's connections, by connection and then in line order.
struct ReplayLogFilling {
    private(set) var entries: [ReplayLog.Entry]
    /// The payloads, unless they stay in the source.
    private(set) var data: [UInt8] = []
    private(set) var hasData = false

    /// - Parameters:
    ///   - ranks: The wanted connections by their numbers.
    ///   - starts: Where the entries of each rank begin, and where the last ones end.
    ///   - earliest: The time from which offsets count, microseconds.
    init(
        _ source: ReplayLogSource, name: String, ranks: [Int64: Int], starts: [UInt32], earliest: Int64
    ) throws(ReplayLogError) {
        entries = [ReplayLog.Entry](
            repeating: ReplayLog.Entry(
                offset: 0, length: 0, place: ReplayLog.Entry.noData, writing: .plain, kind: .text),
            count: Int(starts.last ?? 0))
        guard !ranks.isEmpty else { return }
        var stays = false
        if case .memory(_, isMapped: true) = source { stays = true }
        let changed = ReplayLogError(file: name, line: nil, reason: "has changed while it was read")
        var next = starts
        var parser = ReplayLogParser(name: name)
        try source.read { block, base throws(ReplayLogError) in
            try parser.read(block, isFirst: base == 0, isWanted: { ranks[$0] != nil }) {
                message, text throws(ReplayLogError) in
                guard let rank = ranks[message.connection] else { return }
                guard next[rank] < starts[rank + 1], message.time >= earliest else { throw changed }
                var entry = ReplayLog.Entry(
                    offset: (message.time - earliest) * 1000, length: UInt32(message.length),
                    place: ReplayLog.Entry.noData, writing: .plain, kind: message.kind)
                if let payload = message.payload {
                    hasData = true
                    if stays {
                        entry.place = UInt64(base + payload.range.lowerBound)
                        entry.writing = payload.writing
                    } else {
                        entry.place = UInt64(data.count)
                        text.append(to: &data)
                    }
                }
                entries[Int(next[rank])] = entry
                next[rank] += 1
            }
        }
        for rank in ranks.values where next[rank] != starts[rank + 1] { throw changed }
    }
}
