// A plan as a document, and back.
extension Plan {
    /// Reads a plan document: the keys of `Docs/Plan.md`, including shorthands. Throws a `PlanError` that lists
    /// everything wrong with it. Files that it names are not read.
    public init(document: PlanNode) throws(PlanError) {
        let problems = PlanProblems()
        let plan = Self.read(document, problems)
        try problems.throwIfAny()
        self = plan
    }

    /// Reads a plan document and reports its errors to `problems`. If there are any, do not use the plan.
    static func read(_ document: PlanNode, _ problems: PlanProblems) -> Plan {
        read(PlanReader(document.expandingShorthands(problems), path: "", problems: problems))
    }

    static func read(_ reader: PlanReader) -> Plan {
        let problems = reader.problems
        let before = problems.found.count
        reader.require("target")
        var plan = Plan(target: reader.value("target").flatMap(target(reading:)) ?? .placeholder)
        if let value = reader.value("name"), let name = value.string() {
            plan.name = name
            checkName(name, value)
        }
        plan.machines = reader.integer("machines", in: 1...10_000, default: plan.machines)
        plan.processes = reader.integer("processes", in: 1...10_000, default: plan.processes)
        plan.instances = reader.integer("instances", in: 1...10_000_000, default: plan.instances)
        plan.threads = reader.integer("threads", in: 1...1024, default: plan.threads)
        plan.client = client(reader.mapping("client"))
        plan.schedule = SchedulePlan(reading: reader.mapping("schedule"))
        let standardPayload = plan.schedule.options.map { type(of: $0).standardPayload } ?? .standard
        plan.payload = PayloadPlan(
            reading: reader.mapping("payload"), default: reader.has("payload") ? .standard : standardPayload)
        plan.sendMessages = reader.boolean("send_messages", default: plan.sendMessages)
        plan.messages = reader.integer("messages", in: 1...1_000_000_000)
        plan.duration = reader.duration("duration", in: .milliseconds(1)...PlanQuantity.longest)
        plan.timerSlack = timerSlack(reader)
        let ramp = reader.mapping("ramp")
        plan.ramp = Self.ramp(ramp, default: plan.ramp)
        plan.maxOpening = ramp.integer("max_opening", in: 1...10_000_000)
        plan.match = reader.choice("match", default: plan.match)
        plan.inFlight = reader.integer("in_flight", in: 1...1_000_000)
        plan.maxUnanswered = reader.integer("max_unanswered", in: 1...1_000_000, default: plan.maxUnanswered)
        plan.seed = reader.value("seed")?.unsigned() ?? plan.seed
        plan.tls = TLSPlan(reading: reader.mapping("tls"))
        plan.headers = reader.value("headers").map(Header.list(reading:)) ?? []
        plan.subprotocols = reader.value("subprotocols").map(subprotocols(reading:)) ?? []
        plan.sourceAddresses = reader.value("source_addresses").map(AddressRange.list(reading:)) ?? []
        plan.congestionControl = reader.value("congestion_control").flatMap(congestionControl(reading:))
        plan.timeouts = TimeoutPlan(reading: reader.mapping("timeouts"))
        plan.reconnect = reader.value("reconnect").flatMap(ReconnectPlan.read)
        plan.onLostWorker = reader.choice("on_lost_worker", default: plan.onLostWorker)
        plan.minMachines = reader.integer("min_machines", in: 1...10_000)
        plan.maxMessageSize = reader.size("max_message_size", in: 1...1 << 30, default: plan.maxMessageSize)
        plan.timeLimit = reader.duration("time_limit", in: .milliseconds(1)...PlanQuantity.longest)
        plan.thresholds = reader.value("thresholds").map(Threshold.list(reading:)) ?? []
        plan.fleet = FleetPlan(reading: reader.mapping("fleet"))
        if reader.has("runs") { reader.report("a sweep is not a single plan", at: "runs") }
        reader.findUnknown(alsoKnown: PlanNode.shorthands)
        // Conflicts between keys are only worth reporting if each key is valid.
        if problems.found.count == before { plan.crossCheck(reader) }
        return plan
    }

    /// The plan with every key and its value, in a fixed order. `Plan(document: plan.document)` is the same plan
    /// without its attachments. It contains the values of secret headers; see `record`.
    public var document: PlanNode { document(headers: headers.map(\.document)) }

    /// The document without the values of secret headers, for people and for the records of runs.
    public var record: PlanNode { document(headers: headers.map(\.record)) }

    private func document(headers: [PlanNode]) -> PlanNode {
        .mapping([
            "name": .string(name),
            "target": .string(target.description),
            "machines": .integer(machines),
            "processes": .integer(processes),
            "instances": .integer(instances),
            "threads": .integer(threads),
            "client": client.document,
            "schedule": schedule.component.document,
            "payload": payload.component.document,
            "send_messages": .boolean(sendMessages),
            "messages": Self.integer(messages),
            "duration": Self.duration(duration),
            "timer_slack": timerSlack.map { PlanNode.duration($0) } ?? .string("auto"),
            "ramp": ramp.document(maxOpening: maxOpening),
            "match": .string(match.rawValue),
            "in_flight": Self.integer(inFlight),
            "max_unanswered": .integer(maxUnanswered),
            "seed": .integer(seed),
            "tls": tls.document,
            "headers": .sequence(headers),
            "subprotocols": Self.texts(subprotocols),
            "source_addresses": Self.texts(sourceAddresses.map(\.description)),
            "congestion_control": congestionControl.map(PlanNode.string) ?? PlanNode.null,
            "timeouts": timeouts.document,
            "max_message_size": .integer(maxMessageSize),
            "reconnect": reconnect.map(\.document) ?? .string("never"),
            "on_lost_worker": .string(onLostWorker.rawValue),
            "min_machines": Self.integer(minMachines),
            "time_limit": Self.duration(timeLimit),
            "thresholds": .sequence(thresholds.map(\.document)),
            "fleet": fleet.document,
        ])
    }

    // Named functions, because the compiler cannot infer the types of the literal above.
    private static func integer(_ value: Int?) -> PlanNode { value.map { PlanNode.integer($0) } ?? .null }
    private static func duration(_ value: Duration?) -> PlanNode { value.map { PlanNode.duration($0) } ?? .null }
    private static func texts(_ list: [String]) -> PlanNode { .sequence(list.map { PlanNode.string($0) }) }

    private static func target(reading value: PlanValue) -> Target? {
        guard let url = value.string() else { return nil }
        do throws(Target.Failure) {
            return try Target(parsing: url)
        } catch {
            value.report(error.message)
            return nil
        }
    }

    /// The name becomes part of a directory name.
    private static func checkName(_ name: String, _ value: PlanValue) {
        let isValid =
            (1...100).contains(name.utf8.count) && !name.hasPrefix(".") && !name.contains("/")
            && PlanText.printable(name, limit: 100) == name
        if !isValid {
            value.report(
                "\(PlanText.quoted(name)) is not a name: use 1 to 100 bytes without '/', control characters or a "
                    + "leading '.'")
        }
    }

    private static func client(_ reader: PlanReader) -> ComponentPlan {
        let kind = reader.kind(default: ComponentPlan.stock.kind)
        return kind == ComponentPlan.stock.kind ? .stock : reader.component(kind: kind)
    }

    private static func timerSlack(_ reader: PlanReader) -> Duration? {
        guard let value = reader.value("timer_slack"), value.node.text != "auto" else { return nil }
        if let text = value.node.text, text.first?.isNumber != true {
            value.report("expected auto, or a duration such as 400us or 0, not \(PlanText.quoted(text))")
            return nil
        }
        return value.duration(in: .zero ... .milliseconds(10))
    }

    private static func ramp(_ reader: PlanReader, default standard: RampPlan) -> RampPlan {
        let rate = reader.rate("rate", in: 0.001...1_000_000)
        let time = reader.duration("over")
        if reader.has("rate") && reader.has("over") { reader.report("give either rate or over, not both", at: "over") }
        return rate.map(RampPlan.rate) ?? time.map(RampPlan.over) ?? standard
    }

    /// The length limit is the kernel's (TCP_CA_NAME_MAX, which includes a zero byte).
    private static func congestionControl(reading value: PlanValue) -> String? {
        guard let name = value.string() else { return nil }
        let isName =
            (1...15).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                ($0 >= 97 && $0 <= 122) || ($0 >= 65 && $0 <= 90) || ($0 >= 48 && $0 <= 57) || $0 == 95 || $0 == 45
            }
        if !isName { value.report("\(PlanText.quoted(name)) is not a congestion control: write a name such as cubic") }
        return name
    }

    private static func subprotocols(reading value: PlanValue) -> [String] {
        var names: [String] = []
        for element in value.node.text == nil ? value.list(limit: 100) ?? [] : [value] {
            guard let name = element.string() else { continue }
            if !Header.isToken(name) {
                element.report("\(PlanText.quoted(name)) is not a subprotocol: use letters, digits and -._~!#$%&'*+^`|")
            } else if names.contains(name) {
                element.report("\(PlanText.quoted(name)) occurs twice")
            }
            names.append(name)
        }
        return names
    }
}
