import Testing
import WSPerfCore

@testable import WSPerfFleet

/// The three machines together, in simulated time.
@Suite struct SimulationTests {
    /// Runs a fleet to the end of its run and a while on, and checks what must hold in any case.
    private func finish(_ fleet: SimulatedFleet, _ context: String) -> RunRecord {
        let begun = fleet.now
        fleet.begin()
        fleet.run(for: fleet.bound + .seconds(10)) { fleet.overAt != nil || !fleet.controllerIsAlive }
        if fleet.controllerIsAlive {
            #expect(fleet.outcomes.count == 1, "\(context): no end")
            if let overAt = fleet.overAt { #expect(overAt - begun <= fleet.bound, "\(context): late") }
        }
        fleet.run(for: .seconds(45))
        let record = RunRecord(events: fleet.events)
        if fleet.controllerIsAlive { record.check(instances: fleet.setup.instances, context) }
        for worker in fleet.workers {
            #expect(!worker.isAlive, "\(context): worker \(worker.id) is left over in state \(worker.machine.state)")
            // What was taken is what the worker measured up to some moment, nothing more and nothing twice.
            let taken = record.snapshots(of: worker.id).reduce(UInt64(0)) { $0 + $1.statistics.sent }
            var sum: UInt64 = 0
            var moments: [UInt64] = [0]
            for part in worker.produced {
                sum += part
                moments.append(sum)
            }
            #expect(moments.contains(taken), "\(context): \(worker.id) measured \(moments), the record has \(taken)")
            if let end = record.ends[worker.id], !end.lost, record.end == .finished {
                #expect(taken == sum, "\(context): \(worker.id) is said to be complete")
            }
        }
        for listener in fleet.listeners where listener.isAlive {
            #expect(listener.machine.alive == 0, "\(context): \(listener.id) has workers left")
        }
        #expect(fleet.worstSpin < 50, "\(context): busy loop of \(fleet.worstSpin)")
        return record
    }

    @Test func aQuietRun() {
        let fleet = SimulatedFleet(seed: 1, machines: 2, processes: 2)
        let record = finish(fleet, "quiet")
        #expect(record.end == .finished)
        #expect(record.phases == RunPhase.allCases)
        #expect(record.ready.map(\.index).sorted() == [0, 1, 2, 3])
        #expect(Set(record.ready.map(\.machine)) == ["m0", "m1"])
        #expect(record.ends.values.allSatisfy { !$0.lost && $0.status == 0 && $0.reason == "finished" })
        #expect(record.notices == [])
    }

    /// A worker whose snapshots break a rule costs its results. The record says which rule, and so does the answer to the
    /// worker, which ends at once instead of at the deadline.
    @Test func snapshotsOfAnotherVersionAreNamed() {
        let fleet = SimulatedFleet(seed: 3, machines: 1, processes: 2)
        fleet.rewrite = { $0.isEmpty ? [] : [9] + $0.dropFirst() }
        let record = finish(fleet, "another version")
        #expect(record.ends.count == 2 && record.ends.values.allSatisfy(\.lost))
        let offence = "snapshot 1: version 9 is not known, only 2 (byte 1)"
        let said = record.notices.filter { $0.contains(offence) }
        #expect(said.count == 2 && said.allSatisfy { $0.hasSuffix(" is given up: \(offence)") }, "\(said)")
        #expect(record.ends.values.allSatisfy { $0.reason == offence })
        #expect(record.end == .finished)
        let exits = fleet.exitMessages
        // The run ends with the last of them, so this one may hear that its run is over before it hears the answer.
        #expect(exits.contains("refused: \(offence)"), "\(exits)")
        #expect(exits.allSatisfy { $0 == "refused: \(offence)" || $0 == "its run is over" }, "\(exits)")
    }

    /// So does the hello of a worker whose snapshots would be of another version.
    @Test func aWorkerOfAnotherVersionIsNamed() {
        let fleet = SimulatedFleet(seed: 3, machines: 1, processes: 2)
        fleet.restate = { message in
            guard case .hello(var hello) = message, hello.role == .worker else { return message }
            hello.snapshotVersion = "1.7"
            return .hello(hello)
        }
        let record = finish(fleet, "another hello")
        #expect(record.end == .incomplete)
        let message = fleet.outcomes.first?.error?.message ?? ""
        #expect(message.contains("sends snapshots of format 1.7"), "\(message)")
        #expect(fleet.exitMessages.allSatisfy { $0.contains("of format 1.7") || $0 == "its run is over" })
        #expect(record.notices.count { $0.contains("is lost") } == 0, "\(record.notices)")
    }

    // MARK: Files

    @Test func filesReachEachMachineOnceAndStay() {
        let fleet = SimulatedFleet(seed: 41, machines: 3, processes: 2)
        fleet.addFiles(chunks: [12, 1, 5])
        #expect(finish(fleet, "files").end == .finished)
        #expect(fleet.listeners.map(\.received) == [fleet.fileBytes, fleet.fileBytes, fleet.fileBytes])
        #expect(fleet.transfers.last?.arrived == 3 * fleet.fileBytes)
        // The next run has the same files and one more.
        let (before, known) = (fleet.events.count, fleet.fileBytes)
        fleet.setup.id = "s-2"
        fleet.setup.number = 2
        fleet.setup.files.append(
            FileReference(name: "more", sha256: String(repeating: "f", count: 64), size: 3 * FleetLimits.chunk))
        fleet.begin()
        fleet.run(for: fleet.bound) { fleet.outcomes.count == 2 }
        #expect(RunRecord(events: Array(fleet.events[before...])).end == .finished)
        #expect(fleet.fileBytes > known)
        #expect(fleet.listeners.allSatisfy { $0.received == fleet.fileBytes })
    }

    @Test(arguments: [0.1, 0.3]) func filesArriveOverALossyNetwork(_ loss: Double) {
        for seed in UInt64(0)..<8 {
            let fleet = SimulatedFleet(
                seed: seed, machines: 2, processes: 1,
                network: SimulatedFleet.Network(loss: loss, duplication: 0.2, delay: 1...300))
            fleet.addFiles(chunks: [20, 7])
            let record = finish(fleet, "loss \(loss), seed \(seed)")
            #expect(
                record.ready.count == 2 && fleet.listeners.allSatisfy { $0.received == fleet.fileBytes },
                "loss \(loss), seed \(seed): \(fleet.outcomes), \(fleet.listeners.map(\.received)) of \(fleet.fileBytes)"
            )
        }
    }

    /// At each moment of the transfer, each fault: the run ends in time, with an honest record.
    @Test(arguments: [
        SimulatedFleet.Fault.killListener(1), .freezeListener(1, 3000), .freezeListener(1, 9000), .cutMachine(1, 3000),
        .cutMachine(1, 8000), .cutMachine(1, 60_000), .interruptListener(1), .interruptController, .killController,
    ])
    func oneFaultWhileFilesTravel(_ fault: SimulatedFleet.Fault) {
        for moment in stride(from: 0.0, through: 3, by: 0.21) {
            let fleet = SimulatedFleet(
                seed: UInt64(moment * 100), machines: 2, processes: 1, spare: 1,
                network: SimulatedFleet.Network(delay: 50...150))
            fleet.addFiles(chunks: [40, 3])
            fleet.schedule(fault, after: moment)
            let record = finish(fleet, "\(fault) at \(moment)")
            switch fault {
            // A spare listener takes its place, or it is back in time.
            case .killListener, .freezeListener(_, 3000), .cutMachine(_, 3000):
                #expect(record.end == .finished, "\(fault) at \(moment): \(record.notices)")
            default: break
            }
        }
    }

    @Test func aDamagedFileIsSentAgain() {
        let fleet = SimulatedFleet(seed: 42, machines: 1, processes: 1)
        fleet.addFiles(chunks: [6])
        fleet.damage = 2
        #expect(finish(fleet, "damaged").end == .finished)
        #expect(fleet.listeners[0].received == 3 * fleet.fileBytes)
    }

    @Test func aFileThatIsDamagedEachTimeEndsTheRun() {
        let fleet = SimulatedFleet(seed: 43, machines: 1, processes: 1)
        fleet.addFiles(chunks: [6])
        fleet.damage = 99
        #expect(finish(fleet, "damaged").end == .incomplete)
        let message = fleet.outcomes.first?.error?.message ?? ""
        #expect(message.contains("file-0 arrived damaged 3 times"), "\(message)")
    }

    /// Nobody is thought dead for keeping to a heartbeat that is longer than the limit.
    @Test(arguments: [200, 1000, 1500, 3000]) func aQuietRunOfAnyLiveness(_ milliseconds: Int) {
        let fleet = SimulatedFleet(seed: 2, machines: 2, processes: 2)
        fleet.setup.liveness = .milliseconds(milliseconds)
        let record = finish(fleet, "quiet with \(milliseconds) ms")
        #expect(record.end == .finished)
        #expect(record.ends.count == 4 && record.ends.values.allSatisfy { !$0.lost })
        #expect(record.notices == [])
    }

    /// A listener is lost under load: its workers must stop, and their unfinished work is no result.
    @Test func workersStoppedForTheirListenersSakeSaySo() {
        let fleet = SimulatedFleet(seed: 4, machines: 2, processes: 2)
        fleet.loadSeconds = 20
        fleet.schedule(.freezeListener(1, 15_000), after: 3)
        let record = finish(fleet, "listener frozen")
        let machine = record.ends.values.filter { $0.reason.hasPrefix("its listener is lost: silent for") }
        #expect(machine.count == 2 && machine.allSatisfy(\.lost))
        #expect(record.ends.values.count { !$0.lost } == 2)
    }

    /// The policy ends the load for a silent worker; that it then comes back does not make the run whole.
    @Test func aWorkerThatTheLoadWasEndedForStaysLost() {
        let fleet = SimulatedFleet(seed: 5, machines: 2, processes: 2)
        fleet.loadSeconds = 20
        fleet.setup.stopsWhenWorkerIsLost = true
        fleet.schedule(.freezeWorker(1, 7000), after: 4)
        let record = finish(fleet, "policy")
        #expect(record.notices.contains("a worker is lost: ending the load, as on_lost_worker says"))
        #expect(record.ends.values.count { $0.lost && $0.reason.contains("silent for") } == 1)
    }

    /// At each of many moments, each fault: the run ends in time with an honest record.
    @Test(arguments: [
        SimulatedFleet.Fault.killWorker(1), .killListener(1), .freezeWorker(1, 3000), .freezeWorker(1, 9000),
        .freezeListener(1, 3000), .freezeListener(1, 9000), .cutWorker(1, 3000), .cutWorker(1, 8000),
        .cutWorker(1, 60_000), .cutMachine(1, 3000), .cutMachine(1, 8000), .cutMachine(1, 60_000),
        .interruptWorker(1), .interruptListener(1), .interruptController, .killController,
    ])
    func oneFaultAtAnyTime(_ fault: SimulatedFleet.Fault) {
        for moment in stride(from: 0.0, through: 9, by: 0.29) {
            let fleet = SimulatedFleet(seed: UInt64(moment * 100), machines: 2, processes: 2)
            fleet.schedule(fault, after: moment)
            _ = finish(fleet, "\(fault) at \(moment)")
        }
    }

    @Test func aKilledWorkerIsLostAndTheOthersComplete() {
        let fleet = SimulatedFleet(seed: 3, machines: 2, processes: 2)
        fleet.schedule(.killWorker(2), after: 4)
        let record = finish(fleet, "killed")
        #expect(record.end == .finished)
        let lost = record.ends.filter { $0.value.lost }
        #expect(lost.count == 1)
        #expect(lost.first?.value.signal == 9)
        #expect(lost.first?.value.reason == "killed by signal 9 (SIGKILL)")
    }

    @Test func aShortCutLosesNothing() {
        let fleet = SimulatedFleet(seed: 4, machines: 2, processes: 2)
        fleet.schedule(.cutMachine(0, 3500), after: 3)
        let record = finish(fleet, "cut")
        #expect(record.ends.count == 4)
        #expect(record.ends.values.allSatisfy { !$0.lost })
    }

    @Test func aWorkerThoughtDeadThatComesBackCountsOnce() {
        let fleet = SimulatedFleet(seed: 5, machines: 1, processes: 2)
        fleet.loadSeconds = 20
        fleet.schedule(.freezeWorker(0, 8000), after: 3)
        let record = finish(fleet, "frozen")
        #expect(record.notices.contains { $0.contains("silent") })
        #expect(record.notices.contains { $0.contains("is back") })
        #expect(record.ends.values.allSatisfy { !$0.lost })
    }

    /// The network of a machine is cut just before the end of the load. Its listener counts as lost, but its workers have all
    /// their results, and the run waits for them until `collect` has passed.
    @Test(arguments: [0, 1]) func aWorkerThatIsSilentDeliversLate(_ machine: Int) {
        let fleet = SimulatedFleet(seed: 34, machines: 2, processes: 2)
        fleet.setup.collect = .seconds(30)
        fleet.schedule(.cutMachine(machine, 8000), after: 5.6)
        let record = finish(fleet, "late")
        #expect(record.end == .finished)
        #expect(record.notices.contains { $0.contains("is lost: silent for") }, "\(record.notices)")
        #expect(record.notices.count { $0.contains("is back") } == 2, "\(record.notices)")
        #expect(record.ends.count == 4 && record.ends.values.allSatisfy { !$0.lost }, "\(record.ends)")
        #expect(record.ready.allSatisfy { record.accounted($0.id) == 10 })
    }

    /// A worker that does not come back is waited for until `collect` has passed, and no longer.
    @Test func aWorkerThatRemainsSilentIsWaitedForToTheEndOfCollect() {
        let fleet = SimulatedFleet(seed: 35, machines: 2, processes: 1)
        fleet.schedule(.cutWorker(1, 600_000), after: 5.6)
        let begun = fleet.now
        let record = finish(fleet, "never")
        #expect(record.end == .overdue)
        #expect(record.ends.values.count { $0.lost && $0.reason.hasPrefix("silent for") } == 1)
        #expect(record.ends.values.count { !$0.lost } == 1)
        // It is silent after 10.6 s, when the load of the other is over, and `collect` is 10 s.
        #expect(fleet.overAt.map { $0 - begun >= .seconds(20) && $0 - begun < .seconds(22) } == true)
    }

    /// If all workers fall silent together and none is known to be dead, the run waits. They count when they are back.
    @Test func allThoughtDeadTogetherMayComeBack() {
        let fleet = SimulatedFleet(seed: 31, machines: 2, processes: 1)
        fleet.loadSeconds = 20
        for worker in 0..<2 { fleet.schedule(.freezeWorker(worker, 9000), after: 3) }
        let record = finish(fleet, "all frozen")
        #expect(record.end == .finished)
        #expect(record.notices.count { $0.contains("is back") } == 2)
        #expect(record.ends.count == 2 && record.ends.values.allSatisfy { !$0.lost })
    }

    @Test func allSilentForGoodAreWaitedForToThePlansEnd() {
        let fleet = SimulatedFleet(seed: 32, machines: 2, processes: 1)
        for worker in 0..<2 { fleet.schedule(.freezeWorker(worker, 600_000), after: 3) }
        let begun = fleet.now
        let record = finish(fleet, "silent for good")
        #expect(record.end == .overdue)
        #expect(record.ends.count == 2 && record.ends.values.allSatisfy { $0.lost && $0.reason.contains("silent for") })
        #expect(fleet.overAt.map { $0 - begun >= .seconds(40) } == true)
    }

    /// There is nothing to wait for if it is known that they are dead, if the plan says so, or if the operator does.
    @Test(arguments: [
        ([SimulatedFleet.Fault.killWorker(0), .killWorker(1)], false),
        ([.killWorker(0), .freezeWorker(1, 600_000), .interruptController], false),
        ([.freezeWorker(0, 600_000), .freezeWorker(1, 600_000)], true),
    ])
    func whoIsKnownToBeDeadIsNotWaitedFor(_ faults: [SimulatedFleet.Fault], _ stops: Bool) {
        let fleet = SimulatedFleet(seed: 33, machines: 2, processes: 1, stopsWhenWorkerIsLost: stops)
        fleet.loadSeconds = 20
        for (index, fault) in faults.enumerated() { fleet.schedule(fault, after: 3 + 6 * Double(index / 2)) }
        let begun = fleet.now
        let record = finish(fleet, "\(faults)")
        #expect(record.ends.count == 2 && record.ends.values.allSatisfy(\.lost))
        #expect(fleet.overAt.map { $0 - begun < .seconds(20) } == true)
    }

    @Test func aSpareTakesTheLostOnesPlace() {
        let fleet = SimulatedFleet(seed: 6, machines: 2, processes: 1, spare: 1)
        fleet.schedule(.killListener(0), after: 0.02)
        let record = finish(fleet, "spare")
        #expect(record.end == .finished)
        #expect(record.accounted("s-1-w0.2") == 10 || record.accounted("s-1-w0") == 10)
    }

    @Test func aSpareLeavesNoTraceOfTheOneItReplacedInTheLoad() {
        // Lost while the workers get ready. A replaced worker had no load, so `on_lost_worker` does not apply.
        let fleet = SimulatedFleet(seed: 6, machines: 2, processes: 1, spare: 1, stopsWhenWorkerIsLost: true)
        fleet.schedule(.killListener(0), after: 0.02)
        let record = finish(fleet, "spare")
        #expect(record.end == .finished)
        #expect(record.ends.values.allSatisfy { !$0.lost })
        #expect(record.ready.allSatisfy { record.accounted($0.id) == 10 })
        #expect(!record.notices.contains { $0.contains("on_lost_worker") })
    }

    @Test func aWorkerThatDiesBeforeTheLoadIsReplaced() {
        let fleet = SimulatedFleet(seed: 21, machines: 2, processes: 2, stopsWhenWorkerIsLost: true)
        fleet.diesOfItsPlan = { ["s-1-w1", "s-1-w3", "s-1-w3.2"].contains($0.id) ? -9 : nil }
        let record = finish(fleet, "replaced")
        #expect(record.end == .finished)
        #expect(record.ready.map(\.id) == ["s-1-w0", "s-1-w1.2", "s-1-w2", "s-1-w3.3"])
        #expect(record.ends.values.allSatisfy { !$0.lost })
        #expect(record.ready.allSatisfy { record.accounted($0.id) == 10 })
        let machine = Dictionary(uniqueKeysWithValues: record.ready.map { ($0.index, $0.machine) })
        let died = "killed by signal 9 (SIGKILL) before the load began"
        #expect(
            Set(record.notices) == [
                "worker 1 on \(machine[1] ?? "") \(died); last output: oh no; launching another",
                "worker 3 on \(machine[3] ?? "") \(died); last output: oh no; launching another",
                "worker 3 on \(machine[3] ?? "") \(died) (attempt 2 of 3); last output: oh no; launching another",
            ])
        #expect(fleet.workers.count == 7)
    }

    /// Whatever the network does, each is launched once.
    @Test(arguments: 0..<20) func replacementsAreLaunchedOnce(_ seed: UInt64) {
        let fleet = SimulatedFleet(
            seed: seed, machines: 2, processes: 2,
            network: SimulatedFleet.Network(loss: 0.3, duplication: 0.3, delay: 1...400))
        fleet.diesOfItsPlan = { $0.id == "s-1-w1" || $0.id == "s-1-w2" ? -11 : nil }
        let record = finish(fleet, "seed \(seed)")
        #expect(Set(fleet.workers.map(\.id)).count == fleet.workers.count)
        #expect(record.end == .finished)
    }

    @Test func aWorkerThatDiesEachTimeEndsTheRun() {
        let fleet = SimulatedFleet(seed: 22, machines: 2, processes: 2)
        fleet.diesOfItsPlan = { $0.index == 1 ? -9 : nil }
        let record = finish(fleet, "each time")
        #expect(record.end == .incomplete)
        #expect(fleet.workers.count { $0.index == 1 } == 3)
        let message = fleet.outcomes.first?.error?.message ?? ""
        #expect(message.hasPrefix("worker 1 on m"))
        #expect(
            message.hasSuffix(
                " killed by signal 9 (SIGKILL) before the load began (attempt 3 of 3); last output: oh no"))
        #expect(fleet.outcomes.first?.error?.exitStatus == 3)
    }

    /// One that says that its options or its plan are wrong is believed.
    @Test func aWorkerThatIsSureOfItIsNotLaunchedAgain() {
        let fleet = SimulatedFleet(seed: 23, machines: 1, processes: 2)
        fleet.diesOfItsPlan = { $0.index == 1 ? 2 : nil }
        let record = finish(fleet, "status 2")
        #expect(record.end == .incomplete)
        #expect(fleet.workers.count == 2)
        #expect(fleet.outcomes.first?.error?.message.contains("exited with status 2 before the load began") == true)
    }

    @Test func aSpareTakesThePlaceOfAMachineWhoseWorkersDie() {
        let fleet = SimulatedFleet(seed: 24, machines: 2, processes: 2, spare: 1)
        var first: String?
        fleet.diesOfItsPlan = { worker in
            if first == nil { first = worker.listener.id }
            return worker.listener.id == first && worker.index % 2 == 0 ? -4 : nil
        }
        let record = finish(fleet, "spare")
        #expect(record.end == .finished)
        #expect(record.ready.count == 4 && record.ready.allSatisfy { record.accounted($0.id) == 10 })
        #expect(record.ends.values.allSatisfy { !$0.lost })
        #expect(
            record.notices.contains { $0.contains("(attempt 3 of 3)") && $0.hasSuffix("giving up on this machine") })
        #expect(record.notices.contains { $0.hasSuffix("replaces a lost listener") })
        // Nobody waits for the end of a run that has no use for it.
        #expect(fleet.workers.contains { $0.listener.id == first && $0.exitStatus == 2 })
    }

    @Test func aMachineWhoseWorkersDieIsLeftOutIfThePlanAllowsIt() {
        let fleet = SimulatedFleet(seed: 25, machines: 2, processes: 2, minMachines: 1)
        fleet.diesOfItsPlan = { $0.listener.id == "l-0" ? -9 : nil }
        let record = finish(fleet, "left out")
        #expect(record.end == .finished)
        #expect(record.ready.count == 2)
        #expect(record.notices.contains { $0.contains("began with 1 of 2 machines") })
    }

    @Test func enoughMachinesBeginOnceTheJoinDeadlineIsOver() {
        let fleet = SimulatedFleet(seed: 12, machines: 4, processes: 2, minMachines: 2)
        for listener in 2..<4 { fleet.schedule(.killListener(listener), after: 0) }
        let begun = fleet.now
        let record = finish(fleet, "enough")
        #expect(record.end == .finished)
        #expect(record.phases == RunPhase.allCases)
        #expect(record.ready.map(\.index) == [0, 1, 2, 3])
        #expect(record.ends.values.allSatisfy { !$0.lost })
        #expect(
            record.notices == [
                "the load began with 2 of 4 machines, as min_machines allows; 2 missing, whose 40 connections are aborted"
            ])
        #expect(fleet.overAt.map { $0 - begun >= .seconds(20) } == true)
    }

    /// The record says how long the run waited for its last listener.
    @Test func theWaitingIsRecorded() throws {
        let fleet = SimulatedFleet(seed: 17, machines: 1, processes: 2)
        fleet.setup.machines = 2
        fleet.begin()
        fleet.run(for: .seconds(9))
        fleet.addListener("late")
        fleet.run(for: fleet.bound) { fleet.overAt != nil }
        let record = RunRecord(events: fleet.events)
        #expect(record.end == .finished && record.ready.count == 4)
        let waited = try record.ready.map { try #require($0.waited) }
        #expect(waited.allSatisfy { (9_000_000_000..<10_000_000_000).contains($0) }, "\(waited)")
    }

    @Test func allMachinesAreNotWaitedForAnyLonger() {
        let fleet = SimulatedFleet(seed: 13, machines: 3, processes: 1, minMachines: 1)
        let begun = fleet.now
        let record = finish(fleet, "all")
        #expect(record.ready.count == 3)
        #expect(fleet.overAt.map { $0 - begun < .seconds(20) } == true)
    }

    @Test func tooFewMachinesForTheLeastAreNamed() {
        let fleet = SimulatedFleet(seed: 14, machines: 3, processes: 1, minMachines: 2)
        for listener in 1..<3 { fleet.schedule(.killListener(listener), after: 0) }
        #expect(finish(fleet, "too few").end == .incomplete)
        #expect(
            fleet.outcomes.first?.error?.message
                == "1 of 3 listeners joined within 20 s (m0); 2 missing, and min_machines requires 2")
    }

    /// Without a spare, a machine that dies before the load is left out if the plan allows it.
    @Test func whoDiesBeforeTheLoadIsLeftOut() {
        let fleet = SimulatedFleet(seed: 15, machines: 2, processes: 1, minMachines: 1)
        fleet.schedule(.killListener(0), after: 0.02)
        let record = finish(fleet, "left out")
        #expect(record.end == .finished)
        #expect(record.ready.count == 1)
        #expect(record.notices.contains { $0.contains("began with 1 of 2 machines") })
    }

    @Test(arguments: [
        SimulatedFleet.Fault.killWorker(1), .freezeWorker(1, 9000), .killListener(1), .interruptWorker(1),
        .interruptListener(1), .cutWorker(1, 60_000),
    ])
    func aLostWorkerEndsTheLoadOfAllIfThePlanSaysSo(_ fault: SimulatedFleet.Fault) {
        for stops in [false, true] {
            let fleet = SimulatedFleet(seed: 16, machines: 2, processes: 2, stopsWhenWorkerIsLost: stops)
            fleet.loadSeconds = 20
            fleet.schedule(fault, after: 3)
            let begun = fleet.now
            let record = finish(fleet, "\(fault)")
            #expect(record.end == .finished)
            #expect(record.notices.count { $0.contains("on_lost_worker") } == (stops ? 1 : 0), "\(fault)")
            let isEarly = fleet.overAt.map { $0 - begun < .seconds(18) } == true
            #expect(isEarly == stops, "\(fault)")
            // Those that live come to all their outcomes either way.
            let complete = record.ready.filter { record.ends[$0.id]?.lost == false }
            #expect(complete.count >= 2)
            for worker in complete {
                let sum = record.snapshots(of: worker.id).reduce(into: LoadStatistics()) { $0.merge($1.statistics) }
                #expect(sum.outcomes[.aborted].map { $0 > 0 } ?? false == stops, "\(fault)")
                #expect(sum.accounted == 10)
            }
        }
    }

    @Test func anInterruptEndsTheLoadAndKeepsTheFigures() {
        let fleet = SimulatedFleet(seed: 7, machines: 2, processes: 2)
        fleet.schedule(.interruptController, after: 4)
        let record = finish(fleet, "interrupt")
        #expect(record.end == .interrupted)
        #expect(record.ends.values.allSatisfy { !$0.lost })
        #expect(record.ready.allSatisfy { record.accounted($0.id) == 10 })
    }

    @Test func twoInterruptsEndAtOnce() {
        let fleet = SimulatedFleet(seed: 8, machines: 2, processes: 2)
        fleet.schedule(.interruptController, after: 4)
        fleet.schedule(.interruptController, after: 4.01)
        let begun = fleet.now
        let record = finish(fleet, "two interrupts")
        #expect(record.end == .interrupted)
        #expect(fleet.overAt.map { $0 - begun < .milliseconds(4200) } == true)
    }

    @Test func tooFewListenersAreNamed() {
        let fleet = SimulatedFleet(seed: 9, machines: 2, processes: 1)
        fleet.schedule(.killListener(1), after: 0)
        let record = finish(fleet, "few")
        #expect(record.end == .incomplete)
        #expect(fleet.outcomes.first?.error?.message == "1 of 2 listeners joined within 20 s (m0); 1 missing")
    }

    @Test func aPlanThatCannotBeSetUpEndsTheRunWithItsReason() {
        let fleet = SimulatedFleet(seed: 10, machines: 1, processes: 2)
        fleet.planError = "client: unknown kind 'x'"
        let record = finish(fleet, "plan")
        #expect(record.end == .incomplete)
        #expect(fleet.outcomes.first?.error?.code == .plan)
        let message = fleet.outcomes.first?.error?.message ?? ""
        #expect(["worker 0", "worker 1"].contains { message == "\($0) on m0: client: unknown kind 'x'" }, "\(message)")
        #expect(fleet.outcomes.first?.error?.exitStatus == 2)
    }

    @Test func aSecondControllerFindsTheListeners() {
        let fleet = SimulatedFleet(seed: 11, machines: 2, processes: 2)
        fleet.schedule(.killController, after: 3)
        _ = finish(fleet, "first")
        #expect(fleet.workers.allSatisfy { !$0.isAlive })
        fleet.restartController(session: "s2")
        let before = fleet.events.count
        fleet.begin()
        fleet.run(for: fleet.bound) { !fleet.outcomes.isEmpty }
        let record = RunRecord(events: Array(fleet.events[before...]))
        #expect(record.end == .finished)
    }

    /// Random fleets, networks and faults.
    @Test(arguments: 0..<16)
    func anythingAtAll(_ block: Int) {
        for seed in UInt64(block * 20)..<UInt64(block * 20 + 20) {
            var random = TestRandom(seed: seed ^ 0xABCD)
            let fleet = SimulatedFleet(
                seed: seed, machines: Int.random(in: 1...3, using: &random),
                processes: Int.random(in: 1...3, using: &random), spare: Int.random(in: 0...1, using: &random),
                minMachines: random.chance(0.3) ? 1 : nil, stopsWhenWorkerIsLost: random.chance(0.3),
                network: SimulatedFleet.Network(
                    loss: random.chance(0.5) ? Double.random(in: 0...0.5, using: &random) : 0,
                    duplication: random.chance(0.5) ? Double.random(in: 0...0.3, using: &random) : 0,
                    delay: 1...Int64.random(in: 2...1500, using: &random)))
            fleet.loadSeconds = Int.random(in: 1...40, using: &random)
            if random.chance(0.4) {
                fleet.addFiles(
                    chunks: (0..<Int.random(in: 1...3, using: &random)).map { _ in
                        Int.random(in: 1...12, using: &random)
                    })
                fleet.damage = Int.random(in: 0...2, using: &random)
            }
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                let which = Int.random(in: 0...8, using: &random)
                let time = Int64.random(in: 10...15_000, using: &random)
                let faults: [SimulatedFleet.Fault] = [
                    .killWorker(which), .killListener(which), .freezeWorker(which, time), .freezeListener(which, time),
                    .cutWorker(which, time), .cutMachine(which, time), .interruptWorker(which),
                    .interruptListener(which), .interruptController, .killController,
                ]
                let fault = faults[Int.random(in: 0..<(random.chance(0.1) ? 10 : 9), using: &random)]
                fleet.schedule(fault, after: Double.random(in: 0...30, using: &random))
            }
            _ = finish(fleet, "seed \(seed)")
        }
    }
}
