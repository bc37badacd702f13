import ArgumentParser
import WSPerfCommand
import WSPerfCore
import WSPerfFleet

/// The stock worker, which a listener launches unless it is given another one.
@main
struct WSPerfWorker: StandardCommand {
    static let configuration = CommandConfiguration(
        commandName: "wsperf-worker",
        abstract: "Opens WebSocket connections and measures them, as one process of a load test.",
        discussion: """
            wsperf-listener launches it for you. For debugging, it can join a controller as a \
            listener whose workers run inside this one process.

            Exit status: 0 all work done and delivered, 1 ended early, 2 wrong usage or the plan cannot be set up, 130 \
            interrupted.
            """,
        version: WSPerfVersion.current)

    @Option(
        help: ArgumentHelp(
            "The controller to join.",
            discussion:
                "A name or address, and the controller's two ports if they are not 5561 (commands) and 5564 (messages to it).",
            valueName: "HOST[:PUB:PULL]"))
    var controller: String

    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        // The arguments from a listener are the same for every worker, so the library parses them.
        if FleetWorkerOptions.isLaunch(arguments) { await FleetWorker.main(arguments: arguments) }
        await runAndExit(arguments)
    }

    func run() async throws { await FleetWorker.main(arguments: ["--controller", controller]) }
}
