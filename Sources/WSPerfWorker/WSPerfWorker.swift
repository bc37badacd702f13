import ArgumentParser
import WSPerfCommand
import WSPerfCore
import WSPerfFleet

/// The stock worker: what a listener launches unless told otherwise.
@main
struct WSPerfWorker: StandardCommand {
    static let configuration = CommandConfiguration(
        commandName: "wsperf-worker",
        abstract: "Opens WebSocket connections and measures them, as one process of a load test.",
        discussion: """
            wsperf-listener launches it; there is no need to run it by hand. For debugging it can join a controller as a \
            listener whose workers run inside this one process.

            Exit status: 0 everything done and delivered, 1 ended early, 2 the plan cannot be set up or wrong usage, 130 \
            interrupted.
            """,
        version: WSPerfVersion.current)

    @Option(
        help: ArgumentHelp(
            "The controller to join.",
            discussion: "A name or address, and the ports it publishes and takes reports on if not 5561 and 5564.",
            valueName: "HOST[:PUB:PULL]"))
    var controller: String

    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        // What a listener passes is between it and the worker, whichever worker that is.
        if FleetWorkerOptions.isLaunch(arguments) { await FleetWorker.main(arguments: arguments) }
        await runAndExit(arguments)
    }

    func run() async throws { await FleetWorker.main(arguments: ["--controller", controller]) }
}
