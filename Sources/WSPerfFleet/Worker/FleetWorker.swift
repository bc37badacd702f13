internal import FoundationEssentials
internal import Glibc
public import WSPerfCore

/// A worker process: it receives its plan from the controller, runs its share, delivers all snapshots, and exits.
///
/// Your own worker is this main program with your registrations:
///
/// ```swift
/// import WSPerfCore
/// import WSPerfFleet
///
/// var registry = Registry()
/// registry.register(client: "my-client") { context in MyClient(context.options) }
/// await FleetWorker.main(registry: registry)
/// ```
///
/// A listener launches it (`wsperf-listener --worker PATH`). If you start it with `--controller HOST`, it joins that
/// controller as a listener whose workers run inside this one process, which is easier to debug.
public final class FleetWorker: Sendable {
    private let options: FleetWorkerOptions
    private let files: [String: Int32]
    private let factory: WorkloadFactory
    private let mailbox: FleetMailbox<WorkerMachine.Event>
    private let sockets: (incoming: ZMQSocket, outgoing: ZMQSocket)

    /// Starts to connect to the controller. Throws if its address is invalid.
    ///
    /// - Parameter files: Open descriptors of the files in `options.files`, by their SHA-256. They stay open.
    public convenience init(
        options: FleetWorkerOptions, files: [String: Int32] = [:], registry: Registry = Registry()
    ) throws(FleetError) {
        try self.init(options: options, files: files) { plan, share in
            try EngineWorkload(plan: plan, registry: registry, share: share)
        }
    }

    /// For tests: a worker with any workload.
    package init(
        options: FleetWorkerOptions, files: [String: Int32] = [:], factory: @escaping WorkloadFactory
    ) throws(FleetError) {
        self.options = options
        self.files = files
        self.factory = factory
        mailbox = try FleetMailbox()
        let context = try ZMQContext()
        let incoming = try ZMQSocket(.subscribe(WorkerDriver.topics(of: options.id)), context: context)
        let outgoing = try ZMQSocket(.push, context: context)
        try incoming.connect(host: options.controller.bracketedHost, port: options.controller.publishPort)
        try outgoing.connect(host: options.controller.bracketedHost, port: options.controller.reportPort)
        sockets = (incoming, outgoing)
    }

    /// The first call ends the load politely, the second ends it at once. All measurements are still delivered.
    public func interrupt() { mailbox.post(.interrupted) }

    /// The listener no longer needs this worker.
    func hangUp() { mailbox.post(.lifelineEnded) }

    /// Runs to the end. Returns the exit status (0 if all work was done and delivered, 2 if the plan cannot be set up,
    /// otherwise 1), and an error message if something went wrong.
    public func run() async -> (status: Int32, message: String?) {
        await withCheckedContinuation { continuation in
            FleetLoop<WorkerDriver>.onThread("wsperf-worker") { [self] in
                let driver = WorkerDriver(
                    options: options, files: files, pid: getpid(), factory: factory, mailbox: mailbox,
                    incoming: sockets.incoming, outgoing: sockets.outgoing)
                FleetLoop(
                    driver: driver, incoming: sockets.incoming, mailbox: mailbox,
                    lifeline: options.hasLifeline ? (STDIN_FILENO, .lifelineEnded) : nil
                ).run()
                continuation.resume(returning: driver.result ?? (1, nil))
            }
        }
    }

    /// The complete main program of a worker executable: parses the arguments, runs, prints errors, and exits.
    public static func main(
        registry: Registry = Registry(), arguments: [String] = Array(CommandLine.arguments.dropFirst())
    ) async -> Never {
        let name = CommandLine.arguments.first.map { $0.split(separator: "/").last.map(String.init) ?? $0 } ?? "worker"
        var status: Int32
        var message: String?
        do throws(FleetError) {
            if arguments.contains("--help") || arguments.contains("-h") {
                print(usage(name))
                (status, message) = (0, nil)
            } else if arguments == ["--version"] {
                print(WSPerfVersion.current)
                (status, message) = (0, nil)
            } else if FleetWorkerOptions.isLaunch(arguments) {
                (status, message) = try await runLaunched(FleetWorkerOptions(arguments: arguments), registry: registry)
            } else if arguments.count == 2, arguments[0] == "--controller" {
                status = try await runStandalone(controller: ControllerAddress(arguments[1]), registry: registry)
                message = nil
            } else {
                throw FleetError(.usage, usage(name))
            }
        } catch {
            (status, message) = (error.exitStatus, error.message)
        }
        if let message { StandardStream.error.write("\(name): \(message)\n") }
        exit(status)
    }

    /// Runs a worker that a listener has launched, and handles signals.
    public static func runLaunched(
        _ options: FleetWorkerOptions, registry: Registry
    ) async throws(FleetError) -> (status: Int32, message: String?) {
        try await runLaunched(options) { plan, share in
            try EngineWorkload(plan: plan, registry: registry, share: share)
        }
    }

    /// For tests: a launched worker with any workload.
    package static func runLaunched(
        _ options: FleetWorkerOptions, factory: @escaping WorkloadFactory
    ) async throws(FleetError) -> (status: Int32, message: String?) {
        let files = try DescriptorPassing.receive(options.files.count, from: STDIN_FILENO)
        let worker = try FleetWorker(
            options: options, files: Dictionary(zip(options.files, files)) { first, _ in first }, factory: factory)
        let interrupts = InterruptSource { worker.interrupt() }
        let result = await worker.run()
        withExtendedLifetime(interrupts) {}
        return result
    }

    /// Runs a listener whose workers run in this process, and handles signals. Returns the exit status.
    public static func runStandalone(
        controller: ControllerAddress, name: String? = nil, registry: Registry = Registry()
    ) async throws(FleetError) -> Int32 {
        let listener = try FleetListener(
            options: FleetListener.Options(controller: controller, name: name, worker: nil), registry: registry)
        let interrupts = InterruptSource { listener.interrupt() }
        let status = await listener.run()
        withExtendedLifetime(interrupts) {}
        return status
    }

    private static func usage(_ name: String) -> String {
        """
        \(name) is a WSPerf worker. A listener launches it: wsperf-listener --worker PATH
        For debugging, start it yourself: \(name) --controller HOST[:PUB:PULL]
        It then joins a controller as a listener whose workers run inside this process.
        """
    }
}
