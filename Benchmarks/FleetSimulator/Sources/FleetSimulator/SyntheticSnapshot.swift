internal import WSPerfCore

/// The snapshots that a simulated worker measures: a function of its index and the second, so that whoever reads the journal
/// can tell what should be there.
enum SyntheticSnapshot {
    static let instances = 100

    static func make(worker: Int, sequence: UInt64, of last: UInt64) -> Snapshot {
        var random = SplitMix64(state: UInt64(worker) << 32 | sequence)
        var statistics = LoadStatistics()
        statistics.sent = 50 + random.next() % 100
        statistics.received = statistics.sent
        statistics.bytesSent = statistics.sent * 240
        statistics.bytesReceived = statistics.bytesSent
        for _ in 0..<50 {
            let time = 200_000 + random.next() % 800_000
            statistics.rttResponse.record(time)
            statistics.rttService.record(time - random.next() % 100_000)
            statistics.sendLag.record(random.next() % 100_000)
        }
        if sequence == 1 {
            statistics.started = UInt64(instances)
            statistics.opened = UInt64(instances)
        }
        if sequence == last {
            statistics.ended = UInt64(instances)
            statistics.outcomes = [.succeeded: UInt64(instances)]
        }
        return Snapshot(
            sequence: sequence, elapsed: sequence * 1_000_000_000, isFinal: sequence == last, statistics: statistics)
    }
}

private struct SplitMix64 {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
