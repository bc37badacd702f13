public import ArgumentParser
public import WSPerfCore

/// A plan on the command line: a plan file, options for the keys that people change most, and `--set` for all others.
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
    @Argument(help: "The plan: a YAML file. Options override its keys.")
    public var planFile: String?

    @Option(parsing: .unconditional, help: "The server under test: a ws:// or wss:// URL.")
    public var target: String?
    @Option(parsing: .unconditional, help: "The run's name.")
    public var name: String?
    @Option(parsing: .unconditional, help: "Listeners to wait for, one per machine.")
    public var machines: String?
    @Option(parsing: .unconditional, help: "Worker processes on each machine.")
    public var processes: String?
    @Option(parsing: .unconditional, help: "Connections in each worker process.")
    public var instances: String?
    @Option(parsing: .unconditional, help: "Event loops in each worker process.")
    public var threads: String?
    @Option(parsing: .unconditional, help: "The kind of client.")
    public var client: String?
    @Option(parsing: .unconditional, help: "The kind of schedule: periodic, randomized, replay, or your own.")
    public var schedule: String?
    @Option(parsing: .unconditional, help: "Time from one message to the next (its mean, if random): 250ms, 1s, 2m.")
    public var interval: String?
    @Flag(inversion: .prefixedNo, help: "Draw each interval at random, exponentially distributed.")
    public var randomizedInterval: Bool?
    @Option(
        parsing: .unconditional,
        help: "Distribution of randomized intervals: exponential, uniform, normal or poisson.")
    public var distribution: String?
    @Option(parsing: .unconditional, help: "Replay the messages of this log.")
    public var replayLog: String?
    @Option(parsing: .unconditional, help: "Divide the log's times by this.")
    public var replaySpeed: String?
    @Flag(inversion: .prefixedNo, help: "Start the log again when it ends.")
    public var replayLoop: Bool?
    @Flag(inversion: .prefixedNo, help: "Send messages, or only open and close connections.")
    public var sendMessages: Bool?
    @Option(parsing: .unconditional, help: "Messages each connection sends.")
    public var messages: String?
    @Option(parsing: .unconditional, help: "How long each connection sends.")
    public var duration: String?
    @Option(parsing: .unconditional, help: "The kind of payload: random, fixed, replay, or your own.")
    public var payload: String?
    @Option(parsing: .unconditional, help: "text or binary.")
    public var payloadFormat: String?
    @Option(parsing: .unconditional, help: "Bytes of payload: 240, 4KiB, or a distribution: '{uniform: [16, 512]}'.")
    public var messageLength: String?
    @Option(
        parsing: .unconditional,
        help: "How long a message may wait so that several go out at once: auto, 400us, 0.")
    public var timerSlack: String?
    /// What people try first; its error names the real options.
    @Option(parsing: .unconditional, help: .hidden)
    public var ramp: String?
    @Option(parsing: .unconditional, help: "Connections that each worker opens per second: 500/s.")
    public var rampRate: String?
    @Option(parsing: .unconditional, help: "Open each worker's connections evenly over this time.")
    public var rampOver: String?
    @Option(parsing: .unconditional, help: "The most connections that each worker has opening at once.")
    public var rampMaxOpening: String?
    @Option(parsing: .unconditional, help: "How replies are matched: echo, tagged, ping or none.")
    public var match: String?
    @Option(
        parsing: .unconditional, help: "The most replies a connection waits for; then it holds back its next message.")
    public var inFlight: String?
    @Option(parsing: .unconditional, help: "The most unanswered messages that a connection remembers.")
    public var maxUnanswered: String?
    @Option(parsing: .unconditional, help: "The seed of all random numbers.")
    public var seed: String?
    @Flag(inversion: .prefixedNo, help: "Check the server's certificate and name.")
    public var verify: Bool?
    @Option(parsing: .unconditional, help: "PEM file of the certification authorities to trust.")
    public var ca: String?
    @Option(parsing: .unconditional, help: "PEM file of the client's certificate chain.")
    public var certificate: String?
    @Option(parsing: .unconditional, help: "PEM file of the client's private key.")
    public var key: String?
    @Option(parsing: .unconditional, help: "The server name to send (SNI) and to verify.")
    public var serverName: String?
    @Option(
        parsing: .unconditionalSingleValue, help: "A request header, 'Name: value'; may be repeated.")
    public var header: [String] = []
    @Option(parsing: .unconditionalSingleValue, help: "A subprotocol to offer; may be repeated.")
    public var subprotocol: [String] = []
    @Option(
        parsing: .unconditionalSingleValue,
        help: "Connect from these addresses: an address, a range (127.0.1.1-127.0.1.40) or a network; may be repeated.")
    public var sourceAddress: [String] = []
    @Option(parsing: .unconditional, help: "TCP congestion control, such as cubic.")
    public var congestionControl: String?
    @Option(parsing: .unconditional, help: "The longest that opening a connection may take.")
    public var connectTimeout: String?
    @Option(parsing: .unconditional, help: "The longest wait for a reply.")
    public var replyTimeout: String?
    @Option(parsing: .unconditional, help: "The longest that the closing handshake may take.")
    public var closeTimeout: String?
    @Option(parsing: .unconditional, help: "The longest that a connection may receive nothing.")
    public var idleTimeout: String?
    @Option(parsing: .unconditional, help: "The largest message to accept, in bytes.")
    public var maxMessageSize: String?
    @Option(parsing: .unconditional, help: "What to do if a worker is lost: continue or abort.")
    public var onLostWorker: String?
    @Option(parsing: .unconditional, help: "Start with this many listeners if the others don't join in time.")
    public var minMachines: String?
    @Option(parsing: .unconditional, help: "The longest that the run may take.")
    public var timeLimit: String?
    @Option(parsing: .unconditional, help: "The longest wait for listeners to join.")
    public var joinTimeout: String?
    @Option(parsing: .unconditional, help: "The longest that launching all workers may take.")
    public var launchTimeout: String?
    @Option(parsing: .unconditional, help: "A listener or worker that is silent this long counts as lost.")
    public var liveness: String?
    @Option(parsing: .unconditional, help: "The longest wait for results.")
    public var collectTimeout: String?
    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Sets any key of the plan, such as schedule.interval=5s; the value is YAML; may be repeated.",
            valueName: "key=value"))
    public var set: [String] = []

    public init() {}
}

extension PlanOptions {
    /// The plan file's document. Options override its keys, `--set` overrides both; shorthands are expanded. Throws if
    /// the file can't be read, or a value given here isn't YAML.
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

    /// The plans to run: one, or one for each of the document's `runs`, whose own keys override the options. Throws all
    /// problems of all plans.
    public func sweep() throws(PlanError) -> [Plan] {
        let document = try document()
        if planFile == nil, document["target"]?.text == nil { throw PlanError("missing: give a plan file or --target") }
        do throws(PlanError) {
            return try Sweep(document: document).plans
        } catch {
            throw error.inFile(planFile)
        }
    }

    /// The given options as a plan document. Errors in it name the option.
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
            if let schedule, schedule != SchedulePlan.Kind.replay.rawValue {
                throw PlanError("contradicts --schedule \(PlanText.printable(schedule, limit: 60))", at: "--replay-log")
            }
            document.set(scalar(SchedulePlan.Kind.replay.rawValue, "--replay-log"), at: ["schedule", "kind"])
            document.set(scalar(replayLog, "--replay-log"), at: ["schedule", "log"])
        }
        if distribution != nil, schedule == nil, replayLog == nil {
            document.set(scalar(SchedulePlan.Kind.randomized.rawValue, "--distribution"), at: ["schedule", "kind"])
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
        if ramp != nil { throw PlanError("write --ramp-rate 500/s, or --ramp-over 30s", at: "--ramp") }
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
        guard path.count <= 16 else { throw PlanError("a key has at most 16 parts", at: "--set") }
        var document = PlanNode.mapping([PlanNode.Entry]())
        document.set(try value(String(parts[1]), "--set \(parts[0])"), at: path)
        return document
    }

    /// Parses an option's value as YAML.
    private static func value(_ text: String, _ option: String) throws(PlanError) -> PlanNode {
        do throws(PlanError) {
            return try YAMLReader.read(Array(text.utf8)).withoutLines.named(option)
        } catch {
            throw PlanError(error.problems.map(\.message).joined(separator: "; "), at: option)
        }
    }
}

extension PlanNode {
    /// Puts `value` at `path`, and creates missing mappings on the way.
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
