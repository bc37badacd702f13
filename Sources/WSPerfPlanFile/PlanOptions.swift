public import ArgumentParser
public import WSPerfCore

/// A plan on the command line: a plan file, options for the keys that are changed most, and `--set` for all others.
///
/// ```swift
/// struct Run: ParsableCommand {
///     @OptionGroup var options: PlanOptions
///     func run() throws {
///         for plan in try options.sweep() { … }
///     }
/// }
/// ```
public struct PlanOptions: ParsableArguments {
    @Argument(help: "The plan: a YAML file. Options override what it says.")
    public var planFile: String?

    @Option(parsing: .unconditional, help: "The server under test: a ws:// or wss:// URL.")
    public var target: String?
    @Option(parsing: .unconditional, help: "The run's name.")
    public var name: String?
    @Option(parsing: .unconditional, help: "Listeners to wait for, one a machine.")
    public var machines: String?
    @Option(parsing: .unconditional, help: "Worker processes on each machine.")
    public var processes: String?
    @Option(parsing: .unconditional, help: "Connections in each worker process.")
    public var instances: String?
    @Option(parsing: .unconditional, help: "Event loops in each worker process.")
    public var threads: String?
    @Option(parsing: .unconditional, help: "The client's kind.")
    public var client: String?
    @Option(parsing: .unconditional, help: "The schedule's kind: periodic, randomized, replay, or one of your own.")
    public var schedule: String?
    @Option(parsing: .unconditional, help: "From one message to the next (its mean): 250ms, 1s, 2m.")
    public var interval: String?
    @Flag(inversion: .prefixedNo, help: "Draw each interval at random, exponentially distributed.")
    public var randomizedInterval: Bool?
    @Option(
        parsing: .unconditional,
        help: "How a randomized interval is distributed: exponential, uniform, normal or poisson.")
    public var distribution: String?
    @Option(parsing: .unconditional, help: "Replay the messages of this log.")
    public var replayLog: String?
    @Option(parsing: .unconditional, help: "Divide the log's times by this.")
    public var replaySpeed: String?
    @Flag(inversion: .prefixedNo, help: "Begin again where the log ends.")
    public var replayLoop: Bool?
    @Flag(inversion: .prefixedNo, help: "Send messages, or only open and close.")
    public var sendMessages: Bool?
    @Option(parsing: .unconditional, help: "Messages each connection sends.")
    public var messages: String?
    @Option(parsing: .unconditional, help: "How long each connection sends.")
    public var duration: String?
    @Option(parsing: .unconditional, help: "The payload's kind: random, fixed, replay, or one of your own.")
    public var payload: String?
    @Option(parsing: .unconditional, help: "text or binary.")
    public var payloadFormat: String?
    @Option(parsing: .unconditional, help: "Bytes of payload: 240, 4KiB, or a distribution: '{uniform: [16, 512]}'.")
    public var messageLength: String?
    @Option(
        parsing: .unconditional,
        help: "How late a message may be sent so that several go out at once: auto, 400us, 0.")
    public var timerSlack: String?
    @Option(parsing: .unconditional, help: "Connections opened a second and worker: 500/s.")
    public var rampRate: String?
    @Option(parsing: .unconditional, help: "Open each worker's connections evenly over this time.")
    public var rampOver: String?
    @Option(parsing: .unconditional, help: "Connections of each worker that are opening at once at most.")
    public var rampMaxOpening: String?
    @Option(parsing: .unconditional, help: "How replies are matched: echo, tagged, ping or none.")
    public var match: String?
    @Option(parsing: .unconditional, help: "Replies a connection may wait for before it holds its next message back.")
    public var inFlight: String?
    @Option(parsing: .unconditional, help: "Unanswered messages a connection remembers.")
    public var maxUnanswered: String?
    @Option(parsing: .unconditional, help: "What all random numbers derive from.")
    public var seed: String?
    @Flag(inversion: .prefixedNo, help: "Check the server's certificate and name.")
    public var verify: Bool?
    @Option(parsing: .unconditional, help: "PEM file of the certification authorities to trust.")
    public var ca: String?
    @Option(parsing: .unconditional, help: "PEM file of the client's certificate chain.")
    public var certificate: String?
    @Option(parsing: .unconditional, help: "PEM file of the client's private key.")
    public var key: String?
    @Option(parsing: .unconditional, help: "The name to ask the server for, and to verify.")
    public var serverName: String?
    @Option(
        parsing: .unconditionalSingleValue, help: "A request header, 'Name: value'; may be repeated.")
    public var header: [String] = []
    @Option(parsing: .unconditionalSingleValue, help: "A subprotocol to offer; may be repeated.")
    public var subprotocol: [String] = []
    @Option(
        parsing: .unconditionalSingleValue,
        help: "Where connections come from: an address, a range (127.0.1.1-127.0.1.40) or a network; may be repeated.")
    public var sourceAddress: [String] = []
    @Option(parsing: .unconditional, help: "The congestion control of connections' sockets, such as cubic.")
    public var congestionControl: String?
    @Option(parsing: .unconditional, help: "For a connection to open.")
    public var connectTimeout: String?
    @Option(parsing: .unconditional, help: "For a reply.")
    public var replyTimeout: String?
    @Option(parsing: .unconditional, help: "For the closing handshake.")
    public var closeTimeout: String?
    @Option(parsing: .unconditional, help: "The longest a connection may receive nothing.")
    public var idleTimeout: String?
    @Option(parsing: .unconditional, help: "Bytes a received message may have.")
    public var maxMessageSize: String?
    @Option(parsing: .unconditional, help: "Whether a run that loses a worker goes on: continue or abort.")
    public var onLostWorker: String?
    @Option(parsing: .unconditional, help: "Listeners that are enough for the load to begin.")
    public var minMachines: String?
    @Option(parsing: .unconditional, help: "The longest the run may take.")
    public var timeLimit: String?
    @Option(parsing: .unconditional, help: "For all listeners to join.")
    public var joinTimeout: String?
    @Option(parsing: .unconditional, help: "For all workers to be launched.")
    public var launchTimeout: String?
    @Option(parsing: .unconditional, help: "Silence after which a listener or worker counts as lost.")
    public var liveness: String?
    @Option(parsing: .unconditional, help: "For all results to arrive.")
    public var collectTimeout: String?
    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Any key of the plan, deeper ones with dots; the value is YAML; may be repeated.", valueName: "key=value"))
    public var set: [String] = []

    public init() {}
}

extension PlanOptions {
    /// The plan file's document with the options over it, and `--set` over both; shorthands are expanded. Throws if the
    /// file cannot be read, or a value given here is no YAML.
    public func document() throws(PlanError) -> PlanNode {
        let file = try planFile.map { path throws(PlanError) in try PlanFile.load(path: path) }
        var document = file ?? .mapping([PlanNode.Entry]())
        do throws(PlanError) {
            document = try document.expandingShorthands()
        } catch {
            throw error.inFile(planFile)
        }
        document = document.merging(try optionDocument().expandingShorthands())
        for setting in set { document = document.merging(try Self.settingDocument(setting).expandingShorthands()) }
        return document
    }

    /// The plans to run: one, or one for each of the document's `runs`, whose own keys win over the options. Throws
    /// everything that is wrong with any of them.
    public func sweep() throws(PlanError) -> [Plan] {
        let document = try document()
        if planFile == nil, document["target"]?.text == nil { throw PlanError("missing: give a plan file or --target") }
        do throws(PlanError) {
            return try Sweep(document: document).plans
        } catch {
            throw error.inFile(planFile)
        }
    }

    /// The options given, as a plan document whose values are called by the options' names.
    private func optionDocument() throws(PlanError) -> PlanNode {
        var document = PlanNode.mapping([PlanNode.Entry]())
        func scalar(_ text: String, _ option: String) -> PlanNode {
            PlanNode(.scalar(text, quoted: text.isEmpty), origin: option)
        }
        func add(_ text: String?, _ option: String, _ path: String...) {
            if let text { document.set(scalar(text, "--\(option)"), at: path) }
        }
        func add(_ flag: Bool?, _ option: String, _ path: String...) {
            guard let flag else { return }
            document.set(scalar("\(flag)", flag ? "--\(option)" : "--no-\(option)"), at: path)
        }
        func add(_ list: [String], _ option: String, _ path: String...) {
            guard !list.isEmpty else { return }
            document.set(
                PlanNode(.sequence(list.map { scalar($0, "--\(option)") }), origin: "--\(option)"), at: path)
        }
        add(target, "target", "target")
        add(name, "name", "name")
        add(machines, "machines", "machines")
        add(processes, "processes", "processes")
        add(instances, "instances", "instances")
        add(threads, "threads", "threads")
        add(client, "client", "client", "kind")
        add(schedule, "schedule", "schedule", "kind")
        if let replayLog {
            if let schedule, schedule != "replay" {
                throw PlanError("contradicts --schedule \(PlanText.printable(schedule, limit: 60))", at: "--replay-log")
            }
            document.set(scalar("replay", "--replay-log"), at: ["schedule", "kind"])
            document.set(scalar(replayLog, "--replay-log"), at: ["schedule", "log"])
        }
        if distribution != nil, schedule == nil, replayLog == nil {
            document.set(scalar("randomized", "--distribution"), at: ["schedule", "kind"])
        }
        add(distribution, "distribution", "schedule", "distribution")
        add(replaySpeed, "replay-speed", "schedule", "speed")
        add(replayLoop, "replay-loop", "schedule", "loop")
        add(interval, "interval", "interval")
        add(randomizedInterval, "randomized-interval", "randomized_interval")
        add(sendMessages, "send-messages", "send_messages")
        add(messages, "messages", "messages")
        add(duration, "duration", "duration")
        add(payload, "payload", "payload", "kind")
        add(payloadFormat, "payload-format", "payload", "format")
        if let messageLength {
            document.set(try Self.value(messageLength, "--message-length"), at: ["message_length"])
        }
        add(timerSlack, "timer-slack", "timer_slack")
        add(rampRate, "ramp-rate", "ramp", "rate")
        add(rampOver, "ramp-over", "ramp", "over")
        add(rampMaxOpening, "ramp-max-opening", "ramp", "max_opening")
        add(match, "match", "match")
        add(inFlight, "in-flight", "in_flight")
        add(maxUnanswered, "max-unanswered", "max_unanswered")
        add(seed, "seed", "seed")
        add(verify, "verify", "tls", "verify")
        add(ca, "ca", "tls", "ca")
        add(certificate, "certificate", "tls", "certificate")
        add(key, "key", "tls", "key")
        add(serverName, "server-name", "tls", "server_name")
        add(header, "header", "headers")
        add(subprotocol, "subprotocol", "subprotocols")
        add(sourceAddress, "source-address", "source_addresses")
        add(congestionControl, "congestion-control", "congestion_control")
        add(connectTimeout, "connect-timeout", "timeouts", "connect")
        add(replyTimeout, "reply-timeout", "timeouts", "reply")
        add(closeTimeout, "close-timeout", "timeouts", "close")
        add(idleTimeout, "idle-timeout", "timeouts", "idle")
        add(maxMessageSize, "max-message-size", "max_message_size")
        add(onLostWorker, "on-lost-worker", "on_lost_worker")
        add(minMachines, "min-machines", "min_machines")
        add(timeLimit, "time-limit", "time_limit")
        add(joinTimeout, "join-timeout", "fleet", "join")
        add(launchTimeout, "launch-timeout", "fleet", "launch")
        add(liveness, "liveness", "fleet", "liveness")
        add(collectTimeout, "collect-timeout", "fleet", "collect")
        return document
    }

    private static func settingDocument(_ setting: String) throws(PlanError) -> PlanNode {
        let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !path.contains("") else {
            throw PlanError(
                "expected key=value, such as schedule.interval=5s, not \(PlanText.quoted(setting))", at: "--set")
        }
        guard path.count <= 16 else { throw PlanError("a key of more than 16 parts", at: "--set") }
        var document = PlanNode.mapping([PlanNode.Entry]())
        document.set(try value(String(parts[1]), "--set \(parts[0])"), at: path)
        return document
    }

    /// An option's value in YAML.
    private static func value(_ text: String, _ option: String) throws(PlanError) -> PlanNode {
        do throws(PlanError) {
            return try YAMLReader.read(Array(text.utf8)).withoutLines.named(option)
        } catch {
            throw PlanError(error.problems.map(\.message).joined(separator: "; "), at: option)
        }
    }
}

extension PlanNode {
    /// Puts `value` at `path`, making the mappings on the way that are not there yet.
    fileprivate mutating func set(_ value: PlanNode, at path: [String]) {
        guard let key = path.first else {
            self = value
            return
        }
        guard case .mapping(var entries) = content else { return }
        let index = entries.firstIndex { $0.key == key } ?? entries.count
        if index == entries.count { entries.append(Entry(key: key, value: .mapping([Entry]()))) }
        entries[index].value.set(value, at: Array(path.dropFirst()))
        content = .mapping(entries)
    }

    fileprivate var withoutLines: PlanNode {
        var node = self
        node.line = nil
        switch content {
        case .null, .scalar: break
        case .sequence(let elements): node.content = .sequence(elements.map(\.withoutLines))
        case .mapping(let entries):
            node.content = .mapping(entries.map { Entry(key: $0.key, value: $0.value.withoutLines) })
        }
        return node
    }
}
