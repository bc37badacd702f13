import NIOClient
import Testing
import WSPerfCore
import WSPerfTesting

@Suite(.timeLimit(.minutes(3)))
struct ConformanceTests {
    private var registry: Registry {
        var registry = Registry()
        registry.register(client: "nio") { context in try NIOClient(context) }
        return registry
    }

    @Test func `it passes what every client must pass`() async throws {
        var conformance = ClientConformance(registry: registry, client: ComponentPlan(kind: "nio"))
        conformance.hasPings = false
        let findings = try await conformance.check()
        #expect(findings.isEmpty, "\(findings)")
    }

    @Test func `TLS is refused in words`() throws {
        var plan = Plan(target: try Target("wss://127.0.0.1:9443/"))
        plan.client = ComponentPlan(kind: "nio")
        let error = #expect(throws: PlanError.self) { try LoadEngine(plan: plan, registry: registry) }
        #expect(error?.description.contains("no TLS") == true)
    }
}
