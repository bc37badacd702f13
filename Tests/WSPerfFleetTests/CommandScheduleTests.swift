import Testing
import WSPerfCore

@testable import WSPerfFleet

@Suite struct CommandScheduleTests {
    private func at(_ seconds: Double) -> FleetInstant { FleetInstant(nanoseconds: Int64(seconds * 1e9)) }

    private func worker(_ state: WorkerState?, _ change: (inout RunWorker) -> Void = { _ in }) -> RunWorker {
        var worker = RunWorker(
            order: WorkerOrder(id: "w", index: 0), listener: "l", machine: "m", now: FleetInstant(nanoseconds: 0))
        if let state { _ = worker.advance(to: state) }
        worker.isConfirmed = true
        change(&worker)
        return worker
    }

    @Test(
        arguments: [
            // state, then the command under wait, start, stop, abort
            (nil, [nil, nil, nil, nil]),
            (.waiting, [.plan, .plan, .plan, .plan]),
            (.prepared, [nil, .start, .stop, .stop]),
            (.running, [nil, nil, .stop, .abort]),
            (.stopping, [nil, nil, nil, .abort]),
            (.finished, [nil, nil, nil, nil]),
            (.failed, [nil, nil, nil, nil]),
        ] as [(WorkerState?, [Command?])])
    func theCommandFollowsFromStateAndOrder(state: WorkerState?, expected: [Command?]) {
        let orders: [LoadOrder] = [.wait, .start, .stop, .abort]
        #expect(orders.map { CommandSchedule.command(for: worker(state), order: $0) } == expected)
    }

    @Test func aWorkerWithoutItsListenerIsStopped() {
        #expect(
            CommandSchedule.command(for: worker(.running) { $0.listenerLoss = "its listener has ended" }, order: .start)
                == .stop)
        #expect(
            CommandSchedule.command(
                for: worker(.prepared) { $0.listenerLoss = "its listener has ended" }, order: .start) == .stop)
        #expect(
            CommandSchedule.command(for: worker(.prepared) { $0.listenerLoss = "its listener has ended" }, order: .wait)
                == nil)
        #expect(
            CommandSchedule.command(for: worker(.running) { $0.listenerLoss = "its listener has ended" }, order: .abort)
                == .abort)
    }

    @Test func nothingIsSaidToAWorkerThatCannotHearIt() {
        let exit = WorkerExit(worker: "w", pid: 1, status: 0, stderr: "")
        let deaf = [
            worker(.waiting) { $0.isConfirmed = false }, worker(.waiting) { $0.isSilent = true },
            worker(.waiting) { $0.hasEnded = true }, worker(.waiting) { $0.exit = exit },
        ]
        #expect(deaf.allSatisfy { CommandSchedule.command(for: $0, order: .start) == nil })
    }

    /// Publishes a command at each time, and returns at which of them it was due.
    private func publish(
        _ type: WireType, to place: Int = 0, _ schedule: inout CommandSchedule, at times: [Double]
    ) -> [Double] {
        times.filter { schedule.publish(type, to: place, now: at($0)) }
    }

    @Test func aCommandIsRepeatedEverySecond() {
        var schedule = CommandSchedule(planBytes: 10)
        #expect(schedule.nextPublication(of: .plan, to: 3) == nil)
        let times = publish(.plan, to: 3, &schedule, at: [1, 1.5, 1.9, 2, 2.1, 3])
        #expect(times == [1, 2, 3])
        #expect(schedule.nextPublication(of: .plan, to: 3) == at(4))
        // Other workers are independent.
        let others = publish(.plan, to: 2, &schedule, at: [3, 3.5])
        #expect(others == [3])
    }

    @Test func anotherCommandIsPublishedAtOnce() {
        var schedule = CommandSchedule(planBytes: 10)
        let starts = publish(.start, &schedule, at: [1])
        let stops = publish(.stop, &schedule, at: [1.1, 1.2])
        #expect(starts == [1] && stops == [1.1])
        #expect(schedule.nextPublication(of: .stop, to: 0) == at(2.1))
        #expect(schedule.nextPublication(of: .abort, to: 0) == nil)
    }

    /// Seconds between the repetitions of a plan.
    @Test(arguments: [(64 * 1024, [1, 1, 1, 1, 1, 1]), (64 * 1024 + 1, [4, 8, 16, 32, 32, 32])])
    func aLargePlanIsRepeatedMoreSlowly(bytes: Int, pauses: [Int]) {
        var schedule = CommandSchedule(planBytes: bytes)
        var now = at(0)
        for pause in pauses {
            let isDue = schedule.publish(.plan, to: 0, now: now)
            #expect(isDue)
            #expect(schedule.nextPublication(of: .plan, to: 0) == now + .seconds(pause))
            now = now + .seconds(pause)
        }
        // Other commands are small.
        _ = schedule.publish(.start, to: 0, now: now)
        #expect(schedule.nextPublication(of: .start, to: 0) == now + .seconds(1))
    }

    @Test func aLaunchIsRepeatedEverySecondAndAtOnceWhenItChanges() {
        var schedule = CommandSchedule(planBytes: 10)
        let times = [0, 0.5, 1].filter { schedule.publishLaunch(to: "a", now: at($0)) }
        #expect(times == [0, 1])
        #expect(schedule.nextLaunch(to: "a") == at(2) && schedule.nextLaunch(to: "b") == nil)
        schedule.launchChanged(for: "a")
        #expect(schedule.nextLaunch(to: "a") == nil)
    }
}
