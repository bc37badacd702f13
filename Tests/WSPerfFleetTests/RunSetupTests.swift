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

    /// A listener behind a closed port can be heard, but hears nothing.
    @Test func whoDoesNotHearTheAnswerIsNamed() throws {
        func at(_ seconds: Double) -> FleetInstant { FleetInstant(nanoseconds: Int64(seconds * 1e9)) }
        var plan = Plan(target: try Target("ws://127.0.0.1:9/"))
        plan.messages = 1
        plan.machines = 2
        plan.fleet.join = .seconds(3)
        var setup = try FleetController.setup(plan, id: "s-1", number: 1)
        setup.commandPort = 5561
        setup.advice = "look at the network"
        var machine = ControllerMachine(session: "s", now: at(0))
        machine.begin(setup, now: at(0))
        for second in [0.0, 1, 2] {
            let hello = PeerMessage.Hello(role: .listener, name: "beta", pid: 1, software: "x")
            let envelope = Envelope(
                session: "", run: nil, sender: "l-1", sequence: UInt64(second) + 1, content: PeerMessage.hello(hello))
            machine.receive(.message(envelope, body: []), now: at(second))
            _ = machine.tick(now: at(second))
        }
        let errors = machine.tick(now: at(3.1)).compactMap { action -> String? in
            if case .over(let outcome) = action { outcome.error?.message } else { nil }
        }
        #expect(
            errors == [
                "0 of 2 listeners joined within 3 s (none); 2 missing; beta said hello, but did not hear the answer: "
                    + "port 5561 of the controller must be open to them; look at the network"
            ])
    }

    /// The workers keep the time limit themselves, so what they get says it. The record keeps the plan as it was given.
    @Test func theWorkersAreToldTheTimeLimit() throws {
        var plan = Plan(target: try Target("ws://127.0.0.1:9/"))
        plan.messages = 10
        let setup = try FleetController.setup(plan, id: "r", number: 1)
        let sent = try Plan(document: #require(PlanParcel(decoding: setup.parcel.bytes).document))
        #expect(sent.timeLimit == plan.arithmetic.limit)
        #expect(setup.plan.timeLimit == nil && setup.plan.document == plan.document)
    }
}
