import Testing
import WSPerfCore

@testable import WSPerfFleet

/// How the controller judges a worker. Silence is limited to 5 s.
@Suite struct RunWorkerTests {
    private func at(_ seconds: Double) -> FleetInstant { FleetInstant(nanoseconds: Int64(seconds * 1e9)) }

    private func worker(_ change: (inout RunWorker) -> Void) -> RunWorker {
        var worker = RunWorker(order: WorkerOrder(id: "w", index: 0), listener: "l", machine: "m", now: at(0))
        _ = worker.advance(to: .running)
        change(&worker)
        return worker
    }

    private func judge(
        _ worker: RunWorker, at seconds: Double, isUnderLoad: Bool = true, drained: Bool = true
    ) -> RunWorker.Judgement {
        worker.judgement(now: at(seconds), liveness: .seconds(5), isUnderLoad: isUnderLoad, drained: drained)
    }

    private let killed = WorkerExit(worker: "w", pid: 1, signal: 9, stderr: "")

    @Test func aSilentWorkerIsNoticedOnce() {
        let worker = worker { $0.lastHeard = at(1) }
        #expect(judge(worker, at: 5.9) == .wait)
        #expect(judge(worker, at: 6) == .silent(.seconds(5)))
        #expect(judge(self.worker { $0.isSilent = true }, at: 99) == .wait)
    }

    @Test func aWorkerThatNeverSaidHelloIsNotSilent() {
        let worker = RunWorker(order: WorkerOrder(id: "w", index: 0), listener: "l", machine: "m", now: at(0))
        #expect(judge(worker, at: 99) == .wait)
        #expect(worker.nextJudgement(liveness: .seconds(5)) == nil)
    }

    @Test func anExitCountsOnceItsLastSnapshotsMayHaveArrived() {
        let worker = worker {
            $0.exit = killed
            $0.exitAt = at(1)
        }
        #expect(judge(worker, at: 1.4) == .wait)
        #expect(judge(worker, at: 1.5, drained: false) == .wait)
        #expect(judge(worker, at: 1.5, isUnderLoad: false) == .wait)
        #expect(judge(worker, at: 1.5) == .ended(lost: true, reason: "killed by signal 9 (SIGKILL)"))
        #expect(worker.nextJudgement(liveness: .seconds(5)) == at(1.5))
    }

    @Test func aWorkerThatDeliveredWaitsOnlyForItsExitStatus() {
        let delivered = worker { $0.deliver(now: at(1)) }
        #expect(judge(delivered, at: 2.9) == .wait)
        #expect(judge(delivered, at: 3) == .ended(lost: false, reason: "finished"))
        let exited = worker {
            $0.deliver(now: at(1))
            $0.exit = killed
        }
        #expect(judge(exited, at: 1) == .ended(lost: false, reason: "finished"))
        let orphan = worker {
            $0.deliver(now: at(1))
            $0.listenerLoss = "its listener has ended"
            $0.note(reason: "its listener has ended")
            $0.note(reason: "a later reason")
        }
        #expect(judge(orphan, at: 1) == .ended(lost: true, reason: "its listener has ended"))
    }

    @Test(arguments: [
        (RunEnd.finished, true, "results were still missing at the deadline"), (.interrupted, false, "interrupted"),
        (.overdue, true, "results were still missing at the deadline"),
    ])
    func theEndOfTheRunIsTheEndOfItsWorkers(end: RunEnd, lost: Bool, reason: String) {
        let judgement = worker { _ in }.judgement(endOfRun: end, now: at(9))
        #expect(judgement.lost == lost && judgement.reason == reason)
        let silent = worker { $0.isSilent = true }.judgement(endOfRun: end, now: at(9))
        #expect(silent.lost && silent.reason == "silent for 9 s")
        let delivered = worker { $0.deliver(now: at(8)) }.judgement(endOfRun: end, now: at(9))
        #expect(!delivered.lost && delivered.reason == "finished")
    }

    /// A stop for its listener's sake counts only if it cut something off: the load may have ended before it arrived.
    @Test(arguments: [(Outcome.aborted, "its listener has ended"), (.succeeded, nil)] as [(Outcome, String?)])
    func aStopThatCameTooLateIsNoReason(outcome: Outcome, reason: String?) {
        let worker = worker {
            var statistics = LoadStatistics()
            statistics.outcomes[outcome] = 1
            let body = Snapshot(sequence: 1, elapsed: 1, isFinal: true, statistics: statistics).encoded()
            #expect($0.take(1, body, instances: 10).offence == nil)
            $0.listenerLoss = "its listener has ended"
            $0.isStoppedEarly = true
            $0.deliver(now: at(1))
        }
        #expect(worker.reason == reason)
        #expect(judge(worker, at: 1) == .ended(lost: reason != nil, reason: reason ?? "finished"))
    }

    @Test func aStateOnlyMovesForward() {
        var worker = worker { _ in }
        let changes = [WorkerState.waiting, .running, .finished, .stopping].filter { worker.advance(to: $0) }
        #expect(changes == [.finished])
        #expect(worker.isAtLeast(.running) && worker.state == .finished)
    }

    @Test func aWorkerCannotClaimMoreConnectionsThanItHas() {
        func body(_ sequence: UInt64, _ accounted: UInt64) -> [UInt8] {
            var statistics = LoadStatistics()
            statistics.opened = accounted
            statistics.ended = accounted
            statistics.outcomes[.succeeded] = accounted
            return Snapshot(sequence: sequence, elapsed: 1, isFinal: false, statistics: statistics).encoded()
        }
        var worker = worker { _ in }
        let first = worker.take(1, body(1, 6), instances: 10)
        #expect(first.ready.count == 1 && first.offence == nil)
        #expect(worker.accounted == 6 && worker.attempted == 6)
        let second = worker.take(2, body(2, 5), instances: 10)
        #expect(
            second.ready.isEmpty
                && second.offence == "snapshot 2: it has outcomes for more connections than the worker has (10)")
        #expect(worker.accounted == 6)
    }
}
