import Testing
import WSPerfCore

@testable import WSPerfFleet

/// The rules that every run's record keeps.
struct RunRecord {
    var events: [RunEvent]

    var notices: [String] { events.compactMap { if case .notice(let text) = $0 { text } else { nil } } }
    var phases: [RunPhase] { events.compactMap { if case .phase(let phase) = $0 { phase } else { nil } } }
    var end: RunEnd? { events.compactMap { if case .ended(let end, _) = $0 { end } else { nil } }.last }
    var ready: [WorkerInfo] { events.compactMap { if case .workerReady(let info) = $0 { info } else { nil } } }

    var ends: [String: WorkerEnd] {
        var ends: [String: WorkerEnd] = [:]
        for case .workerEnded(let worker, let end) in events { ends[worker] = end }
        return ends
    }

    func snapshots(of worker: String) -> [Snapshot] {
        events.compactMap { if case .snapshot(worker, let encoded) = $0 { encoded.snapshot } else { nil } }
    }

    func accounted(_ worker: String) -> UInt64 {
        snapshots(of: worker).reduce(0) { $0 + $1.statistics.accounted }
    }

    /// Checks everything that holds for every record.
    func check(instances: Int, _ context: String) {
        guard case .started? = events.first else {
            Issue.record("\(context): does not begin with started")
            return
        }
        let endings = events.count { if case .ended = $0 { true } else { false } }
        #expect(endings == 1, "\(context): ended \(endings) times")
        if case .ended? = events.last {} else { Issue.record("\(context): ended is not last") }
        let order = phases.compactMap { RunPhase.allCases.firstIndex(of: $0) }
        #expect(order == Array(Set(order)).sorted(), "\(context): phases \(phases)")

        var known: Set<String> = []
        var over: Set<String> = []
        var sequences: [String: UInt64] = [:]
        for event in events {
            switch event {
            case .workerReady(let info):
                #expect(known.insert(info.id).inserted, "\(context): \(info.id) is ready twice")
            case .snapshot(let worker, let encoded):
                let snapshot = encoded.snapshot
                #expect(known.contains(worker) && !over.contains(worker), "\(context): snapshot of \(worker)")
                #expect(snapshot.sequence == sequences[worker, default: 0] + 1, "\(context): \(worker) out of order")
                sequences[worker] = snapshot.sequence
            case .workerEnded(let worker, _):
                #expect(known.contains(worker), "\(context): \(worker) ended unknown")
                #expect(over.insert(worker).inserted, "\(context): \(worker) ended twice")
            default: break
            }
        }
        #expect(known == over, "\(context): \(known.subtracting(over)) never ended")
        for worker in known {
            #expect(accounted(worker) <= UInt64(instances), "\(context): \(worker) counts double")
            if let end = ends[worker], !end.lost, self.end == .finished || self.end == .overdue {
                #expect(accounted(worker) == UInt64(instances), "\(context): \(worker) is incomplete: \(end)")
                #expect(snapshots(of: worker).last?.isFinal == true, "\(context): \(worker) has no final snapshot")
            }
        }
    }
}
