internal import Glibc
public import Logging
internal import Synchronization
public import WSPerfCore

/// Coordinates listeners and workers through one or more runs, and passes on the events of each run.
///
/// ```swift
/// let controller = try FleetController(options: .init())
/// let interrupts = InterruptSource { controller.interrupt() }
/// let results = try await controller.run(sweep.plans) { run, event in
///     journals[run].append(event)
/// }
/// ```
///
/// `run` can be called once per controller. To decide each run by the result of the last, give it a `RunProvider`. To
/// watch listeners join and leave, add observers (`observe`).
public final class FleetController: Sendable {
    public struct Options: Sendable {
        /// The address to listen on. The default is this machine alone, because anyone who reaches the ports can read the
        /// plan and send results. `*` means all interfaces.
        public var host = "127.0.0.1"
        /// Port for commands; 0 takes a free one.
        public var publishPort = FleetLimits.publishPort
        /// Port for messages from listeners and workers; 0 takes a free one.
        public var reportPort = FleetLimits.reportPort
        /// Path of the listener executable to launch on this machine, once per machine in the plan. If nil, the
        /// controller waits for listeners that are started elsewhere.
        public var localListener: String?
        /// Path of the worker executable for local listeners. If nil, they use the stock worker in their own directory.
        public var localWorker: String?
        /// Whether to tell listeners to exit after the last run. Local listeners always exit.
        public var endsListeners = false
        /// A listener that is silent for this long between runs counts as lost; during a run, the plan's limit applies. Monotonic
        /// clock.
        public var liveness = FleetLimits.liveness
        /// What to do if listeners are missing. The error that says so ends with it.
        public var advice: String?
        /// Receives warnings; by default they go to stderr.
        public var logger: Logger?

        /// Listens on 127.0.0.1, ports 5561 and 5564.
        public init() {}

        /// Listens on free ports of 127.0.0.1 and launches its own listeners.
        public static func local(listener: String = stockListener, worker: String? = nil) -> Options {
            var options = Options()
            options.publishPort = 0
            options.reportPort = 0
            options.localListener = listener
            options.localWorker = worker
            return options
        }

        /// The listener executable in the directory of this executable.
        public static var stockListener: String {
            OwnExecutable.sibling("wsperf-listener")
        }
    }

    /// The address with the ports that were bound.
    public let address: ControllerAddress
    /// This controller's session. The identities of its runs begin with it.
    public let session: String
    let options: Options
    let mailbox: FleetMailbox<ControllerDriver.Event>
    /// `run` takes the sockets and closes them.
    private let sockets: Mutex<(incoming: ZMQSocket, outgoing: ZMQSocket)?>

    private let observers = Mutex<[ObserverQueue]>([])
    private let files = OutgoingFiles()

    /// Binds both ports. Throws an error that names the address if one of them is in use.
    public init(options: Options = Options()) throws(FleetError) {
        self.options = options
        session = PeerIdentity.random()
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

    /// The first call ends the load and keeps the results that still arrive. The second call ends the run at once. The
    /// remaining plans are not run. May be called from any thread.
    public func interrupt() { mailbox.post(.interrupted) }

    /// Ends the load of the current run in order, as its plan wants it: what was measured is delivered, and the run ends as
    /// `finished`. Does nothing without a load. The reason becomes a notice.
    public func endLoad(because reason: String) { mailbox.post(.endLoad(reason: reason)) }

    /// Adds an observer of all that happens, before `run`. It gets events on a thread of its own, one call at a time. If
    /// it is slow, it misses some, and nothing waits for it; the record that `run` passes on misses none.
    public func observe(_ observer: @escaping @Sendable (FleetEvent) -> Void) {
        observers.withLock { $0.append(ObserverQueue(observer)) }
    }

    /// Runs the plans one after another on the same listeners. All plans are checked before the first begins.
    ///
    /// - Parameters:
    ///   - plans: At least one. The files that they name are read when their run begins, and sent to each listener once.
    ///   - onEvent: Receives the events of each run in order, with the index of its plan. The last event is always `.ended`.
    ///     Called on one separate thread, one call at a time. While it is slow, workers keep their snapshots.
    /// - Returns: How each run ended. After an interrupt or a run that could not be carried out, no further run begins.
    /// - Throws: `PlanError` if a file cannot be read, or if this machine has too few ports for local listeners;
    ///   `FleetError` if a fleet cannot run the plans.
    public func run(
        _ plans: [Plan], onEvent: @escaping @Sendable (_ run: Int, _ event: RunEvent) -> Void
    ) async throws -> [FleetRunResult] {
        guard !plans.isEmpty else { throw FleetError(.usage, "there is no plan to run") }
        for plan in plans {
            try Self.check(plan)
            if options.localListener != nil, plan.client == .stock { try Self.checkLocalPorts(plan) }
        }
        return try await run(PlanList(plans), onEvent: onEvent)
    }

    /// Runs the plans that a provider gives, one after another on the same listeners.
    ///
    /// - Parameters:
    ///   - provider: Is asked for a plan when the run before is over.
    ///   - onEvent: As of the other `run`; the index counts the runs from 0.
    /// - Returns: How each run ended; empty if the operator interrupted before the first.
    /// - Throws: What the provider throws; `PlanError` and `FleetError` for a plan that cannot be run.
    public func run(
        _ provider: some RunProvider, onEvent: @escaping @Sendable (_ run: Int, _ event: RunEvent) -> Void
    ) async throws -> [FleetRunResult] {
        var logger = options.logger ?? Logger(label: "wsperf.controller") { StreamLogHandler.standardError(label: $0) }
        if options.logger == nil { logger.logLevel = .warning }
        let machines = await provider.machines
        let taken = try takeSockets()
        return try await withCheckedThrowingContinuation { [logger] continuation in
            FleetLoop<ControllerDriver>.onThread("wsperf-control") { [self] in
                let driver = control(provider, machines: machines, logger: logger, sockets: taken, onEvent)
                if let failure = driver.failure {
                    continuation.resume(throwing: failure)
                } else {
                    continuation.resume(returning: driver.results)
                }
            }
        }
    }

    /// Asks the provider for run number `number` and prepares it, off the controller's thread. The mailbox gets the
    /// answer.
    private func ask(_ provider: some RunProvider, after last: FleetRunResult?, number: Int) {
        Task { [self] in
            do {
                guard let plan = try await provider.next(after: last) else { return mailbox.post(.noMore(nil)) }
                // Reading and encoding files may block.
                FleetLoop<ControllerDriver>.onThread("wsperf-prepare") { [self] in
                    do {
                        mailbox.post(.prepared(try setup(plan, number: number)))
                    } catch {
                        mailbox.post(.noMore(error))
                    }
                }
            } catch {
                mailbox.post(.noMore(error))
            }
        }
    }

    /// The setup of a run of this controller. Throws if this machine cannot run it.
    private func setup(_ plan: Plan, number: Int) throws -> RunSetup {
        var setup = try Self.setup(plan, id: "\(session)-\(number)", number: number, files: files)
        setup.commandPort = address.publishPort
        setup.advice = options.advice
        // All machines of the plan are this machine. A worker could only check its own share.
        if options.localListener != nil, plan.client == .stock { try Self.checkLocalPorts(plan) }
        return setup
    }

    /// Throws if they were taken before.
    func takeSockets() throws(FleetError) -> (incoming: ZMQSocket, outgoing: ZMQSocket) {
        let taken = sockets.withLock { sockets in
            defer { sockets = nil }
            return sockets
        }
        guard let taken else { throw FleetError(.usage, "a controller can run only once") }
        return taken
    }

    private func control(
        _ provider: some RunProvider, machines: Int, logger: Logger,
        sockets: (incoming: ZMQSocket, outgoing: ZMQSocket), _ onEvent: @escaping @Sendable (Int, RunEvent) -> Void
    ) -> ControllerDriver {
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
        let observers = observers.withLock { $0 }
        var asked = 0
        let driver = ControllerDriver(
            session: session,
            ask: { [self] last in
                asked += 1
                ask(provider, after: last, number: asked)
            }, liveness: options.liveness, delivery: delivery, observers: observers, files: files,
            mailbox: mailbox, outgoing: sockets.outgoing, local: local, endsListeners: options.endsListeners,
            logger: logger)
        FleetLoop(driver: driver, incoming: sockets.incoming, mailbox: mailbox, lifeline: nil).run()
        delivery.close()
        for observer in observers { observer.close() }
        return driver
    }

    private static func checkLocalPorts(_ plan: Plan) throws(PlanError) {
        let (four, six) = plan.sourceAddresses.reduce(into: (four: 0, six: 0)) { sum, range in
            if range.isIPv6 { sum.six += range.count } else { sum.four += range.count }
        }
        try CapacityCheck(plan).checkPorts(
            workers: plan.machines * plan.processes, sources: plan.sourceAddresses.isEmpty ? nil : (four, six))
    }

    /// Checks all that `run` requires of a plan before it waits for listeners: its files, the number of its processes,
    /// and what it needs of this machine, which must be the controller's.
    ///
    /// - Throws: `PlanError` or `FleetError`, as `run` does.
    public static func check(_ plan: Plan) throws { _ = try setup(plan, id: "", number: 1) }

    /// - Parameter files: Opens the files that are sent; nil only checks the plan.
    static func setup(_ plan: Plan, id: String, number: Int, files: OutgoingFiles? = nil) throws -> RunSetup {
        guard plan.processes <= FleetLimits.processes else {
            throw FleetError(
                .usage, "processes: a machine can run at most \(FleetLimits.processes), not \(plan.processes)")
        }
        // Each peer has two connections.
        let needed = 2 * plan.machines * (plan.processes + 1) + 64
        let descriptors = DescriptorLimit.raise()
        guard needed <= descriptors else {
            throw FleetError(
                .usage,
                "\(plan.machines * plan.processes) workers need \(needed) file descriptors on the controller, "
                    + "but its limit is \(descriptors) (ulimit -n)")
        }
        var plan = plan
        try plan.checkFiles()
        let paths = plan.referencedFiles
        guard paths.count <= FleetLimits.files else {
            throw FleetError(.usage, "the plan names \(paths.count) files, more than \(FleetLimits.files)")
        }
        var references: [(path: String, file: FileReference)] = []
        if let files {
            for path in paths { references.append((path, try files.add(path, of: plan))) }
        }
        let recorded = RecordedPlan(plan)
        let arithmetic = plan.arithmetic
        let limit = arithmetic.limit
        let graces = GracePeriods(plan)
        // The workers enforce the limit themselves, so the plan they get contains it. A plan cannot have a longer one.
        plan.timeLimit = min(limit, PlanQuantity.longest)
        let json = Array(plan.document.json.utf8)
        guard json.count <= FleetLimits.plan else {
            throw FleetError(.usage, "the plan has \(json.count) bytes as JSON, more than \(FleetLimits.plan)")
        }
        let isLong = json.count > FleetLimits.chunk
        if let files, isLong { references.append((path: "", file: files.add(json, name: "the plan"))) }
        let parcel = PlanParcel(
            document: isLong ? nil : plan.document, files: references.map { (path: $0.path, sha256: $0.file.sha256) }
        ).encoded()
        guard parcel.count <= FleetLimits.commandBody else {
            throw FleetError(.usage, "the paths of the plan's files have \(parcel.count) bytes, which are too many")
        }
        var seen: Set<String> = []
        let sent = references.map(\.file).filter { seen.insert($0.sha256).inserted }
        return RunSetup(
            id: id, number: number, machines: plan.machines, minMachines: plan.minMachines, processes: plan.processes,
            instances: plan.instances, join: plan.fleet.join, launch: plan.fleet.launch, liveness: plan.fleet.liveness,
            // The engines enforce their limit themselves, from the moment they start. This catches those that fail to. A worker
            // that receives the start more than `liveness` late is lost before that.
            limit: limit + plan.fleet.liveness + graces.abort, drain: graces.abort, close: graces.close,
            collect: plan.fleet.collect,
            notices: arithmetic.notices, plan: recorded, parcel: SharedBytes(parcel), files: sent, startedAt: 0,
            stopsWhenWorkerIsLost: plan.onLostWorker == .abort)
    }
}

/// How one run of a fleet ended.
public struct FleetRunResult: Sendable, Hashable {
    /// The run's identity, as in its record.
    public var run: String
    public var end: RunEnd
    /// Why there are no results; nil if there are. Its `exitStatus` is the exit status of the executable.
    public var error: FleetError?
}
