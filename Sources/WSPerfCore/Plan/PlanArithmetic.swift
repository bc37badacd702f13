/// What a plan amounts to, worked out without running it. All durations are of the monotonic clock.
public struct PlanArithmetic: Sendable, Hashable {
    /// Connections of the whole run.
    public var connections: Int
    /// Worker processes of the whole run.
    public var workers: Int
    /// From the start of a worker's first connection to the start of its last.
    public var openingTime: Duration
    /// Messages each connection is expected to send; nil where it is not known. Exact if the plan gives `messages`.
    public var messagesPerConnection: Double?
    /// Messages of the whole run; nil where it is not known.
    public var messages: Double?
    /// Messages a second once all connections are open; nil where it is not known (a closed loop without an interval, a
    /// scheduler of one's own).
    public var messagesPerSecond: Double?
    /// Payload bytes sent a second once all connections are open; nil where it is not known.
    public var bytesPerSecond: Double?
    /// Connections of a worker that are open at the same time once it has opened its last, as far as is certain: fewer than
    /// all where the first have done their work by then.
    public var openAtOncePerWorker: Int
    /// File descriptors a worker process needs.
    public var descriptorsPerWorker: Int
    /// Local ports a machine needs towards this target; it has about 28,000 by default and 64,511 at most for each of
    /// its addresses.
    public var localPortsPerMachine: Int
    /// From the first connection's start to the last one's end if all goes well; nil where it is not known.
    public var expectedDuration: Duration?
    /// The run's hard deadline: what is left of it then is `aborted`. The plan's `time_limit`, or else a time that no run
    /// exceeds whose own deadlines are kept, at most ten years. `Docs/Plan.md` says what it is the sum of.
    ///
    /// Random intervals exceed their part of it in less than one run in 10⁸. A scheduler of your own is given an hour for
    /// its sequence, unless the plan has a `duration`.
    public var limit: Duration

    /// Reads the replay log or payload file where the plan names one; if it cannot be read, what depends on it is nil.
    public init(_ plan: Plan) { self.init(plan, logs: LoadedLogs()) }

    /// - Parameter logs: Where the replay log is taken from.
    init(_ plan: Plan, logs: LoadedLogs) {
        let pacing = Pacing(plan)
        let extent = Self.extent(plan, pacing, logs)
        connections = plan.connections
        workers = plan.machines * plan.processes
        let opening = plan.ramp.openingTime(of: plan.instances)
        openingTime = opening
        // Standard streams, the poller, mailbox and timer of each loop, the sockets to the controller, and a margin.
        descriptorsPerWorker = plan.instances + plan.threads * 4 + 32
        localPortsPerMachine = plan.processes * plan.instances

        let opened = opening.inSeconds
        let least = Self.leastLife(plan, pacing, extent)
        openAtOncePerWorker = least >= opened ? plan.instances : Int(Double(plan.instances) * least / opened)

        let (expected, seconds, rate) = Self.course(plan, pacing, extent)
        messagesPerConnection = expected
        messages = expected.map { $0 * Double(plan.connections) }
        let perSecond = rate.map { $0 * Double(plan.connections) }
        messagesPerSecond = perSecond
        let length = plan.sendMessages ? Self.meanLength(plan, extent) : 0
        bytesPerSecond = perSecond.flatMap { rate in length.map { rate * $0 } }
        expectedDuration = seconds.map { opening + .bounded(seconds: $0) }

        limit = plan.timeLimit ?? PlanTimeLimit(plan, pacing, extent).duration
    }

    /// The limit alone, which takes no look at a payload's file.
    static func limit(of plan: Plan, logs: LoadedLogs) -> Duration {
        if let limit = plan.timeLimit { return limit }
        let pacing = Pacing(plan)
        return PlanTimeLimit(plan, pacing, extent(plan, pacing, logs)).duration
    }

    private static func extent(_ plan: Plan, _ pacing: Pacing, _ logs: LoadedLogs) -> ReplayExtent? {
        guard case .replay(let options) = pacing, plan.sendMessages else { return nil }
        return ReplayExtent(plan, options, logs)
    }

    /// Expected messages and seconds of one connection, and its messages a second.
    private static func course(
        _ plan: Plan, _ pacing: Pacing, _ extent: ReplayExtent?
    ) -> (messages: Double?, seconds: Double?, rate: Double?) {
        guard plan.sendMessages else { return (0, 0, 0) }
        let duration = plan.duration?.inSeconds ?? .infinity
        let count = plan.messages.map(Double.init) ?? .infinity
        switch pacing {
        case .steady(let mean) where mean > 0:
            let seconds = min(duration, count * mean)
            return seconds.isFinite ? (min(count, duration / mean), seconds, 1 / mean) : (nil, nil, 1 / mean)
        case .replay(let options):
            guard let extent else { return (plan.messages.map(Double.init), nil, nil) }
            let round = extent.seconds / options.speed
            guard round > 0 else { return (min(count, extent.messages), 0, nil) }
            let rate = extent.messages / round
            let sent = min(count, options.loop ? .infinity : extent.messages, duration * rate)
            return sent.isFinite ? (sent, min(duration, sent / rate), rate) : (nil, nil, rate)
        case .steady, .custom:
            return (plan.messages.map(Double.init), plan.duration?.inSeconds, nil)
        }
    }

    /// Seconds that a connection of this plan is open at least, in the mean: from its opening to its last message.
    private static func leastLife(_ plan: Plan, _ pacing: Pacing, _ extent: ReplayExtent?) -> Double {
        guard plan.sendMessages else { return 0 }
        let duration = plan.duration?.inSeconds ?? .infinity
        let count = plan.messages.map(Double.init) ?? .infinity
        let sending: Double =
            switch pacing {
            case .steady(let mean): count.isFinite ? (count - 1) * mean : .infinity
            case .replay(let options):
                if let extent, !options.loop, extent.messages <= count { extent.seconds / options.speed } else { 0 }
            case .custom: 0
            }
        let least = min(duration, sending)
        return least.isFinite ? least : 0
    }

    private static func meanLength(_ plan: Plan, _ extent: ReplayExtent?) -> Double? {
        if plan.schedule.kind == "replay" { return extent?.meanLength }
        switch plan.payload.kind {
        case "random": return (try? RandomPayloadOptions(plan.payload.options))?.length.mean
        case "fixed":
            guard let options = try? FixedPayloadOptions(plan.payload.options) else { return nil }
            switch options.source {
            case .data(let text): return Double(text.utf8.count)
            case .file(let path): return (try? plan.contents(ofFile: path)).map { Double($0.count) }
            }
        default: return nil
        }
    }
}

extension Plan {
    /// What the plan amounts to. Reads the files that the plan names, so ask once.
    public var arithmetic: PlanArithmetic { PlanArithmetic(self) }
}

extension Duration {
    /// To the nanosecond; at least 0 and at most ten years, which no run lasts, so that sums of these stay in range.
    static func bounded(seconds: Double) -> Duration {
        seconds > 0 ? .nanoseconds(Int64((min(seconds, 315_360_000) * 1e9).rounded())) : .zero
    }
}
