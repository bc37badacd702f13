import Testing
import WSPerfCore

@testable import WSPerfFleet

@Suite struct RunSetupTests {
    /// The controller's deadline is for workers that do not keep their own: one that hears the start as late as it may, keeps
    /// its time limit and then closes its connections is done before it.
    @Test(arguments: [Duration?.none, .milliseconds(1), .seconds(10)])
    func theControllersDeadlineIsBehindTheWorkers(timeLimit: Duration?) throws {
        var plan = Plan(target: try Target("ws://127.0.0.1:9/"))
        plan.messages = 1000
        plan.inFlight = 1
        plan.timeLimit = timeLimit
        plan.timeouts.close = .seconds(77)
        plan.fleet.liveness = .seconds(33)
        let setup = try FleetController.setup(plan, id: "r", number: 1)
        #expect(setup.limit > plan.arithmetic.limit + plan.timeouts.close + plan.fleet.liveness)
        #expect(setup.drain > plan.timeouts.close)
    }
}
