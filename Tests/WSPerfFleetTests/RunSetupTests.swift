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

    /// The workers keep the time limit themselves, so what they get says it. The record keeps the plan as it was given.
    @Test func theWorkersAreToldTheTimeLimit() throws {
        var plan = Plan(target: try Target("ws://127.0.0.1:9/"))
        plan.messages = 10
        let setup = try FleetController.setup(plan, id: "r", number: 1)
        let sent = try Plan(document: PlanParcel(decoding: setup.parcel.bytes).document)
        #expect(sent.timeLimit == plan.arithmetic.limit)
        #expect(setup.plan.timeLimit == nil && setup.plan.document == plan.document)
    }
}
