import ArgumentParser
import WSPerfCommand
import WSPerfFleet

/// Flags → options → one library call: `FleetController` runs plans, `RunSeries` keeps and shows them.
@main
struct WSPerfController: StandardCommand {
    static let configuration = CommandConfiguration(
        commandName: "wsperf-controller",
        abstract: "Stress-tests WebSocket servers: runs a plan on a fleet of machines and reports what was measured.",
        discussion:
            "Exit status: 0 valid (whatever the server did), 2 wrong usage or plan, 3 not valid, 4 not kept, 130 interrupted.",
        version: WSPerfVersion.current,
        subcommands: [Run.self, Validate.self, Report.self, Demo.self, Target.self])

    static func main() async { await runAndExit() }
}
