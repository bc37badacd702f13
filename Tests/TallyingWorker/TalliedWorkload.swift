import Foundation
import Synchronization
import WSPerfCore
import WSPerfFleet

/// A workload that also writes its totals to `<directory>/<worker>.json`, so that a test can compare them with the report.
///
/// The file is written in one piece, before the final snapshot is sent.
struct TalliedWorkload: Workload {
    private final class Sums: Sendable {
        let total = Mutex(LoadStatistics())
    }

    private let workload: any Workload
    private let file: URL
    private let sums = Sums()

    /// `worker` is an identity, so it is a valid file name.
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
            bytesSent: total.bytesSent, bytesReceived: total.bytesReceived, unanswered: total.unanswered,
            unexpected: total.unexpected, late: total.late, untimed: total.untimed, blocked: total.blocked,
            unsent: total.unsent,
            rttResponse: total.rttResponse.count, outcomes: counts(total.outcomes),
            interruptions: counts(total.interruptions))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        do {
            try encoder.encode(tally).write(to: file, options: .atomic)
        } catch {
            StandardStream.error.write("cannot write the tally: \(error)\n")
        }
    }

    private static func counts(_ outcomes: [Outcome: UInt64]) -> [String: UInt64] {
        Dictionary(uniqueKeysWithValues: outcomes.map { ($0.rawValue, $1) })
    }

    /// Fields have the names of `summary.json`.
    private struct Tally: Encodable {
        var started, opened, sent, received, bytesSent, bytesReceived: UInt64
        var unanswered, unexpected, late, untimed, blocked, unsent, rttResponse: UInt64
        var outcomes, interruptions: [String: UInt64]
    }
}
