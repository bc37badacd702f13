import Foundation
import Testing
import WSPerfCore
import WSPerfPlanFile

@Suite struct ExamplePlansTests {
    @Test func allAreValid() throws {
        let directory = Repository.file("Examples/Plans").path
        let names = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".yaml") }
        #expect(names.count >= 7)
        for name in names {
            let plans = try Sweep(document: PlanFile.load(path: "\(directory)/\(name)")).plans
            for plan in plans {
                #expect(plan.notices == [], "\(name)")
                #expect(plan.arithmetic.connections < 5000)
                #expect(plan.arithmetic.expectedDuration ?? .zero < .seconds(60))
                #expect(try Plan(document: PlanFile.parse(plan.document.yaml)) == plan)
                for file in plan.referencedFiles where !file.hasSuffix("ca.pem") {
                    #expect(try plan.contents(ofFile: file).isEmpty == false)
                }
            }
        }
    }

    /// The summary in the manual is what `validate` prints for the example.
    @Test func theManualShowsWhatValidatePrints() throws {
        let plan = try #require(
            try Sweep(document: PlanFile.load(path: Repository.file("Examples/Plans/randomized.yaml").path)).plans.first
        )
        let manual = try String(contentsOf: Repository.file("Docs/Plan.md"), encoding: .utf8)
        let summary = PlanSummary(plan).description
        #expect(manual.contains("```\n\(summary)```"), "\(summary)")
    }

    @Test func summariesOfOtherPlans() throws {
        func summary(_ text: String) throws -> String {
            PlanSummary(try Plan(document: PlanFile.parse(text))).description
        }
        #expect(
            try summary("{target: 'wss://h/', send_messages: false, instances: 100000, tls: {verify: false}}") == """
                run: wss://h/
                  connections     100,000 = 1 machine × 1 process × 100,000 instances
                  opening         100 s, 1,000/s in each worker
                  messages        none, only the handshake
                  duration        about 100 s; connections left after 1,126 s are aborted
                  descriptors     100,036 in each worker process
                  local ports     100,000 on each machine (one local address has at most 64,511: give source_addresses)
                  notice: tls.verify is false: any server at the target's address is trusted

                """)
        #expect(
            try summary(
                "{target: 'ws://h/', schedule: own, instances: 30000, ramp: {over: 90m, max_opening: 1000}, duration: 500us}"
                    .replacingOccurrences(of: "500us", with: "500ms")) == """
                    run: ws://h/
                      connections     30,000 = 1 machine × 1 process × 30,000 instances
                      opening         evenly over 5,400 s, at most 1,000 opening at once
                      messages        as many as the schedule has
                      steady state    not known in advance
                      duration        about 5,401 s; connections left after 5,737 s are aborted
                      descriptors     30,036 in each worker process
                      local ports     30,000 on each machine (more than the usual 28,232: widen net.ipv4.ip_local_port_range)
                      notice: schedule.kind 'own' is not a stock kind: the workers must know it

                    """)
    }
}
