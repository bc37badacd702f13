internal import Foundation
internal import Synchronization
internal import WSPerfCore

/// For tests: a workload whose sums are also written to a file when it comes to its end, past everything that a report
/// goes through. `Scripts/chaos` compares the two.
///
/// A worker that is launched with `WSPERF_TALLY=DIR` in its environment writes `DIR/<worker>.json`: whole or not at all,
/// and before its last snapshot is on its way.
struct TalliedWorkload: Workload {
    private final class Sums: Sendable {
        let total = Mutex(LoadStatistics())
    }

    static let variable = "WSPERF_TALLY"

    private let workload: any Workload
    private let file: URL
    private let sums = Sums()

    /// `worker` is an identity, so it makes a file name.
    init(_ workload: any Workload, worker: String, directory: String) {
        self.workload = workload
        file = URL(fileURLWithPath: directory, isDirectory: true).appendingPathComponent(worker + ".json")
    }

    func run(onSnapshot: @escaping @Sendable (Snapshot) -> Void) async throws {
        let (sums, file) = (sums, file)
        try await workload.run { snapshot in
            let total = sums.total.withLock { total in
                total += snapshot.statistics
                return total
            }
            if snapshot.isFinal { Self.write(total, to: file) }
            onSnapshot(snapshot)
        }
    }

    func stop() { workload.stop() }
    func abort() { workload.abort() }

    private static func write(_ total: LoadStatistics, to file: URL) {
        let tally = Tally(
            started: total.started, opened: total.opened, sent: total.sent, received: total.received,
            bytes_sent: total.bytesSent, bytes_received: total.bytesReceived, unanswered: total.unanswered,
            unexpected: total.unexpected, late: total.late, untimed: total.untimed, blocked: total.blocked,
            unsent: total.unsent,
            rtt_response: total.rttResponse.count, outcomes: counts(total.outcomes),
            interruptions: counts(total.interruptions))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        do {
            try encoder.encode(tally).write(to: file, options: .atomic)
        } catch {
            FileHandle.standardError.write(Data("cannot write the tally: \(error)\n".utf8))
        }
    }

    private static func counts(_ outcomes: [Outcome: UInt64]) -> [String: UInt64] {
        Dictionary(uniqueKeysWithValues: outcomes.map { ($0.rawValue, $1) })
    }

    /// The names of `summary.json`.
    private struct Tally: Encodable {
        var started, opened, sent, received, bytes_sent, bytes_received: UInt64
        var unanswered, unexpected, late, untimed, blocked, unsent, rtt_response: UInt64
        var outcomes, interruptions: [String: UInt64]
    }
}
