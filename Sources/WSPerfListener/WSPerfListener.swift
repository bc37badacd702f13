import ArgumentParser
import Logging
import WSPerfCommand
import WSPerfFleet

/// Flags → options → `FleetListener`.
@main
struct WSPerfListener: StandardCommand {
    static let configuration = CommandConfiguration(
        commandName: "wsperf-listener",
        abstract: "Represents one machine of a load test: joins a controller and launches workers for it.",
        usage: "wsperf-listener --controller <HOST[:PUB:PULL]> [--name <NAME>] [--worker <PATH>] [--once] [--verbose]\n"
            + "wsperf-listener doctor [--connections <N>]",
        discussion: """
            A daemon: it serves run after run and waits for a new controller when its controller has ended. Ctrl-C, \
            SIGTERM or the controller ends it. It connects to two ports of the controller and opens no port itself. It \
            launches only the worker given here. 'wsperf-listener doctor' prints the limits of this machine.

            While it has no controller, it says why: once a second for a minute, then once a minute.

            Exit status: 0 ended by its controller, or by SIGTERM while it had no workers; 1 the process that launched \
            it has ended, or with --once the controller became silent; 2 wrong usage; 130 interrupted.
            """,
        version: WSPerfVersion.current, subcommands: [Doctor.self])

    /// Optional only because 'doctor' needs no controller.
    @Option(
        help: ArgumentHelp(
            "The controller to join (required).",
            discussion:
                "A name or address, and the controller's two ports if they are not 5561 (commands) and 5564 (messages to it).",
            valueName: "HOST[:PUB:PULL]"),
        transform: { try ControllerAddress($0) })
    var controller: ControllerAddress?

    @Option(help: ArgumentHelp("This machine's name in reports (default: the host name).", valueName: "NAME"))
    var name: String?

    @Option(
        help: ArgumentHelp(
            "The worker executable to launch (default: wsperf-worker in the same directory).", valueName: "PATH"))
    var worker: String?

    @Flag(help: "Serve one controller, then exit.")
    var once = false

    @Flag(name: .shortAndLong, help: "Log more actions to stderr.")
    var verbose = false

    @Flag(help: .hidden)
    var lifeline = false

    func run() async throws {
        guard let controller else {
            throw Self.fail("--controller is missing\n\n\(Self.helpMessage())")
        }
        var options = FleetListener.Options(
            controller: controller, name: name, worker: worker ?? FleetListener.stockWorker)
        options.hasLifeline = lifeline
        options.servesOnce = once
        var logger = Logger(label: "wsperf-listener") { StreamLogHandler.standardError(label: $0) }
        // A local listener's output is shown only if something goes wrong.
        logger.logLevel = verbose ? .debug : lifeline ? .warning : .notice
        options.logger = logger
        do {
            let listener = try FleetListener(options: options)
            let interrupts = InterruptSource(hangup: true, onTerminate: { listener.terminate() }) {
                listener.interrupt()
            }
            let status = await listener.run()
            withExtendedLifetime(interrupts) {}
            throw ExitCode(status)
        } catch let error as FleetError {
            throw Self.fail(error, status: error.exitStatus)
        }
    }

    static func main() async { await runAndExit() }
}
