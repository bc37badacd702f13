import Testing
import WSPerfCore

@testable import WSPerfFleet

@Suite struct MembershipMachineTests {
    private func at(_ seconds: Double) -> FleetInstant { FleetInstant(nanoseconds: Int64(seconds * 1e9)) }
    private let hello = PeerMessage.Hello(role: .listener, name: "alpha", pid: 1, software: "x")
    private let status = PeerMessage.ListenerStatus(number: 0, launched: 0, alive: 0, leaving: false)

    @Test func aListenerJoinsOnceItHasAnsweredTheWelcome() {
        var machine = MembershipMachine()
        #expect(
            machine.hello(id: "l", hello, sequence: 1, now: at(0)) == [
                .welcome(id: "l", name: "alpha"), .greeted(id: "l"),
            ])
        #expect(machine.alive.isEmpty)
        #expect(machine.status(id: "l", status, sequence: 2, now: at(0)) == [.joined(id: "l")])
        #expect(machine.status(id: "l", status, sequence: 3, now: at(1)) == [])
        #expect(machine.alive.map(\.id) == ["l"])
    }

    @Test func silenceLosesAndReplaysAreNoSignOfLife() {
        var machine = MembershipMachine()
        _ = machine.hello(id: "l", hello, sequence: 1, now: at(0))
        _ = machine.status(id: "l", status, sequence: 2, now: at(0))
        _ = machine.status(id: "l", status, sequence: 2, now: at(4))
        #expect(machine.tick(now: at(4.9), liveness: .seconds(5)) == [])
        #expect(machine.tick(now: at(5), liveness: .seconds(5)) == [.lost(id: "l", silence: .seconds(5))])
        #expect(machine.tick(now: at(6), liveness: .seconds(5)) == [])
        // Lost is lost: it has to come with a new identity.
        #expect(machine.status(id: "l", status, sequence: 9, now: at(6)) == [.rejoin(id: "l")])
        #expect(machine.hello(id: "l", hello, sequence: 10, now: at(6)) == [.rejoin(id: "l")])
        #expect(
            machine.hello(id: "l2", hello, sequence: 1, now: at(6)) == [
                .welcome(id: "l2", name: "alpha"), .greeted(id: "l2"),
            ])
    }

    /// Snapshots of another version are refused at once. Another version of the software is only a notice.
    @Test func anotherBuildIsNamed() {
        var machine = MembershipMachine()
        var other = PeerMessage.Hello(own: .listener, name: "beta", pid: 1)
        let isSame = other.incompatibility == nil && other.otherBuild == nil
        #expect(isSame)
        other.snapshotVersion = "1.1"
        let refusals = machine.hello(id: "l", other, sequence: 1, now: at(0))
        guard case .refuse("l", "beta", let reason)? = refusals.first, refusals.count == 1 else {
            Issue.record("\(refusals)")
            return
        }
        #expect(reason.hasPrefix("sends snapshots of format 1.1 (software "))
        #expect(machine.members.isEmpty && machine.incompatible == ["beta": reason])
        other.snapshotVersion = nil
        other.software = "0.0.9"
        let note = MembershipMachine.Action.note(
            "listener beta is version 0.0.9; this controller is version \(WSPerfVersion.current)")
        #expect(
            machine.hello(id: "l", other, sequence: 1, now: at(0)) == [
                .welcome(id: "l", name: "beta"), .greeted(id: "l"), note,
            ])
    }

    @Test func namesAreToldApart() {
        var machine = MembershipMachine()
        #expect(
            machine.hello(id: "a", hello, sequence: 1, now: at(0)) == [
                .welcome(id: "a", name: "alpha"), .greeted(id: "a"),
            ])
        #expect(
            machine.hello(id: "b", hello, sequence: 1, now: at(0)) == [
                .welcome(id: "b", name: "alpha#2"), .greeted(id: "b"),
            ])
        #expect(
            machine.hello(id: "c", hello, sequence: 1, now: at(0)) == [
                .welcome(id: "c", name: "alpha#3"), .greeted(id: "c"),
            ])
    }

    @Test func whoLeavesIsGoneAtOnce() {
        var machine = MembershipMachine()
        _ = machine.hello(id: "l", hello, sequence: 1, now: at(0))
        _ = machine.status(id: "l", status, sequence: 2, now: at(0))
        let leaving = PeerMessage.ListenerStatus(number: 0, launched: 0, alive: 0, leaving: true)
        #expect(machine.status(id: "l", leaving, sequence: 3, now: at(1)) == [.lost(id: "l", silence: .zero)])
        #expect(machine.alive.isEmpty)
    }

    @Test func helloesOfStrangersAreBounded() {
        var machine = MembershipMachine()
        for number in 0..<(FleetLimits.listeners + 10) {
            _ = machine.hello(
                id: "x\(number)", .init(role: .listener, name: "n\(number)", pid: 1, software: ""), sequence: 1,
                now: at(0))
        }
        #expect(machine.members.count == FleetLimits.listeners)
        #expect(machine.refused == 10)
        #expect(machine.tick(now: at(5), liveness: .seconds(5)) == [])
        #expect(machine.members.isEmpty)
    }
}

@Suite struct ListenerMachineTests {
    private func at(_ seconds: Double) -> FleetInstant { FleetInstant(nanoseconds: Int64(seconds * 1e9)) }

    private func say(
        _ command: Command, session: String = "s", run: String? = "s-1", to machine: inout ListenerMachine,
        at now: FleetInstant
    ) -> [ListenerMachine.Action] {
        machine.receive(
            .message(Envelope(session: session, run: run, sender: session, sequence: 1, content: command), body: []),
            now: now)
        return machine.tick(now: now)
    }

    private func launched() -> ListenerMachine {
        var machine = ListenerMachine(name: "alpha", pid: 1, now: at(0))
        _ = machine.tick(now: at(0))
        _ = say(.welcome(.init(name: "alpha", livenessMilliseconds: 5000)), to: &machine, at: at(0))
        _ = say(launch(1), to: &machine, at: at(0))
        return machine
    }

    private let graces = GracePeriods(close: .seconds(2), liveness: .seconds(5), collect: .seconds(10))

    private func launch(_ number: Int, _ id: String = "w0") -> Command {
        .launch(
            .init(
                number: number, livenessMilliseconds: 5000, launchMilliseconds: 1000, closeMilliseconds: 2000,
                collectMilliseconds: 10_000, workers: [WorkerOrder(id: id, index: 0)]))
    }

    @Test func helloIsRepeatedUntilWelcomed() {
        var machine = ListenerMachine(name: "alpha", pid: 1, now: at(0))
        var hellos: [Int64] = []
        for millisecond in 0..<4000 {
            let now = FleetInstant(nanoseconds: Int64(millisecond) * 1_000_000)
            if machine.tick(now: now).contains(where: { if case .send(.hello) = $0 { true } else { false } }) {
                hellos.append(Int64(millisecond))
            }
        }
        #expect(hellos == [0, 100, 300, 700, 1500, 2500, 3500])
        let actions = say(.welcome(.init(name: "alpha", livenessMilliseconds: 5000)), to: &machine, at: at(4))
        #expect(actions == [.send(.listener(.init(number: 0, launched: 0, alive: 0, leaving: false)))])
    }

    @Test func aLaunchIsCarriedOutOnce() {
        var machine = launched()
        #expect(machine.alive == 1)
        let again = say(launch(1), to: &machine, at: at(0.5))
        #expect(again == [.send(.listener(.init(number: 1, launched: 1, alive: 1, leaving: false)))])
        // Late copies of an earlier one mean nothing, a later one ends what is left of this.
        let next = say(launch(2, "w1"), run: "s-2", to: &machine, at: at(1))
        #expect(next.contains(.terminate(worker: "w0")))
        #expect(next.contains { if case .launch(let order, _) = $0 { order.id == "w1" } else { false } })
        #expect(!say(launch(1), to: &machine, at: at(1)).contains { if case .launch = $0 { true } else { false } })
    }

    @Test func commandsOfAnotherSessionAreIgnored() {
        var machine = launched()
        #expect(say(launch(7, "evil"), session: "t", to: &machine, at: at(0.1)).isEmpty)
        #expect(!say(.end, session: "t", to: &machine, at: at(0.1)).contains(.exit(status: 0)))
    }

    @Test func anEndIsReportedUntilTaken() {
        var machine = launched()
        let exit = WorkerExit(worker: "w0", pid: 9, status: nil, signal: 9, stderr: "")
        machine.handle(.exited(exit), now: at(1))
        #expect(machine.tick(now: at(1)).contains(.send(.exited(exit))))
        #expect(!machine.tick(now: at(1.5)).contains(.send(.exited(exit))))
        #expect(machine.tick(now: at(2)).contains(.send(.exited(exit))))
        _ = say(.taken(.init(workers: ["w0"])), to: &machine, at: at(2))
        #expect(!machine.tick(now: at(4)).contains(.send(.exited(exit))))
    }

    @Test func whatOutlivesItsRunIsEndedPolitelyThenKilled() {
        var machine = launched()
        #expect(
            say(.beacon(.init(software: "", run: nil, closing: false)), run: nil, to: &machine, at: at(1))
                .contains(.terminate(worker: "w0")))
        #expect(!machine.tick(now: at(1) + FleetLimits.terminate + .milliseconds(-1)).contains(.kill(worker: "w0")))
        #expect(machine.tick(now: at(1) + FleetLimits.terminate).contains(.kill(worker: "w0")))
    }

    @Test func afterTheControllersSilenceWorkersGetTheTimeToDeliver() {
        var machine = launched()
        let silent = machine.tick(now: at(5))
        #expect(silent.contains { if case .send(.hello) = $0 { true } else { false } })
        #expect(!silent.contains(.terminate(worker: "w0")))
        #expect(!machine.tick(now: at(5) + graces.deliver).contains(.terminate(worker: "w0")))
        #expect(machine.tick(now: at(5) + graces.terminate).contains(.terminate(worker: "w0")))
        #expect(!machine.tick(now: at(5) + graces.kill + .milliseconds(-1)).contains(.kill(worker: "w0")))
        #expect(machine.tick(now: at(5) + graces.kill).contains(.kill(worker: "w0")))
        machine.handle(.exited(WorkerExit(worker: "w0", pid: 1, signal: 9, stderr: "")), now: at(30))
        _ = machine.tick(now: at(30))
        #expect(machine.alive == 0)
        // And it serves the next controller.
        _ = say(.welcome(.init(name: "alpha", livenessMilliseconds: 5000)), session: "t", to: &machine, at: at(31))
        let next = say(launch(1, "v0"), session: "t", run: "t-1", to: &machine, at: at(31))
        #expect(next.contains { if case .launch(let order, _) = $0 { order.id == "v0" } else { false } })
    }

    /// The controller counts it as lost, but waits for the results of its workers for as long as their run lasts.
    @Test func whoMustRejoinKeepsItsWorkers() {
        var machine = launched()
        _ = machine.tick(now: at(5))
        var actions = say(.rejoin, to: &machine, at: at(8))
        #expect(actions.contains(.becomeNew))
        actions += say(.welcome(.init(name: "alpha", livenessMilliseconds: 5000)), to: &machine, at: at(8.1))
        let beacon = Command.beacon(.init(software: "", run: "s-1", closing: false))
        for second in 9...60 { actions += say(beacon, to: &machine, at: at(Double(second))) }
        #expect(!actions.contains(.terminate(worker: "w0")) && machine.alive == 1)
        let over = Command.beacon(.init(software: "", run: nil, closing: false))
        #expect(say(over, run: nil, to: &machine, at: at(61)).contains(.terminate(worker: "w0")))
    }

    @Test func aBeaconOfAnotherSessionMeansANewController() {
        var machine = launched()
        let actions = say(
            .beacon(.init(software: "", run: nil, closing: false)), session: "t", run: nil, to: &machine, at: at(1))
        #expect(actions.contains(.terminate(worker: "w0")))
        #expect(actions.contains { if case .send(.hello) = $0 { true } else { false } })
    }

    @Test func anInterruptEndsTheWorkersFirst() {
        var machine = launched()
        machine.handle(.interrupted, now: at(1))
        let first = machine.tick(now: at(1))
        // Its results are wanted, so the signals come only when it must have delivered them.
        #expect(first.contains(.hangUp(worker: "w0")) && !first.contains(.terminate(worker: "w0")))
        machine.handle(.exited(WorkerExit(worker: "w0", pid: 1, status: 1, stderr: "")), now: at(1.2))
        let last = machine.tick(now: at(1.2))
        #expect(last.last == .exit(status: 130))
        #expect(last.contains(.send(.listener(.init(number: 1, launched: 1, alive: 0, leaving: true)))))
        #expect(machine.nextDeadline == nil)
    }

    /// Services are stopped with SIGTERM.
    @Test func terminatedWhileIdleItExitsWithZero() {
        var machine = ListenerMachine(name: "alpha", pid: 1, now: at(0))
        machine.handle(.terminated, now: at(1))
        #expect(machine.tick(now: at(1)).last == .exit(status: 0))

        var busy = launched()
        busy.handle(.terminated, now: at(1))
        #expect(busy.tick(now: at(1)).contains(.hangUp(worker: "w0")))
        busy.handle(.exited(WorkerExit(worker: "w0", pid: 1, status: 1, stderr: "")), now: at(1.2))
        #expect(busy.tick(now: at(1.2)).last == .exit(status: 130))
    }

    @Test func onceItServesOneController() {
        func served(beaconOf session: String?, closing: Bool) -> Int32? {
            var machine = ListenerMachine(name: "alpha", pid: 1, servesOnce: true, now: at(0))
            _ = say(.welcome(.init(name: "alpha", livenessMilliseconds: 5000)), run: nil, to: &machine, at: at(0))
            var actions: [ListenerMachine.Action] = []
            if let session {
                let beacon = Command.Beacon(software: "", run: nil, closing: closing)
                actions = say(.beacon(beacon), session: session, run: nil, to: &machine, at: at(5))
            }
            actions += machine.tick(now: at(6))
            for case .exit(let status) in actions { return status }
            return nil
        }
        #expect(served(beaconOf: "s", closing: false) == nil)
        #expect(served(beaconOf: "s", closing: true) == 0)
        #expect(served(beaconOf: "t", closing: false) == 0)
        // The controller died.
        #expect(served(beaconOf: nil, closing: false) == 1)
    }

    @Test func whyThereIsNoControllerIsSaid() {
        var machine = ListenerMachine(name: "alpha", pid: 1, now: at(0))
        for second in [1.0, 2.0] {
            machine.handle(.notJoined(reason: "connection refused", host: nil), now: at(second))
            #expect(machine.tick(now: at(second)).contains(.warn("no controller: connection refused")))
        }
        _ = say(.welcome(.init(name: "alpha", livenessMilliseconds: 5000)), run: nil, to: &machine, at: at(3))
        machine.handle(.notJoined(reason: "connection refused", host: nil), now: at(3))
        #expect(!machine.tick(now: at(3)).contains(.warn("no controller: connection refused")))
    }

    @Test func aSecondInterruptKills() {
        var machine = launched()
        machine.handle(.interrupted, now: at(1))
        _ = machine.tick(now: at(1))
        machine.handle(.interrupted, now: at(1.1))
        #expect(machine.tick(now: at(1.1)).contains(.kill(worker: "w0")))
    }

    @Test func anotherVersionIsNamed() {
        var machine = ListenerMachine(name: "alpha", pid: 1, now: at(0))
        machine.receive(.foreign(ForeignEnvelope(version: 9, sender: "c", message: nil, software: "7.0")), now: at(0))
        let warnings = machine.tick(now: at(0)).compactMap { if case .warn(let text) = $0 { text } else { nil } }
        #expect(warnings.count == 1)
        #expect(warnings.first?.contains("version 9 (software 7.0)") == true)
        #expect(warnings.first?.contains("version \(FleetLimits.protocolVersion)") == true)
    }
}

@Suite struct WorkerMachineTests {
    private func at(_ seconds: Double) -> FleetInstant { FleetInstant(nanoseconds: Int64(seconds * 1e9)) }

    private func machine() -> WorkerMachine {
        WorkerMachine(
            run: "s-1", session: "s", machine: "alpha", pid: 1, liveness: .seconds(5), launch: .seconds(20), now: at(0))
    }

    private func say(
        _ command: Command, session: String = "s", run: String? = "s-1", to machine: inout WorkerMachine,
        at now: FleetInstant
    ) -> [WorkerMachine.Action] {
        machine.receive(
            .message(Envelope(session: session, run: run, sender: session, sequence: 1, content: command), body: [1]),
            now: now)
        return machine.tick(now: now)
    }

    private let graces = GracePeriods(close: .seconds(2), liveness: .seconds(5), collect: .seconds(10))

    private func running() -> WorkerMachine {
        var machine = machine()
        _ = say(.welcome(.init(name: "alpha", livenessMilliseconds: 5000)), to: &machine, at: at(0))
        _ = say(.plan, to: &machine, at: at(0))
        machine.handle(.prepared(graces), now: at(0))
        _ = say(.start, to: &machine, at: at(0))
        return machine
    }

    @Test func everyCommandMayComeTwice() {
        var machine = machine()
        _ = say(.welcome(.init(name: "alpha", livenessMilliseconds: 5000)), to: &machine, at: at(0))
        #expect(say(.plan, to: &machine, at: at(0)) == [.prepare([1])])
        // A repeated command shows that the answer to the first was lost.
        let status = WorkerMachine.Action.send(.worker(.init(state: .waiting, pid: 1, reason: nil)), body: nil)
        #expect(say(.plan, to: &machine, at: at(0)) == [status])
        #expect(!say(.start, to: &machine, at: at(0)).contains(.startLoad))
        machine.handle(.prepared(graces), now: at(0))
        #expect(say(.start, to: &machine, at: at(0)).contains(.startLoad))
        #expect(!say(.start, to: &machine, at: at(0)).contains(.startLoad))
        #expect(say(.stop, to: &machine, at: at(0)).contains(.stopLoad))
        #expect(!say(.stop, to: &machine, at: at(0)).contains(.stopLoad))
        #expect(say(.abort, to: &machine, at: at(0)).contains(.abortLoad))
        #expect(!say(.abort, to: &machine, at: at(0)).contains(.abortLoad))
    }

    /// The controller repeats a command until a status shows its effect, so each gets one, in every state.
    @Test(arguments: [Command.plan, .start, .stop, .abort]) func everyRepeatedCommandIsAnswered(_ command: Command) {
        func isStatus(_ action: WorkerMachine.Action) -> Bool {
            if case .send(.worker, _) = action { true } else { false }
        }
        var machine = running()
        _ = say(command, to: &machine, at: at(0.1))
        #expect(say(command, to: &machine, at: at(0.2)).contains(where: isStatus), "under load")
        machine.handle(
            .snapshot(Snapshot(sequence: 1, elapsed: 1, isFinal: true, statistics: LoadStatistics())), now: at(0.3))
        _ = machine.tick(now: at(0.3))
        #expect(say(command, to: &machine, at: at(0.4)).contains(where: isStatus), "when finished")
    }

    private func isExit(_ action: WorkerMachine.Action) -> Bool { if case .exit = action { true } else { false } }

    private func finish(_ machine: inout WorkerMachine, at now: FleetInstant) {
        machine.handle(
            .snapshot(Snapshot(sequence: 1, elapsed: 1, isFinal: true, statistics: LoadStatistics())), now: now)
    }

    @Test func silenceEndsTheLoadAndThenTheWorker() {
        var machine = running()
        #expect(!machine.tick(now: at(4.9)).contains(.stopLoad))
        #expect(machine.tick(now: at(5)).contains(.stopLoad))
        #expect(!machine.tick(now: at(5) + graces.politeEnd).contains(.abortLoad))
        #expect(machine.tick(now: at(5) + graces.abort).contains(.abortLoad))
        #expect(!machine.tick(now: at(5) + graces.deliver + .milliseconds(-1)).contains(where: isExit))
        let last = machine.tick(now: at(5) + graces.deliver)
        #expect(last.contains(.exit(status: 1, message: "the controller was silent for 5 s")))
    }

    /// What it measured before the silence is whole. It keeps it for as long as the controller may wait.
    @Test func aWorkerThatFinishedInSilenceDeliversLate() {
        var machine = running()
        finish(&machine, at: at(1))
        var actions: [WorkerMachine.Action] = []
        for second in 1..<15 { actions += machine.tick(now: at(Double(second))) }
        #expect(!actions.contains(where: isExit))
        let acknowledged = say(.acknowledge(.init(upTo: 1, missing: [])), to: &machine, at: at(14.9))
        #expect(acknowledged == [.exit(status: 0, message: nil)])

        var alone = running()
        finish(&alone, at: at(1))
        _ = alone.tick(now: at(5))
        #expect(!alone.tick(now: at(14.9)).contains(where: isExit))
        #expect(
            alone.tick(now: at(15)).contains(.exit(status: 1, message: "results could not be delivered")))
    }

    /// A worker that hears its controller again is not alone, so the controller decides how long it waits.
    @Test func aControllerThatIsBackIsWaitedFor() {
        var machine = running()
        finish(&machine, at: at(1))
        _ = machine.tick(now: at(5))
        let beacon = Command.beacon(.init(software: "", run: "s-1", closing: false))
        var actions: [WorkerMachine.Action] = []
        for second in 10...40 { actions += say(beacon, run: nil, to: &machine, at: at(Double(second))) }
        #expect(!actions.contains(where: isExit))
    }

    @Test(arguments: [WorkerMachine.Event.lifelineEnded, .interrupted])
    func aWorkerThatIsToldToEndGetsTheTimesOfThePlan(_ event: WorkerMachine.Event) {
        var machine = running()
        let beacon = Command.beacon(.init(software: "", run: "s-1", closing: false))
        machine.handle(event, now: at(0))
        #expect(machine.tick(now: at(0)).contains(.stopLoad))
        var actions: [WorkerMachine.Action] = []
        for second in 1...3 { actions += say(beacon, run: nil, to: &machine, at: at(Double(second))) }
        #expect(!actions.contains(.abortLoad) && !actions.contains(where: isExit))
        #expect(machine.tick(now: at(0) + graces.abort).contains(.abortLoad))
        for second in 5...14 { actions += say(beacon, run: nil, to: &machine, at: at(Double(second))) }
        #expect(!actions.contains(where: isExit))
        #expect(machine.tick(now: at(0) + graces.deliver).contains(where: isExit))
    }

    @Test func theListenersEndEndsTheLoad() {
        var machine = running()
        machine.handle(.lifelineEnded, now: at(1))
        #expect(machine.tick(now: at(1)).contains(.stopLoad))
        machine.handle(
            .snapshot(Snapshot(sequence: 1, elapsed: 1, isFinal: true, statistics: LoadStatistics())), now: at(1.1))
        let sent = machine.tick(now: at(1.1))
        #expect(
            sent.contains {
                if case .send(.snapshot(let header), _) = $0 {
                    header.final && header.reason == "its listener is gone"
                } else {
                    false
                }
            })
        let acked = say(.acknowledge(.init(upTo: 1, missing: [])), to: &machine, at: at(1.2))
        #expect(acked == [.exit(status: 1, message: "its listener is gone")])
    }

    @Test(arguments: [
        (Command.beacon(.init(software: "", run: "t-1", closing: false)), "t"),
        (.beacon(.init(software: "", run: "s-2", closing: false)), "s"),
        (.beacon(.init(software: "", run: nil, closing: true)), "s"),
    ])
    func whoseRunIsOverEndsAtOnce(_ beacon: Command, _ session: String) {
        var machine = running()
        #expect(say(beacon, session: session, run: nil, to: &machine, at: at(1)).contains(.abortLoad))
        machine.handle(
            .snapshot(Snapshot(sequence: 1, elapsed: 1, isFinal: true, statistics: LoadStatistics())), now: at(1.1))
        #expect(machine.tick(now: at(1.1)).contains { if case .exit = $0 { true } else { false } })
    }

    @Test func aWorkerNoOneHearsEnds() {
        var machine = machine()
        var ended: FleetInstant?
        var now = at(0)
        while ended == nil, now < at(60) {
            if machine.tick(now: now).contains(where: { if case .exit(1, _) = $0 { true } else { false } }) {
                ended = now
            }
            now = max(machine.nextDeadline ?? now, now + .milliseconds(1))
        }
        #expect(ended == at(10))
    }

    @Test func anotherVersionIsRefused() {
        var machine = machine()
        machine.receive(.foreign(ForeignEnvelope(version: 9, sender: "c", message: nil, software: nil)), now: at(0))
        guard case .exit(2, let message?)? = machine.tick(now: at(0)).last else {
            Issue.record("did not end")
            return
        }
        #expect(message.contains("version 9") && message.contains("version \(FleetLimits.protocolVersion)"))
    }
}

@Suite struct ControllerMachineTests {
    private func at(_ seconds: Double) -> FleetInstant { FleetInstant(nanoseconds: Int64(seconds * 1e9)) }

    /// A controller that waits for two workers of one listener, which was told to launch them.
    private func waiting() -> ControllerMachine {
        var machine = ControllerMachine(session: "s", now: at(0))
        machine.begin(
            RunSetup(
                id: "s-1", number: 1, machines: 1, processes: 2, instances: 10, join: .seconds(20),
                launch: .seconds(20), liveness: .seconds(5), limit: .seconds(30), drain: .seconds(4),
                collect: .seconds(10), plan: RecordedPlan(document: .mapping([PlanNode.Entry]())),
                parcel: SharedBytes([1]), startedAt: 0),
            now: at(0))
        let hello = PeerMessage.hello(.init(role: .listener, name: "alpha", pid: 1, software: "x"))
        receive(Envelope(session: "", run: nil, sender: "l", sequence: 1, content: hello), &machine, at: at(0))
        let status = PeerMessage.listener(.init(number: 1, launched: 2, alive: 2, leaving: false))
        receive(Envelope(session: "s", run: nil, sender: "l", sequence: 2, content: status), &machine, at: at(0))
        _ = machine.tick(now: at(0))
        receive(Envelope(session: "s", run: nil, sender: "l", sequence: 3, content: status), &machine, at: at(0.1))
        _ = machine.tick(now: at(0.1))
        return machine
    }

    private func receive(
        _ envelope: Envelope<PeerMessage>, _ machine: inout ControllerMachine, at now: FleetInstant
    ) {
        machine.receive(.message(envelope, body: []), now: now)
    }

    private func notices(_ actions: [ControllerMachine.Action]) -> [String] {
        actions.compactMap { if case .record(.notice(let text)) = $0 { text } else { nil } }
    }

    private func receive(
        _ text: String, _ machine: inout ControllerMachine, at now: FleetInstant
    ) -> [ControllerMachine.Action] {
        machine.receive(WireCodec.decodePeerMessage([Array(Topic.controller.utf8), Array(text.utf8)]), now: now)
        return machine.tick(now: now)
    }

    @Test func aHelloWithoutAFieldIsNamedAndAnswered() throws {
        var machine = waiting()
        let worker = try #require(machine.run?.workers.first)
        let hello =
            #"{"wsperf":2,"session":"s","run":"s-1","from":"\#(worker.id)","seq":1,"type":"hello","data":{"role":"worker","name":"a","software":"x"}}"#
        let actions = receive(hello, &machine, at: at(1))
        #expect(notices(actions) == ["dropped a 'hello' message from \(worker.id): data.pid is missing"])
        let refusal = Command.refuse(.init(message: "hello: data.pid is missing"))
        #expect(
            actions.contains(
                .publish(topic: Topic.peer(worker.id), refusal, run: "s-1", carriesPlan: false)))
        // The same again is only counted and answered.
        #expect(notices(receive(hello, &machine, at: at(2))) == [])
        #expect(machine.dropped.unreadable == 2)

        let status = PeerMessage.listener(.init(number: 1, launched: 2, alive: 2, leaving: false))
        for second in 3...19 {
            let sequence = UInt64(second + 1)
            receive(
                Envelope(session: "s", run: nil, sender: "l", sequence: sequence, content: status), &machine,
                at: at(Double(second)))
            _ = machine.tick(now: at(Double(second)))
        }
        let last = machine.tick(now: at(21))
        let end =
            notices(last)
            + last.compactMap { if case .record(.failed(let reason, exitStatus: 3)) = $0 { reason } else { nil } }
        #expect(end.contains("2 messages were dropped because they break the protocol"), "\(end)")
        #expect(end.last?.contains("(its hello cannot be read: data.pid is missing)") == true, "\(end)")
        #expect(end.last?.contains("no message from it") == true, "the other worker: \(end)")
    }

    @Test func aWorkersMessageOfNoRunIsNamed() throws {
        var machine = waiting()
        let worker = try #require(machine.run?.workers.first)
        let text =
            #"{"wsperf":2,"session":"s","from":"\#(worker.id)","seq":1,"type":"hello","data":{"role":"worker","name":"a","pid":1,"software":"x"}}"#
        let actions = receive(text, &machine, at: at(1))
        #expect(notices(actions) == ["dropped a 'hello' message from \(worker.id): run is missing"])
    }
}

@Suite struct TextTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1:5561:5564"), ("host.example:1:2", "host.example:1:2"), ("[::1]", "[::1]:5561:5564"),
        ("[fe80::1]:7000:7001", "[fe80::1]:7000:7001"),
    ])
    func addresses(_ text: String, _ expected: String) throws {
        #expect(try ControllerAddress(text).description == expected)
    }

    @Test(arguments: [
        "", ":1:2", "h:1", "h:0:1", "h:1:2:3", "h:1:65536", "h:a:b", "[::1", "[::1]x", "a b", "h;x:1:2", "h\u{1b}",
    ])
    func impossibleAddresses(_ text: String) {
        #expect(throws: FleetError.self) { try ControllerAddress(text) }
    }

    @Test func workerArgumentsComeBack() throws {
        let options = FleetWorkerOptions(
            controller: try ControllerAddress("[::1]:1:2"), order: WorkerOrder(id: "s-1-w3", index: 3),
            launching: ListenerMachine.Launching(
                session: "s", run: "s-1", machine: "a b", liveness: .milliseconds(1500), launch: .seconds(30)),
            hasLifeline: true)
        #expect(try FleetWorkerOptions(arguments: options.arguments) == options)
        #expect(FleetWorkerOptions.isLaunch(options.arguments))
        for index in options.arguments.indices.dropFirst().dropLast() {
            var fewer = options.arguments
            fewer.remove(at: index)
            #expect(throws: FleetError.self) { try FleetWorkerOptions(arguments: fewer) }
        }
    }

    @Test(arguments: [
        (Duration.milliseconds(250), "250 ms"), (.seconds(5), "5 s"), (.milliseconds(1500), "1.5 s"),
        (.seconds(90), "90 s"),
    ])
    func durations(_ duration: Duration, _ text: String) { #expect(duration.readable == text) }

    @Test func instantsSaturate() {
        let now = FleetInstant(nanoseconds: 1)
        #expect(now + .seconds(Int64.max) == FleetInstant(nanoseconds: .max))
        #expect(FleetInstant(nanoseconds: .max) - FleetInstant(nanoseconds: .min) > .seconds(1))
    }
}
