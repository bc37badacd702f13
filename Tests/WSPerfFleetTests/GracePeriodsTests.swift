import Testing
import WSPerfCore

@testable import WSPerfFleet

@Suite struct GracePeriodsTests {
    /// Whatever the plan says, no step begins before the previous one can be over.
    @Test func theOrderOfTheSteps() {
        let times: [Duration] = [.zero, .milliseconds(1), .seconds(2), .seconds(77), .seconds(3600)]
        for close in times {
            for liveness in times {
                for collect in times {
                    let graces = GracePeriods(close: close, liveness: liveness, collect: collect)
                    let steps = [
                        graces.close, graces.politeEnd, graces.abort, graces.deliver, graces.terminate, graces.kill,
                    ]
                    #expect(zip(steps, steps.dropFirst()).allSatisfy(<), "\(graces): \(steps)")
                    // A worker keeps its results for as long as the controller may wait for them.
                    #expect(graces.deliver - graces.abort >= max(collect, liveness))
                }
            }
        }
    }

    /// The controller's deadlines for a stop are the same as a worker's for an end that it notices itself.
    @Test func theControllerAndItsWorkersUseTheSameTimes() throws {
        var plan = Plan(target: try Target("ws://127.0.0.1:9/"))
        plan.messages = 10
        plan.timeouts.close = .seconds(7)
        plan.fleet.liveness = .seconds(11)
        plan.fleet.collect = .seconds(13)
        let setup = try FleetController.setup(plan, id: "r", number: 1)
        #expect(setup.graces == GracePeriods(plan))
        #expect(setup.drain == setup.graces.abort)
    }

    /// A listener has killed the workers that nobody wants results of before the controller's first signal reaches it.
    @Test(arguments: [ClosingStep.polite, ClosingStep.hurried, ClosingStep.remote])
    func theControllersSteps(_ steps: [(after: Duration, step: ClosingStep)]) throws {
        #expect(zip(steps, steps.dropFirst()).allSatisfy { $0.after < $1.after })
        #expect(steps.first?.step == .ask && steps.last?.step == .giveUp)
        let kill = steps.firstIndex { $0.step == .kill } ?? steps.count
        #expect(steps.indices.filter { steps[$0].step == .terminate }.allSatisfy { $0 < kill })
    }

    @Test func aPoliteControllerWaitsForItsListeners() throws {
        let terminate = try #require(ClosingStep.polite.first { $0.step == .terminate })
        #expect(terminate.after > FleetLimits.terminate)
    }
}
