/// The options of the `periodic` schedule: a message every `interval`.
public struct PeriodicOptions: Sendable, Hashable {
    /// When a connection sends its first message within the period.
    public enum Phase: String, Sendable, Hashable, CaseIterable {
        /// At a time drawn evenly from the first interval, so that connections do not send in step.
        case random
        /// As soon as the connection has opened, so that connections that open together send together.
        case aligned
    }

    /// Time from one message to the next. 0 is only for closed loops, where a message follows the reply to the previous
    /// one.
    public var interval: Duration
    public var phase: Phase

    public init(interval: Duration = .seconds(1), phase: Phase = .random) {
        self.interval = interval
        self.phase = phase
    }

    /// Reads a schedule's options from a plan.
    public init(_ options: PlanNode) throws(PlanError) { try self.init(options, at: "schedule") }
}

extension PeriodicOptions: SteadySchedule {
    package static var kind: SchedulePlan.Kind { .periodic }

    package var schedule: SchedulePlan { .periodic(self) }

    /// Reads `interval` (1 s by default) and `phase` (random by default). Errors are kept for the reader's `finish()`.
    public init(reading reader: PlanReader) {
        self.init(
            interval: reader.duration("interval", default: .seconds(1)),
            phase: reader.choice("phase", default: .random))
    }

    /// Every option with its value, without `kind`.
    public var document: PlanNode {
        .mapping(["interval": .duration(interval), "phase": .string(phase.rawValue)])
    }

    var mean: Duration { interval }

    func longestSum(of count: Double, connections: Int) -> Double { count * interval.inSeconds }
}
