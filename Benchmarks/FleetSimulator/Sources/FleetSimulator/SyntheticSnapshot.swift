internal import WSPerfCore

/// The snapshots of a simulated worker. They depend only on its index and the second, so the journal's reader knows what
/// to expect.
enum SyntheticSnapshot {
    static let instances = 100

    static func make(worker: Int, sequence: UInt64, of last: UInt64) -> Snapshot {
        var random = SeededGenerator(seed: UInt64(worker), stream: sequence)
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
