/// The plan in a run's record: the document, and the typed values that reports need.
///
/// It is made from the `Plan` when the run starts and is part of the run's first event. So a report never reads the
/// plan's document again, and can be made from a journal even if only another version understands the plan.
public struct RecordedPlan: Sendable, Hashable {
    /// The resolved plan: every key with its value, except the values of secret headers (`Plan.record`). Reports copy
    /// it; they do not read it.
    public var document: PlanNode
    public var name = ""
    /// The URL of the server under test.
    public var target = ""
    public var machines: UInt64 = 1
    /// Worker processes on each machine.
    public var processes: UInt64 = 1
    /// Connections of each worker process.
    public var instances: UInt64 = 1
    /// How fast each worker opens its connections; nil if unknown.
    public var ramp: RampPlan?
    /// Connections of one worker that may be opening at the same time; nil if there is no limit.
    public var maxOpening: UInt64?
    public var sendsMessages = true
    /// Messages that each connection sends; nil if the plan does not say.
    public var messages: UInt64?
    /// The schedule in words: `randomized, interval 1s, distribution exponential`. Empty if unknown.
    public var schedule = ""
    /// The payload in words. Empty if unknown.
    public var payload = ""
    /// `Plan.isClosedLoopWithoutPauses`.
    public var isClosedLoopWithoutPauses = false
    /// The time limit from the plan; nil if it was computed.
    public var timeLimit: Duration?
    public var onLostWorker = LostWorkerPolicy.continue
    public var thresholds: [Threshold] = []

    public init(_ plan: Plan) {
        document = plan.record
        name = plan.name
        target = plan.target.description
        machines = UInt64(max(0, plan.machines))
        processes = UInt64(max(0, plan.processes))
        instances = UInt64(max(0, plan.instances))
        ramp = plan.ramp
        maxOpening = plan.maxOpening.map { UInt64(max(0, $0)) }
        sendsMessages = plan.sendMessages
        messages = plan.messages.map { UInt64(max(0, $0)) }
        schedule = plan.schedule.component.document.phrase
        payload = plan.payload.component.document.phrase
        isClosedLoopWithoutPauses = plan.isClosedLoopWithoutPauses
        timeLimit = plan.timeLimit
        onLostWorker = plan.onLostWorker
        thresholds = plan.thresholds
    }

    /// For a record that holds only the document, because an earlier version wrote it. If this version cannot read the
    /// document, only the keys that every version has are used.
    public init(document: PlanNode) {
        func text(_ key: String) -> String? { document[key]?.text }
        func count(_ key: String) -> UInt64 { text(key).flatMap { UInt64($0) } ?? 1 }
        if let plan = try? Plan(document: document) {
            self.init(plan)
        } else {
            self.init(unread: document)
            (name, target) = (text("name") ?? "", text("target") ?? "")
            (machines, processes, instances) = (count("machines"), count("processes"), count("instances"))
            timeLimit = text("time_limit").flatMap { try? PlanQuantity.duration($0) }
            onLostWorker = text("on_lost_worker").flatMap { LostWorkerPolicy(rawValue: $0) } ?? .continue
        }
        self.document = document
        if let written = document["schedule"]?.phrase { schedule = written }
        if let written = document["payload"]?.phrase { payload = written }
    }

    /// Only the document; the caller sets the values.
    package init(unread document: PlanNode) { self.document = document }

    /// Workers of the whole run; 0 if the number overflows.
    public var workers: UInt64 {
        let (product, overflow) = machines.multipliedReportingOverflow(by: processes)
        return overflow ? 0 : product
    }
}

extension Plan {
    /// Whether only replies decide when the next message is sent: `in_flight` with a schedule that has no pauses, or
    /// with a custom schedule, whose pauses are unknown.
    public var isClosedLoopWithoutPauses: Bool {
        sendMessages && inFlight != nil && schedule.isWithoutPauses
    }
}

extension RampPlan {
    /// Connections that a worker with `count` connections opens each second; nil if it opens them all at once.
    package func openingRate(of count: UInt64) -> Double? {
        switch self {
        case .rate(let perSecond): perSecond > 0 ? perSecond : nil
        case .over(let time): time > .zero ? Double(count) / time.inSeconds : nil
        }
    }
}

extension PlanNode {
    /// The value in one readable line: `randomized, interval 1s, distribution exponential`.
    fileprivate var phrase: String {
        switch content {
        case .null: "none"
        case .scalar(let text, _): text
        case .sequence(let nodes): "[" + nodes.map(\.phrase).joined(separator: ", ") + "]"
        case .mapping(let entries):
            entries.filter { $0.value.content != .null }
                .map { $0.key == "kind" ? $0.value.phrase : "\($0.key) \($0.value.phrase)" }
                .joined(separator: ", ")
        }
    }
}
