internal import WSPerfCore

/// The options that a listener passes to a worker process.
public struct FleetWorkerOptions: Sendable, Hashable {
    public var controller: ControllerAddress
    /// The controller's session.
    public var session: String
    public var run: String
    /// The worker's identity in the run.
    public var id: String
    /// Its share of the plan.
    public var index: Int
    /// The listener's name.
    public var machine: String
    /// If the controller is silent for this long, the worker ends its load; monotonic clock.
    public var liveness: Duration
    /// How long the worker waits for its plan and the start; monotonic clock.
    public var launch: Duration
    /// The SHA-256 of each file that the plan names. Their descriptors come over standard input, in this order.
    public var files: [String]
    /// True if the end of standard input means that the listener has ended.
    public var hasLifeline: Bool

    init(
        controller: ControllerAddress, order: WorkerOrder, launching: ListenerMachine.Launching, hasLifeline: Bool
    ) {
        self.controller = controller
        session = launching.session
        run = launching.run
        id = order.id
        index = order.index
        machine = launching.machine
        liveness = launching.liveness
        launch = launching.launch
        files = launching.files.map(\.sha256)
        self.hasLifeline = hasLifeline
    }

    /// Whether a listener launched this process with `arguments`.
    public static func isLaunch(_ arguments: [String]) -> Bool { arguments.first == "launched" }

    /// The options as command-line arguments, without the executable's name.
    var arguments: [String] {
        [
            "launched", "--controller", controller.description, "--session", session, "--run", run, "--id", id,
            "--index", String(index), "--machine", machine, "--liveness-ms", String(liveness.milliseconds),
            "--launch-ms", String(launch.milliseconds),
        ] + (files.isEmpty ? [] : ["--files", files.joined(separator: ",")]) + (hasLifeline ? ["--lifeline"] : [])
    }

    /// Parses the arguments from a listener, without the executable's name.
    public init(arguments: [String]) throws(FleetError) {
        var values: [String: String] = [:]
        var rest = arguments.dropFirst(Self.isLaunch(arguments) ? 1 : 0)
        hasLifeline = false
        while let option = rest.popFirst() {
            if option == "--lifeline" {
                hasLifeline = true
            } else if let value = rest.popFirst() {
                values[option] = value
            } else {
                throw FleetError(.usage, "\(PlanText.printable(option, limit: 100)) needs a value")
            }
        }
        func text(_ option: String) throws(FleetError) -> String {
            guard let value = values.removeValue(forKey: option) else {
                throw FleetError(.usage, "\(option) is missing")
            }
            return value
        }
        func identity(_ option: String) throws(FleetError) -> String {
            let value = try text(option)
            guard PeerIdentity.isValid(value) else { throw FleetError(.usage, "\(option) is not a valid identity") }
            return value
        }
        func number(_ option: String, _ range: ClosedRange<Int64>) throws(FleetError) -> Int64 {
            guard let value = Int64(try text(option)), range.contains(value) else {
                throw FleetError(.usage, "\(option) must be from \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
        controller = try ControllerAddress(text("--controller"))
        session = try identity("--session")
        run = try identity("--run")
        id = try identity("--id")
        index = Int(try number("--index", 0...Int64(Int32.max)))
        machine = PeerIdentity.displayName(try text("--machine"))
        liveness = .milliseconds(try number("--liveness-ms", 1...86_400_000))
        launch = .milliseconds(try number("--launch-ms", 1...86_400_000))
        files = values.removeValue(forKey: "--files").map { $0.split(separator: ",").map(String.init) } ?? []
        guard files.count <= FleetLimits.files, files.allSatisfy(FileReference.isDigest) else {
            throw FleetError(.usage, "--files must be a list of SHA-256 digests")
        }
        if let unknown = values.keys.min() {
            throw FleetError(.usage, "unknown option \(PlanText.printable(unknown, limit: 100))")
        }
    }
}
