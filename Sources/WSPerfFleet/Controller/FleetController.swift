internal import Foundation
public import Logging
internal import Synchronization
public import WSPerfCore

/// The controller: coordinates listeners and workers through one run after another and hands on the record of each.
///
/// ```swift
/// let controller = try FleetController(options: .init())
/// let interrupts = InterruptSource { controller.interrupt() }
/// let results = try await controller.run(sweep.plans) { run, event in
///     journals[run].append(event)
/// }
/// ```
///
/// A controller runs once.
public final class FleetController: Sendable {
    public struct Options: Sendable {
        /// The address to listen on; `*` is every interface.
        public var host = "*"
        /// Port for commands; 0 for a free one.
        public var publishPort = FleetLimits.publishPort
        /// Port for reports; 0 for a free one.
        public var reportPort = FleetLimits.reportPort
        /// Path of the listener executable to launch on this machine, once for each of the plan's machines; nil waits for
        /// listeners from elsewhere.
        public var localListener: String?
        /// Path of the worker executable for local listeners; nil is the stock one beside theirs.
        public var localWorker: String?
        /// Whether listeners are told to exit after the last run. Local ones always are.
        public var endsListeners = false
        /// Silence after which a listener is lost between runs; during a run the plan says it. Monotonic clock.
        public var liveness = FleetLimits.liveness
        /// Where warnings go; stderr by default.
        public var logger: Logger?

        /// Listens on every interface, ports 5561 and 5564.
        public init() {}

        /// Listens on 127.0.0.1 on free ports and launches its own listeners.
        public static func local(listener: String = stockListener, worker: String? = nil) -> Options {
            var options = Options()
            options.host = "127.0.0.1"
            options.publishPort = 0
            options.reportPort = 0
            options.localListener = listener
            options.localWorker = worker
            return options
        }

        /// The listener executable beside this one.
        public static var stockListener: String {
            let own =
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
                ?? CommandLine.arguments[0]
            return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("wsperf-listener").path
        }
    }

    /// Where it listens, with the ports that were bound.
    public let address: ControllerAddress
    /// This controller's session: the beginning of its runs' identities.
    public let session: String
    private let options: Options
    private let mailbox: FleetMailbox<ControllerDriver.Event>
    /// Taken by the run, which closes them.
    private let sockets: Mutex<(incoming: ZMQSocket, outgoing: ZMQSocket)?>

    /// Binds both ports. Throws if one of them is taken, naming the address.
    public init(options: Options = Options()) throws(FleetError) {
        self.options = options
        session = PrintableText.newIdentity("")
        mailbox = try FleetMailbox()
        DescriptorLimit.raise()
        let context = try ZMQContext()
        let outgoing = try ZMQSocket(.publish, context: context)
        let incoming = try ZMQSocket(.pull, context: context)
        let host = options.host.contains(":") ? "[\(options.host)]" : options.host
        address = ControllerAddress(
            host: options.host, publishPort: try outgoing.bind(host: host, port: options.publishPort),
            reportPort: try incoming.bind(host: host, port: options.reportPort))
        sockets = Mutex((incoming, outgoing))
    }

    /// Ends the load, keeps what arrives, and reports; the second time ends the run at once. The remaining plans are not
    /// run. Any thread.
    public func interrupt() { mailbox.post(.interrupted) }

    /// Runs the plans one after another on the same listeners, then lets these go.
    ///
    /// - Parameters:
    ///   - plans: At least one. The files they name are read here and sent along.
    ///   - onEvent: Is given each run's record: the index of its plan and its events in order, `.ended` last, whatever
    ///     happens. Called on one thread of its own, never two at a time; while it is slow, workers keep their figures.
    /// - Returns: How each run that was begun ended; after one that could not be carried out, or an interrupt, no further
    ///   one is.
    /// - Throws: `PlanError` if a file cannot be read, or if this machine has too few ports for its own listeners;
    ///   `FleetError` if the plans are impossible for a fleet.
    public func run(
        _ plans: [Plan], onEvent: @escaping @Sendable (_ run: Int, _ event: RunEvent) -> Void
    ) async throws -> [FleetRunResult] {
        guard !plans.isEmpty else { throw FleetError(.usage, "there is no plan to run") }
        let setups = try plans.enumerated().map { index, plan in
            try Self.setup(plan, id: "\(session)-\(index + 1)", number: index + 1)
        }
        if options.localListener != nil {
            // All of a plan's machines are this one; a worker knows only of its own.
            for plan in plans where plan.client == .stock { try Self.checkLocalPorts(plan) }
        }
        var logger = options.logger ?? Logger(label: "wsperf.controller") { StreamLogHandler.standardError(label: $0) }
        if options.logger == nil { logger.logLevel = .warning }
        let machines = plans.map(\.machines).max() ?? 1
        let taken = sockets.withLock { sockets in
            defer { sockets = nil }
            return sockets
        }
        guard let taken else { throw FleetError(.usage, "a controller runs once") }
        return await withCheckedContinuation { [logger] continuation in
            FleetLoop<ControllerDriver>.onThread("wsperf-control") { [self] in
                let results = control(setups, machines: machines, logger: logger, sockets: taken, onEvent)
                continuation.resume(returning: results)
            }
        }
    }

    private func control(
        _ setups: [RunSetup], machines: Int, logger: Logger, sockets: (incoming: ZMQSocket, outgoing: ZMQSocket),
        _ onEvent: @escaping @Sendable (Int, RunEvent) -> Void
    ) -> [FleetRunResult] {
        let delivery = EventDelivery(onEvent)
        var local: LocalFleet?
        if let listener = options.localListener {
            let mailbox = mailbox
            let fleet = LocalFleet()
            fleet.launch(
                LocalFleet.Options(listener: listener, worker: options.localWorker, count: machines),
                controller: ControllerAddress(
                    host: options.host == "*" ? "127.0.0.1" : options.host, publishPort: address.publishPort,
                    reportPort: address.reportPort)
            ) { mailbox.post(.listenerEnded(name: $0, pid: $1, $2)) }
            local = fleet
        }
        let driver = ControllerDriver(
            session: session, setups: setups, liveness: options.liveness, delivery: delivery,
            outgoing: sockets.outgoing, local: local, endsListeners: options.endsListeners, logger: logger)
        FleetLoop(driver: driver, incoming: sockets.incoming, mailbox: mailbox, lifeline: nil).run()
        delivery.close()
        return driver.results
    }

    private static func checkLocalPorts(_ plan: Plan) throws(PlanError) {
        let (four, six) = plan.sourceAddresses.reduce(into: (four: 0, six: 0)) { sum, range in
            if range.isIPv6 { sum.six += range.count } else { sum.four += range.count }
        }
        try CapacityCheck(plan).checkPorts(
            workers: plan.machines * plan.processes, sources: plan.sourceAddresses.isEmpty ? nil : (four, six))
    }

    static func setup(_ plan: Plan, id: String, number: Int) throws -> RunSetup {
        guard plan.processes <= FleetLimits.processes else {
            throw FleetError(
                .usage, "processes: \(plan.processes) on one machine, more than \(FleetLimits.processes)")
        }
        // Each peer is two connections.
        let needed = 2 * plan.machines * (plan.processes + 1) + 64
        let descriptors = DescriptorLimit.raise()
        guard needed <= descriptors else {
            throw FleetError(
                .usage,
                "\(plan.machines * plan.processes) workers need \(needed) file descriptors on the controller, "
                    + "which may have \(descriptors) (ulimit -n)")
        }
        var plan = plan
        try plan.attachFiles()
        let parcel = PlanParcel(
            document: plan.document,
            files: plan.attachments.sorted { $0.key < $1.key }.map { (path: $0.key, contents: $0.value) })
        let size = parcel.files.reduce(0) { $0 + $1.path.utf8.count + $1.contents.count + 8 }
        guard size < FleetLimits.planBody - (8 << 20) else {
            throw FleetError(.usage, "the files the plan names have \(size) bytes, too many to send")
        }
        return RunSetup(
            id: id, number: number, machines: plan.machines, minMachines: plan.minMachines, processes: plan.processes,
            instances: plan.instances, join: plan.fleet.join, launch: plan.fleet.launch, liveness: plan.fleet.liveness,
            // The engines keep the limit themselves, from when they begin; this is for those that do not. One that hears the
            // start later than `liveness` after it was given is lost before that.
            limit: plan.arithmetic.limit + plan.timeouts.close + plan.fleet.liveness + FleetLimits.drainMargin,
            drain: plan.timeouts.close + FleetLimits.drainMargin, collect: plan.fleet.collect, document: plan.document,
            parcel: SharedBytes(parcel.encoded()), startedAt: 0, stopsWhenWorkerIsLost: plan.onLostWorker == .abort)
    }
}
