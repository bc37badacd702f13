/// What a connection does after it failed or died: it waits and tries again.
public struct ReconnectPlan: Sendable, Hashable {
    /// Where a connection's schedule continues once it is open again.
    public enum Resumption: String, Sendable, Hashable, CaseIterable {
        /// With the next message; time without a connection does not count.
        case `continue`
        /// With the first message.
        case restart
    }

    /// Wait before the first new attempt; each further wait is twice as long as the previous one. Monotonic clock.
    public var initial: Duration = .seconds(1)
    /// The longest wait.
    public var max: Duration = .seconds(30)
    /// The random share of each wait, 0 ... 1: a wait is between (1 − jitter) times its length and its full length. So
    /// connections that died together do not come back together.
    public var jitter: Double = 0.5
    /// New attempts of one connection in a row; nil means as many as fit into the run's time limit. A connection that
    /// was open for `startsOverAfter` gets all attempts again.
    public var limit: Int? = 10
    public var schedule: Resumption = .continue

    public init() {}

    /// How long a connection must be open, from its opening until it begins to close, to start over when it dies: its
    /// waits begin with `initial` again, and it has `limit` new attempts again. Equal to the longest wait, `max`.
    ///
    /// A connection that comes back but dies at once continues with its remaining waits and attempts.
    public var startsOverAfter: Duration { max }

    /// The new attempts that count for a connection that has just died: those `made` so far, or none if it was open
    /// long enough to start over.
    ///
    /// - Parameter openFor: How long the attempt that just ended was open, nanoseconds; 0 if it did not open.
    func attempts(made: UInt32, openFor: UInt64) -> UInt32 {
        openFor >= startsOverAfter.wholeNanoseconds ? 0 : made
    }

    /// The wait before new attempt `attempt` (from 1), without jitter; nanoseconds.
    func wait(before attempt: Int) -> UInt64 {
        let doublings = UInt64(min(attempt - 1, 40))
        let (wait, overflow) = initial.wholeNanoseconds.multipliedReportingOverflow(by: 1 << doublings)
        return overflow ? max.wholeNanoseconds : min(wait, max.wholeNanoseconds)
    }

    /// The sum of the waits before the first `count` new attempts, without jitter; seconds.
    func totalWait(before count: Int) -> Double {
        // From the 41st on, the wait no longer grows.
        let growing = (1...41).prefix(count).reduce(0.0) { $0 + Double(wait(before: $1)) }
        return (growing + Double(Swift.max(count - 41, 0)) * Double(wait(before: 41))) / 1e9
    }
}

extension ReconnectPlan {
    /// Reads `never`, or `{backoff: {initial, max, jitter}, limit, schedule}`.
    static func read(_ value: PlanValue) -> ReconnectPlan? {
        if let word = value.node.text {
            if word != "never" { value.report("write never, or a mapping such as {backoff: {initial: 1s, max: 30s}}") }
            return nil
        }
        guard let reader = value.mapping() else { return nil }
        let backoff = reader.mapping("backoff")
        var plan = ReconnectPlan()
        let range = Duration.milliseconds(1)...PlanQuantity.longest
        plan.initial = backoff.duration("initial", in: range, default: plan.initial)
        plan.max = backoff.duration("max", in: range, default: Swift.max(plan.max, plan.initial))
        plan.jitter = backoff.number("jitter", in: 0...1, default: plan.jitter)
        if plan.max < plan.initial { backoff.report("less than initial", at: "max") }
        if let limit = reader.value("limit") {
            plan.limit = limit.node.text == "none" ? nil : limit.integer(in: 1...1_000_000_000)
        }
        plan.schedule = reader.choice("schedule", default: plan.schedule)
        return plan
    }

    var document: PlanNode {
        .mapping([
            "backoff": .mapping(["initial": .duration(initial), "max": .duration(max), "jitter": .number(jitter)]),
            "limit": limit.map { .integer($0) } ?? .string("none"),
            "schedule": .string(schedule.rawValue),
        ])
    }
}
