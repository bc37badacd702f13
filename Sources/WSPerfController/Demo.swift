import ArgumentParser
import WSPerfCommand
import WSPerfCore
import WSPerfTestServer

/// `wsperf-controller demo`: a fixed plan → `FleetOptions.conduct`.
struct Demo: StandardCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a first load test on this machine, against the embedded server.",
        discussion: """
            Two listeners with two worker processes each, 250 connections per process, and 10 messages per connection, \
            one second apart on average.
            """)

    @OptionGroup var fleet: FleetOptions

    func run() async throws {
        let server = try await TestServer.start()
        var plan = Plan(target: try WSPerfCore.Target(server.url))
        plan.name = "demo"
        plan.machines = 2
        plan.processes = 2
        plan.instances = 250
        plan.ramp = .rate(perSecond: 250)
        plan.messages = 10
        plan.schedule = .randomized(.exponential(mean: .seconds(1)))
        plan.payload = .random(RandomPayloadOptions(format: .text, length: .uniform(16...512)))
        let status = try await fleet.conduct([plan], forcingLocal: true)
        await server.stop()
        throw ExitCode(status)
    }
}
