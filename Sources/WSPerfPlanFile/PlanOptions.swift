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

    @OptionGroup(title: "Target") public var targetOptions: Target
    @OptionGroup(title: "Load") public var loadOptions: Load
    @OptionGroup(title: "Payload") public var payloadOptions: Payload
    @OptionGroup(title: "Connection") public var connectionOptions: Connection
    @OptionGroup(title: "TLS") public var tlsOptions: TLS
    @OptionGroup(title: "Deadlines") public var deadlinesOptions: Deadlines
    @OptionGroup(title: "Result") public var resultOptions: Result
    @OptionGroup(title: "Fleet") public var fleetOptions: Fleet

    public init() {}
}

extension PlanOptions {
    /// The plan file's document. Options override its keys, and `--set` overrides both; shorthands are expanded. Throws
    /// if the file cannot be read or a value given here is not YAML.
    public func document() throws(PlanError) -> PlanNode {
        let file = try planFile.map { path throws(PlanError) in try PlanFile.load(path: path) }
        var document = file ?? .mapping([PlanNode.Entry]())
        do throws(PlanError) {
            document = try document.expandingShorthands()
        } catch {
            throw error.inFile(planFile)
        }
        document = document.merging(try optionDocument().expandingShorthands())
        for setting in targetOptions.set {
            document = document.merging(try Self.settingDocument(setting).expandingShorthands())
        }
        return document
    }

    /// The plans to run: one, or one for each of the document's `runs`, whose own keys override the options. Throws all
    /// errors in all plans.
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
        add(targetOptions.target, "target", "target")
        add(targetOptions.name, "name", "name")
        add(fleetOptions.machines, "machines", "machines")
        add(fleetOptions.processes, "processes", "processes")
        add(loadOptions.instances, "instances", "instances")
        add(loadOptions.threads, "threads", "threads")
        add(targetOptions.client, "client", "client", "kind")
        add(loadOptions.schedule, "schedule", "schedule", "kind")
        if let replayLog = loadOptions.replayLog {
            if let schedule = loadOptions.schedule, schedule != SchedulePlan.Kind.replay.rawValue {
                throw PlanError("contradicts --schedule \(PlanText.printable(schedule, limit: 60))", at: "--replay-log")
            }
            document.set(scalar(SchedulePlan.Kind.replay.rawValue, "--replay-log"), at: ["schedule", "kind"])
            document.set(scalar(replayLog, "--replay-log"), at: ["schedule", "log"])
        }
        if loadOptions.distribution != nil, loadOptions.schedule == nil, loadOptions.replayLog == nil {
            document.set(scalar(SchedulePlan.Kind.randomized.rawValue, "--distribution"), at: ["schedule", "kind"])
        }
        add(loadOptions.distribution, "distribution", "schedule", "distribution")
        add(loadOptions.replaySpeed, "replay-speed", "schedule", "speed")
        add(loadOptions.replayLoop, "replay-loop", "schedule", "loop")
        add(loadOptions.interval, "interval", "interval")
        add(loadOptions.randomizedInterval, "randomized-interval", "randomized_interval")
        add(loadOptions.sendMessages, "send-messages", "send_messages")
        add(loadOptions.messages, "messages", "messages")
        add(loadOptions.duration, "duration", "duration")
        add(payloadOptions.payload, "payload", "payload", "kind")
        add(payloadOptions.payloadFormat, "payload-format", "payload", "format")
        if let messageLength = payloadOptions.messageLength {
            document.set(try Self.value(messageLength, "--message-length"), at: ["message_length"])
        }
        add(loadOptions.timerSlack, "timer-slack", "timer_slack")
        if loadOptions.ramp != nil { throw PlanError("write --ramp-rate 500/s, or --ramp-over 30s", at: "--ramp") }
        add(loadOptions.rampRate, "ramp-rate", "ramp", "rate")
        add(loadOptions.rampOver, "ramp-over", "ramp", "over")
        add(loadOptions.rampMaxOpening, "ramp-max-opening", "ramp", "max_opening")
        add(loadOptions.match, "match", "match")
        add(loadOptions.inFlight, "in-flight", "in_flight")
        add(loadOptions.maxUnanswered, "max-unanswered", "max_unanswered")
        add(loadOptions.seed, "seed", "seed")
        add(tlsOptions.verify, "verify", "tls", "verify")
        add(tlsOptions.ca, "ca", "tls", "ca")
        add(tlsOptions.certificate, "certificate", "tls", "certificate")
        add(tlsOptions.key, "key", "tls", "key")
        add(tlsOptions.serverName, "server-name", "tls", "server_name")
        add(connectionOptions.header, "header", "headers")
        add(connectionOptions.subprotocol, "subprotocol", "subprotocols")
        add(connectionOptions.sourceAddress, "source-address", "source_addresses")
        add(connectionOptions.congestionControl, "congestion-control", "congestion_control")
        add(deadlinesOptions.connectTimeout, "connect-timeout", "timeouts", "connect")
        add(deadlinesOptions.replyTimeout, "reply-timeout", "timeouts", "reply")
        add(deadlinesOptions.closeTimeout, "close-timeout", "timeouts", "close")
        add(deadlinesOptions.idleTimeout, "idle-timeout", "timeouts", "idle")
        add(connectionOptions.maxMessageSize, "max-message-size", "max_message_size")
        add(resultOptions.threshold, "threshold", "thresholds")
        add(fleetOptions.onLostWorker, "on-lost-worker", "on_lost_worker")
        add(fleetOptions.minMachines, "min-machines", "min_machines")
        add(deadlinesOptions.timeLimit, "time-limit", "time_limit")
        add(deadlinesOptions.joinTimeout, "join-timeout", "fleet", "join")
        add(deadlinesOptions.launchTimeout, "launch-timeout", "fleet", "launch")
        add(deadlinesOptions.liveness, "liveness", "fleet", "liveness")
        add(deadlinesOptions.collectTimeout, "collect-timeout", "fleet", "collect")
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
    /// Sets `value` at `path` and creates missing mappings on the way.
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
