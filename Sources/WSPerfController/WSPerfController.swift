import ArgumentParser
import WSPerfCommand
import WSPerfFleet

/// The controller's executable. Each subcommand has a file of its own: flags → options → one library call.
@main
struct WSPerfController: StandardCommand {
    static let configuration = CommandConfiguration(
        commandName: "wsperf-controller",
        abstract: "Stress-tests WebSocket servers: runs a plan on a fleet of machines and reports the results.",
        discussion:
            "Exit status: 0 valid run (whatever the server did), 2 wrong usage or plan, 3 run not valid, 4 results not saved, 130 interrupted.",
        version: WSPerfVersion.current,
        subcommands: [
            Run.self, Validate.self, Report.self, Demo.self, Target.self, EndListeners.self, CheckSnapshot.self,
            Completion.self,
        ])

    static func main() async { await runAndExit() }
}
