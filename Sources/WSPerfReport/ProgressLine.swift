public import WSPerfCore

/// One line of text that shows the progress of a run. Like the report, it is a fold over the run's events with bounded
/// memory.
///
/// Rates and times are those of the last second that all workers should have reported by now.
public struct ProgressLine: Sendable {
    private struct Second {
        var sent: UInt64 = 0
        var received: UInt64 = 0
        var response = Histogram()
    }

    private var phase: RunPhase?
    private var planned: UInt64 = 0
    private var workersPlanned: UInt64 = 0
    private var workersReady: UInt64 = 0
    private var workersLost: UInt64 = 0
    private var opened: UInt64 = 0
    private var closed: UInt64 = 0
    private var sent: UInt64 = 0
    private var received: UInt64 = 0
    private var errors: UInt64 = 0
    /// When each worker's last snapshot ended; this determines the second of its next snapshot.
    private var ends: [String: UInt64] = [:]
    /// The newest second with a snapshot.
    private var newest: UInt64 = 0
    private var current = Second()
    private var previous = Second()

    public init() {}

    /// Takes the next event of the run.
    public mutating func fold(_ event: RunEvent) {
        switch event {
        case .started(_, _, let plan):
            self = ProgressLine()
            workersPlanned = plan.workers
            planned = workersPlanned.multipliedReportingOverflow(by: plan.instances).partialValue
        case .phase(let phase): self.phase = phase
        case .workerReady: workersReady += 1
        case .snapshot(let worker, let encoded): fold(encoded.snapshot, of: worker)
        case .workerEnded(_, let end): workersLost += end.lost ? 1 : 0
        case .notice, .thresholdFailed, .failed: break
        case .ended: phase = .done
        }
    }

    private mutating func fold(_ snapshot: Snapshot, of worker: String) {
        let statistics = snapshot.statistics
        opened &+= statistics.opened
        closed &+= statistics.ended
        sent &+= statistics.sent
        received &+= statistics.received
        for (outcome, count) in statistics.outcomes where outcome != .succeeded && outcome != .aborted {
            errors &+= count
        }
        let start = min(ends[worker] ?? 0, snapshot.elapsed)
        ends[worker] = snapshot.elapsed
        let second = (start + (snapshot.elapsed - start) / 2) / 1_000_000_000
        if second > newest {
            // Reuses the storage of both.
            swap(&current, &previous)
            current.sent = 0
            current.received = 0
            current.response.reset()
            if second > newest + 1 { previous = Second() }
            newest = second
        }
        if second == newest {
            Self.add(statistics, to: &current)
        } else if second + 1 == newest {
            Self.add(statistics, to: &previous)
        }
    }

    private static func add(_ statistics: LoadStatistics, to second: inout Second) {
        second.sent &+= statistics.sent
        second.received &+= statistics.received
        second.response.merge(statistics.rttResponse)
    }

    /// What a phase is called on a terminal.
    private static func words(for phase: RunPhase) -> String {
        switch phase {
        case .waitingForListeners: "waiting for the load machines"
        case .launching: "starting the workers"
        case .waitingForWorkers: "sending them the plan"
        case .connecting: "opening connections"
        case .sending: "sending messages"
        case .draining: "closing connections"
        case .collecting: "collecting the results"
        case .done: "done"
        }
    }

    /// The line, without a line feed.
    public var text: String {
        var parts: [String] = []
        if let phase { parts.append(Self.words(for: phase)) }
        if opened == 0, sent == 0, errors == 0 {
            if workersPlanned > 0 {
                let ready = "\(Figures.grouped(workersReady)) of \(Figures.grouped(workersPlanned))"
                parts.append("\(ready) worker\(workersPlanned == 1 ? "" : "s") ready")
            }
        } else {
            let open = opened - min(opened, closed)
            parts.append(
                "\(Figures.grouped(open)) open, \(Figures.grouped(opened)) of \(Figures.grouped(planned)) opened")
        }
        if sent > 0 || received > 0 {
            parts.append("\(Figures.grouped(sent)) sent, \(Figures.grouped(received)) received")
            let second = newest > 0 ? previous : current
            if phase != .done {
                parts.append("\(Figures.grouped(second.sent)) msg/s")
                if let p99 = second.response.percentile(99) {
                    parts.append("rtt p99 \(Figures.milliseconds(Double(p99))) ms")
                }
            }
        }
        if errors > 0 { parts.append("\(Figures.grouped(errors)) failed") }
        if workersLost > 0 { parts.append("\(Figures.grouped(workersLost)) worker\(workersLost == 1 ? "" : "s") LOST") }
        return parts.joined(separator: " · ")
    }
}
