public import ArgumentParser
public import WSPerfCore
internal import WSPerfFleet
internal import WSPerfReport

/// Where a controller listens, what it launches itself, and where it saves its runs.
public struct FleetOptions: ParsableArguments {
    @OptionGroup(title: "Fleet") public var fleet: Fleet
    @OptionGroup(title: "Output") public var results: Results

    /// Where the controller listens, and what it launches.
    public struct Fleet: ParsableArguments {
        @Flag(help: "Launch the plan's listeners on this machine, as child processes.")
        public var local = false
        @Option(
            help: ArgumentHelp(
                "Address on which to wait for listeners and workers (default: 127.0.0.1; '*' for all interfaces).",
                valueName: "ADDRESS"))
        public var bind: String?
        @Option(
            help: ArgumentHelp(
                "Port for commands (PUB; default: 5561, or a free port with --local).", valueName: "PORT"))
        public var publishPort: UInt16?
        @Option(
            help: ArgumentHelp(
                "Port for messages from listeners and workers (PULL; default: 5564, or a free port with --local).",
                valueName: "PORT"))
        public var reportPort: UInt16?
        @Option(
            help: ArgumentHelp(
                "The worker that local listeners launch (default: wsperf-worker in the same directory).",
                valueName: "PATH")
        )
        public var worker: String?

        public init() {}
    }

    /// What is printed and saved.
    public struct Results: ParsableArguments {
        @Option(help: ArgumentHelp("The run directory (default: a new directory in wsperf-runs).", valueName: "DIR"))
        public var output: String?
        @Flag(help: "Show no progress.")
        public var quiet = false

        public init() {}
    }

    public init() {}

    /// How listeners reach a controller that waits for them.
    private static func advice(_ host: String) -> String {
        "start `wsperf-listener --controller HOST` on each load machine"
            + (isLoopback(host) ? " (and give `--bind` if they are not this one)" : "") + ", or add --local"
    }

    private static func isLoopback(_ host: String) -> Bool {
        host.hasPrefix("127.") || host == "::1" || host == "localhost"
    }

    /// Says where the controller waits for whom, and what it means that others can reach it.
    private func describe(_ address: ControllerAddress, isLocal: Bool, machines: Int) {
        if !Self.isLoopback(address.host) {
            StandardStream.error.write(
                "wsperf: anyone who reaches ports \(address.publishPort) and \(address.reportPort) can read the plan, with "
                    + "its headers and key files, and send results: keep them in a private network\n")
        }
        guard !isLocal, !results.quiet else { return }
        let place = "\(PlanText.printable(address.host, limit: 255)):\(address.publishPort) and \(address.reportPort)"
        StandardStream.error.write(
            "waiting on \(place) for \(machines) listener\(machines == 1 ? "" : "s"); \(Self.advice(address.host))\n")
    }

    /// What the operator reads about listeners that come and go; nil for other events. The progress prints what a
    /// stranger can cause (hellos, refused peers, dropped messages) as notices, whose number is limited.
    private static func membership(_ event: FleetEvent) -> String? {
        func title(_ listener: FleetEvent.Listener) -> String {
            "listener \(listener.name)" + (listener.address.map { " (\($0))" } ?? "")
        }
        return switch event {
        case .joined(let listener): "\(title(listener)) joined"
        case .left(let listener, let silence):
            "\(title(listener)) "
                + (silence > .zero ? "is lost: it was silent for \(silence.components.seconds) s" : "left")
        case .greeted, .refused, .dropped, .run, .missed, .sending: nil
        }
    }

    /// Runs the plans one after another, prints and saves their results, and returns the exit status.
    ///
    /// - Throws: `ExitCode`, after printing the reason on stderr: a file that a plan names cannot be read, this machine
    ///   has too few resources for local listeners, or the run could not be carried out or saved.
    public func conduct(_ plans: [Plan], forcingLocal: Bool = false) async throws -> Int32 {
        if fleet.worker != nil, !fleet.local, !forcingLocal {
            throw StandardError.fail(
                "--worker requires --local; a listener on another machine gets its worker when it is started")
        }
        var options = fleet.local || forcingLocal ? FleetController.Options.local(worker: fleet.worker) : .init()
        if let bind = fleet.bind { options.host = bind }
        if let publishPort = fleet.publishPort { options.publishPort = publishPort }
        if let reportPort = fleet.reportPort { options.reportPort = reportPort }
        if options.localListener == nil { options.advice = Self.advice(options.host) }
        do {
            let series = try RunSeries(
                plans.map { RunSeries.Entry(name: $0.name, plan: $0.record.yaml) }, output: results.output,
                isQuiet: results.quiet)
            let controller = try FleetController(options: options)
            describe(
                controller.address, isLocal: options.localListener != nil, machines: plans.map(\.machines).max() ?? 1)
            if options.localListener == nil {
                controller.observe { event in Self.membership(event).map { series.note($0) } }
            }
            let transfers = TransferNotes()
            controller.observe { event in
                if case .sending(let transfer) = event { transfers.note(transfer).map { series.note($0) } }
            }
            series.onFailedThreshold { controller.endLoad(because: $0) }
            let interrupts = InterruptSource(hangup: true) { controller.interrupt() }
            let ends: [FleetRunResult]
            do {
                ends = try await controller.run(plans) { series.record($0, $1) }
            } catch {
                // The runs before it are in the comparison.
                _ = series.finish(error: "\(error)")
                throw ExitCode((error as? FleetError)?.exitStatus ?? ExitStatus.usage)
            }
            withExtendedLifetime(interrupts) {}
            let error = ends.compactMap(\.error).first
            let status = series.finish(error: error.map { "\($0)" })
            guard !ends.isEmpty else { return ExitStatus.interrupted }
            guard let error, status != ExitStatus.interrupted else { return status }
            throw ExitCode(error.exitStatus)
        } catch let error as PlanError {
            throw StandardError.fail(error)
        } catch let error as RunDirectoryError {
            throw StandardError.fail(error)
        } catch let error as FleetError {
            throw StandardError.fail(error, status: error.exitStatus)
        }
    }
}
