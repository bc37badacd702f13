/// Figures of a plan that are known without running it. All durations are of the monotonic clock.
public struct PlanArithmetic: Sendable, Hashable {
    /// Connections of the whole run.
    public var connections: Int
    /// Worker processes of the whole run.
    public var workers: Int
    /// Time from the start of a worker's first connection to the start of its last.
    public var openingTime: Duration
    /// The messages that each connection is expected to send; nil if unknown. Exact if the plan gives `messages`.
    public var messagesPerConnection: Double?
    /// Messages of the whole run; nil if unknown.
    public var messages: Double?
    /// Messages per second once all connections are open; nil if unknown (a closed loop without an interval, a custom
    /// scheduler).
    public var messagesPerSecond: Double?
    /// Payload bytes sent per second once all connections are open; nil if unknown.
    public var bytesPerSecond: Double?
    /// Connections of a worker that are certainly open when it has opened the last one. This is fewer than all if the
    /// first ones may be done by then.
    public var openAtOncePerWorker: Int
    /// File descriptors a worker process needs.
    public var descriptorsPerWorker: Int
    /// Local ports that a machine needs for connections to this target. It has about 28,000 by default and at most 64,511
    /// for each of its addresses.
    public var localPortsPerMachine: Int
    /// Time from the first connection's start to the last one's end if all goes well; nil if unknown.
    public var expectedDuration: Duration?
    /// The run's hard deadline: connections still open then are `aborted`. It is the plan's `time_limit`, or else a
    /// time that no run exceeds if it keeps its own deadlines, at most ten years. `Docs/Plan.md` lists its parts.
    ///
    /// Random intervals exceed their part of it in less than one run in 10⁸. A custom scheduler gets an hour for its
    /// sequence, unless the plan has a `duration`.
    public var limit: Duration
    /// What the run omits from the plan's files, one line for each: the connections of a replay log that it does not
    /// play.
    public var notices: [String]

    /// Reads the replay log or payload file if the plan names one. If it cannot be read, the figures that depend on it are nil.
    public init(_ plan: Plan) { self.init(plan, logs: LoadedLogs(.none)) }

    /// - Parameter logs: Loads the replay log.
    init(_ plan: Plan, logs: LoadedLogs) {
        let schedule = Self.schedule(plan, logs)
        connections = plan.connections
        workers = plan.machines * plan.processes
        let opening = plan.ramp.openingTime(of: plan.instances)
        openingTime = opening
        // Standard streams, the poller, mailbox and timer of each loop, the sockets to the controller, and a margin.
        descriptorsPerWorker = plan.instances + plan.threads * 4 + 32
        localPortsPerMachine = plan.processes * plan.instances

        let opened = opening.inSeconds
        let least = Self.leastLife(plan, schedule)
        openAtOncePerWorker = least >= opened ? plan.instances : Int(Double(plan.instances) * least / opened)

        let (expected, seconds, rate) = Self.course(plan, schedule)
        messagesPerConnection = expected
        messages = expected.map { $0 * Double(plan.connections) }
        let perSecond = rate.map { $0 * Double(plan.connections) }
        messagesPerSecond = perSecond
        let length = plan.sendMessages ? schedule.meanLength ?? plan.payload.options?.meanLength(of: plan) : 0
        bytesPerSecond = perSecond.flatMap { rate in length.map { rate * $0 } }
        expectedDuration = seconds.map { opening + .bounded(seconds: $0) }

        notices = schedule.notice.map { [$0] } ?? []
        limit = plan.timeLimit ?? PlanTimeLimit(plan, schedule).duration
    }

    /// The limit alone; this reads no payload file.
    static func limit(of plan: Plan, logs: LoadedLogs) -> Duration {
        if let limit = plan.timeLimit { return limit }
        return PlanTimeLimit(plan, schedule(plan, logs)).duration
    }

    /// Reads the replay log, but only if the plan sends messages.
    private static func schedule(_ plan: Plan, _ logs: LoadedLogs) -> any ScheduleArithmetic {
        plan.sendMessages ? plan.schedule.arithmetic(of: plan, logs) : UnknownSchedule()
    }

    /// The expected number of messages and seconds of one connection, and its messages per second.
    private static func course(
        _ plan: Plan, _ schedule: any ScheduleArithmetic
    ) -> (messages: Double?, seconds: Double?, rate: Double?) {
        guard plan.sendMessages else { return (0, 0, 0) }
        return schedule.course(count: plan.mostMessages, duration: plan.longestSending)
    }

    /// The least average time that a connection is open, in seconds: from its opening to its last message.
    private static func leastLife(_ plan: Plan, _ schedule: any ScheduleArithmetic) -> Double {
        guard plan.sendMessages else { return 0 }
        let least = min(plan.longestSending, schedule.shortest(count: plan.mostMessages))
        return least.isFinite ? least : 0
    }
}

extension Plan {
    /// The plan's figures. Computing them reads the files that the plan names, so store the result.
    public var arithmetic: PlanArithmetic { PlanArithmetic(self) }

    /// The plan's `messages`; infinite if it has none.
    var mostMessages: Double { messages.map(Double.init) ?? .infinity }

    /// The plan's `duration`, seconds; infinite if it has none.
    fileprivate var longestSending: Double { duration?.inSeconds ?? .infinity }
}

extension Duration {
    /// Rounded to nanoseconds and clamped to 0 to ten years, so that sums stay in range.
    static func bounded(seconds: Double) -> Duration {
        seconds > 0 ? .nanoseconds(Int64((min(seconds, 315_360_000) * 1e9).rounded())) : .zero
    }
}
