import Glibc

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
    /// The run's hard deadline: what is left of it then is `aborted`. The plan's `time_limit`, or else a time that no
    /// run exceeds whose deadlines are kept: opening, the schedule's tail (missed by chance less than once in 10⁸
    /// runs), and the connect, reply and close timeouts. A scheduler of one's own is given an hour for its sequence.
    public var limit: Duration

    /// Reads the replay log or payload file where the plan names one; if it cannot be read, what depends on it is nil.
    public init(_ plan: Plan) {
        let pacing = Pacing(plan)
        let extent: ReplayExtent? =
            if case .replay(let options) = pacing, plan.sendMessages { ReplayExtent(plan, options) } else { nil }
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

        let timeouts = plan.timeouts.connect + plan.timeouts.reply + plan.timeouts.close
        let tail = Self.tail(plan, pacing, extent)
        let again = Self.timeForNewAttempts(plan, attempt: tail + timeouts.inSeconds)
        limit = plan.timeLimit ?? opening + .bounded(seconds: tail + again) + timeouts
    }

    /// What new attempts may add to a connection's time, seconds. Where their number has no limit they get an hour.
    private static func timeForNewAttempts(_ plan: Plan, attempt: Double) -> Double {
        guard let reconnect = plan.reconnect else { return 0 }
        guard let limit = reconnect.limit, limit <= 100_000 else { return 3600 }
        let waits = (1...limit).reduce(0.0) { $0 + Double(reconnect.wait(before: $1)) / 1e9 }
        let timeouts = (plan.timeouts.connect + plan.timeouts.reply + plan.timeouts.close).inSeconds
        return waits + Double(limit) * (reconnect.schedule == .restart ? attempt : timeouts)
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

    /// Seconds after its opening by which the last of all connections has sent its last message, but for a chance below
    /// e⁻²⁰.
    private static func tail(_ plan: Plan, _ pacing: Pacing, _ extent: ReplayExtent?) -> Double {
        guard plan.sendMessages else { return 0 }
        let duration = plan.duration?.inSeconds ?? .infinity
        let count = plan.messages.map(Double.init) ?? .infinity
        let known: Double =
            switch pacing {
            case .steady: count.isFinite ? tail(of: count, plan: plan) : .infinity
            case .replay(let options):
                if let extent {
                    (options.loop ? (count / extent.fewest).rounded(.up) : 1)
                        * max(extent.seconds / options.speed, 1e-9)
                } else {
                    .infinity
                }
            case .custom: .infinity
            }
        guard min(duration, known).isFinite else { return 3600 }
        // In a closed loop each message may have to wait for a reply; after `duration` none is sent.
        let waiting = plan.inFlight == nil ? 0 : Double(plan.messages ?? 1) * plan.timeouts.reply.inSeconds
        return min(duration, known + waiting)
    }

    /// A bound on the sum of `count` intervals. With t = ln(connections) + 20, all connections together miss it with a
    /// chance below e⁻²⁰: Chernoff's bound for the gamma, normal and Poisson distributions (Boucheron, Lugosi and
    /// Massart, Concentration Inequalities, §2.2–2.4).
    private static func tail(of count: Double, plan: Plan) -> Double {
        let t = log(Double(max(plan.connections, 1))) + 20
        guard plan.schedule.kind == "randomized", let options = try? RandomizedOptions(plan.schedule.options) else {
            return count * ((try? PeriodicOptions(plan.schedule.options))?.interval.inSeconds ?? 0)
        }
        switch options.distribution {
        case .exponential(let mean): return mean.inSeconds * (count + (2 * count * t).squareRoot() + t)
        case .uniform(_, let max): return count * max.inSeconds
        case .normal(let mean, let stddev):
            // Raising what is below 0 to it adds at most 0.4 standard deviations to the mean and nothing to the
            // variance.
            let deviation = stddev.inSeconds
            return count * (mean.inSeconds + 0.4 * deviation) + deviation * (2 * count * t).squareRoot()
        case .poisson(let mean, let unit):
            let expected = count * mean.inSeconds / unit.inSeconds
            return unit.inSeconds * (expected + t / 3 + (t * t / 9 + 2 * expected * t).squareRoot())
        }
    }
}

extension Plan {
    /// What the plan amounts to. Reads the files that the plan names, so ask once.
    public var arithmetic: PlanArithmetic { PlanArithmetic(self) }
}

extension Duration {
    /// At most ten years, which no run lasts, so that sums of these stay in range.
    static func bounded(seconds: Double) -> Duration { .nanoseconds(Int64(min(max(seconds, 0), 315_360_000) * 1e9)) }
}
