internal import FoundationEssentials
internal import Glibc
public import Logging
public import WSPerfCore

/// A listener: a daemon that represents one machine. It joins a controller and launches workers for it, run after run.
///
/// ```swift
/// let listener = try FleetListener(options: .init(controller: ControllerAddress("10.0.0.1"), worker: "/usr/bin/wsperf-worker"))
/// let status = await listener.run()
/// ```
public final class FleetListener: Sendable {
    public struct Options: Sendable {
        public var controller: ControllerAddress
        /// The machine's name in reports.
        public var name: String
        /// Path of the worker executable; nil runs workers inside this process. No message from the network can change it.
        public var worker: String?
        /// Whether to exit after the first session: with status 0 when its controller has ended, 1 if it became silent.
        public var servesOnce = false
        /// True if the end of standard input means that the process that launched this listener has ended.
        public var hasLifeline = false
        /// Receives what happens; by default it goes to stderr: the address, whether and why the listener has joined or
        /// not, and warnings.
        public var logger: Logger?
        /// Finds the addresses of the controller's name.
        var resolve: @Sendable (String) -> ControllerProbe.Resolution = ControllerProbe.resolve

        /// `name` defaults to the host's name.
        public init(controller: ControllerAddress, name: String? = nil, worker: String?) {
            self.controller = controller
            self.name = PeerIdentity.displayName(name ?? ProcessInfo.processInfo.hostName)
            self.worker = worker
        }
    }

    private let options: Options
    private let launcher: any WorkerLaunching
    private let mailbox: FleetMailbox<ListenerMachine.Event>
    private let sockets: (incoming: ZMQSocket, outgoing: ZMQSocket)

    /// Starts to connect to the controller, which may start later. A name is resolved again and again, and each of its
    /// addresses is tried, until one answers as a controller does. Throws if its address is invalid or the worker executable
    /// cannot be run. `registry` applies only to workers inside this process.
    public convenience init(options: Options, registry: Registry = Registry()) throws(FleetError) {
        let launcher: any WorkerLaunching
        if let worker = options.worker {
            guard access(worker, X_OK) == 0 else {
                let why = String(cString: strerror(errno))
                throw FleetError(.usage, "cannot run the worker \(PlanText.printable(worker, limit: 1000)): \(why)")
            }
            launcher = ProcessLauncher(executable: worker)
        } else {
            launcher = InProcessLauncher { plan, share in
                try EngineWorkload(plan: plan, registry: registry, share: share)
            }
        }
        try self.init(options: options, launcher: launcher)
    }

    init(options: Options, launcher: any WorkerLaunching) throws(FleetError) {
        self.options = options
        self.launcher = launcher
        mailbox = try FleetMailbox()
        let context = try ZMQContext()
        let incoming = try ZMQSocket(.subscribe([]), context: context)
        let outgoing = try ZMQSocket(.push, context: context)
        // The driver resolves a name. libzmq would try only the first of its addresses.
        if options.controller.isNumeric {
            try incoming.connect(host: options.controller.bracketedHost, port: options.controller.publishPort)
            try outgoing.connect(host: options.controller.bracketedHost, port: options.controller.reportPort)
        }
        sockets = (incoming, outgoing)
    }

    /// The worker executable in the directory of this executable, which stock listeners use.
    public static var stockWorker: String {
        OwnExecutable.sibling("wsperf-worker")
    }

    /// The first call ends the workers politely, then the listener. The second call kills the workers.
    public func interrupt() { mailbox.post(.interrupted) }

    /// The same, but without workers the exit status is 0, because services are stopped like this. For SIGTERM.
    public func terminate() { mailbox.post(.terminated) }

    /// Serves until it is told to end. Returns the exit status: 0 if the controller ended it or it was terminated while
    /// idle, 130 after an interrupt, 1 if the process that launched this listener has ended.
    public func run() async -> Int32 {
        DescriptorLimit.raise()
        var logger = options.logger ?? Logger(label: "wsperf.listener") { StreamLogHandler.standardError(label: $0) }
        if options.logger == nil { logger.logLevel = .notice }
        return await withCheckedContinuation { [logger] continuation in
            FleetLoop<ListenerDriver>.onThread("wsperf-listener") { [self] in
                let driver = ListenerDriver(
                    options: options, launcher: launcher, mailbox: mailbox, incoming: sockets.incoming,
                    outgoing: sockets.outgoing, logger: logger)
                FleetLoop(
                    driver: driver, incoming: sockets.incoming, mailbox: mailbox,
                    lifeline: options.hasLifeline ? (STDIN_FILENO, .lifelineEnded) : nil
                ).run()
                continuation.resume(returning: driver.status ?? 1)
            }
        }
    }
}
