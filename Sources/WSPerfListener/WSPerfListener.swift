import ArgumentParser
import Logging
import WSPerfCommand
import WSPerfFleet

@main
struct WSPerfListener: StandardCommand {
    static let configuration = CommandConfiguration(
        commandName: "wsperf-listener",
        abstract: "Stands for one machine of a load test: joins a controller and launches workers for it.",
        usage: "wsperf-listener --controller <HOST[:PUB:PULL]> [--name <NAME>] [--worker <PATH>] [--verbose]\n"
            + "wsperf-listener doctor [--connections <N>]",
        discussion: """
            A daemon that serves run after run; 'wsperf-listener help listen' has its options and exit statuses. \
            'wsperf-listener doctor' says what this machine allows a load.
            """,
        version: WSPerfVersion.current, subcommands: [Listen.self, Doctor.self], defaultSubcommand: Listen.self)

    static func main() async { await runAndExit() }
}

/// Flags → options → `FleetListener`.
struct Listen: StandardCommand {
    static let configuration = CommandConfiguration(
        abstract: "Joins a controller; what is done without a subcommand.",
        discussion: """
            A daemon: it serves run after run, waits for a new controller when the one it had is gone, and ends when it \
            is told to (Ctrl-C, SIGTERM, or the controller's word). It connects to two ports of the controller and \
            opens none itself. It launches only the worker given here.

            Exit status: 0 ended by its controller, 1 whoever launched it is gone, 2 wrong usage, 130 interrupted.
            """)

    @Option(
        help: ArgumentHelp(
            "Where the controller is.",
            discussion: "A name or address, and the ports it publishes and takes reports on if not 5561 and 5564.",
            valueName: "HOST[:PUB:PULL]"),
        transform: { try ControllerAddress($0) })
    var controller: ControllerAddress

    @Option(help: ArgumentHelp("This machine's name in reports (default: the host's name).", valueName: "NAME"))
    var name: String?

    @Option(
        help: ArgumentHelp(
            "The worker executable to launch (default: wsperf-worker beside this executable).", valueName: "PATH"))
    var worker: String?

    @Flag(name: .shortAndLong, help: "Say on stderr what is being done.")
    var verbose = false

    @Flag(help: .hidden)
    var lifeline = false

    func run() async throws {
        var options = FleetListener.Options(
            controller: controller, name: name, worker: worker ?? FleetListener.stockWorker)
        options.hasLifeline = lifeline
        var logger = Logger(label: "wsperf-listener") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = verbose ? .debug : .warning
        options.logger = logger
        do {
            let listener = try FleetListener(options: options)
            let interrupts = InterruptSource { listener.interrupt() }
            let status = await listener.run()
            withExtendedLifetime(interrupts) {}
            throw ExitCode(status)
        } catch let error as FleetError {
            throw Self.fail(error, status: error.exitStatus)
        }
    }
}
