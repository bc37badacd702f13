public import ArgumentParser
internal import WSPerfCore
internal import WSPerfFleet

/// Where listeners wait for a controller, and how long they have to answer, to end them.
public struct ListenerEnding: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Address of this machine that the listeners connect to (default: 127.0.0.1; '*' for all).",
            valueName: "ADDRESS"))
    public var bind: String?
    @Option(help: ArgumentHelp("Port for commands (PUB; default: 5561).", valueName: "PORT"))
    public var publishPort: UInt16?
    @Option(help: ArgumentHelp("Port for messages from listeners (PULL; default: 5564).", valueName: "PORT"))
    public var reportPort: UInt16?
    @Option(help: ArgumentHelp("How long to wait for listeners (default: 3s).", valueName: "TIME"))
    public var wait: String?

    public init() {}

    /// Ends the listeners, prints their names, and returns the exit status.
    public func conduct() async throws -> Int32 {
        var options = FleetController.Options()
        if let bind { options.host = bind }
        if let publishPort { options.publishPort = publishPort }
        if let reportPort { options.reportPort = reportPort }
        let waiting: Duration
        do throws(PlanQuantity.Failure) {
            waiting = if let wait { try PlanQuantity.duration(wait) } else { .seconds(3) }
        } catch {
            throw StandardError.fail("--wait: \(error.message)")
        }
        do throws(FleetError) {
            let controller = try FleetController(options: options)
            let interrupts = InterruptSource { controller.interrupt() }
            let (ended, remaining) = try await controller.endListeners(waiting: waiting)
            withExtendedLifetime(interrupts) {}
            for name in ended { StandardStream.output.write("ended \(name)\n") }
            for name in remaining { StandardStream.error.write("wsperf: \(name) was told to end, but has not\n") }
            if ended.isEmpty, remaining.isEmpty {
                StandardStream.error.write("wsperf: no listener joined \(controller.address)\n")
            }
            return remaining.isEmpty && !ended.isEmpty ? 0 : 3
        } catch {
            throw StandardError.fail(error, status: error.exitStatus)
        }
    }
}
