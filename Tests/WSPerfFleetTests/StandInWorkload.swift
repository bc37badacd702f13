import Synchronization
import WSPerfCore

@testable import WSPerfFleet

/// A load without connections: ticks at an interval, each with a snapshot, then the final snapshot.
final class StandInWorkload: Workload {
    private let plan: Plan
    private let ticks: Int
    private let interval: Duration
    private let command = Mutex<(stop: Bool, abort: Bool)>((false, false))

    init(plan: Plan, ticks: Int = 5, interval: Duration = .milliseconds(50)) {
        self.plan = plan
        self.ticks = ticks
        self.interval = interval
    }

    func run(onSnapshot: @escaping @Sendable (Snapshot) -> Void) async throws {
        for tick in 1...ticks {
            try await Task.sleep(for: interval)
            let isStopped = command.withLock { $0.stop || $0.abort }
            let isFinal = tick == ticks || isStopped
            var statistics = LoadStatistics()
            statistics.sent = 7
            statistics.rttResponse.record(UInt64(tick) * 1_000_000)
            if tick == 1 {
                statistics.started = UInt64(plan.instances)
                statistics.opened = UInt64(plan.instances)
            }
            if isFinal {
                statistics.ended = UInt64(plan.instances)
                statistics.outcomes[isStopped ? .aborted : .succeeded] = UInt64(plan.instances)
            }
            onSnapshot(
                Snapshot(
                    sequence: UInt64(tick), elapsed: UInt64(tick) * 50_000_000, isFinal: isFinal, statistics: statistics
                ))
            if isFinal { return }
        }
    }

    func stop() { command.withLock { $0.stop = true } }
    func abort() { command.withLock { $0.abort = true } }
}
