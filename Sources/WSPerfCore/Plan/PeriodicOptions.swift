/// The options of the `periodic` schedule: a message every `interval`.
public struct PeriodicOptions: Sendable, Hashable {
    /// Where on its period a connection's first message lies.
    public enum Phase: String, Sendable, Hashable, CaseIterable {
        /// At a time drawn evenly from the first interval, so that connections do not send in step.
        case random
        /// At once when the connection has opened, so that connections that open together send together.
        case aligned
    }

    /// From one message to the next; 0 only in a closed loop, where a message follows its predecessor's reply at once.
    public var interval: Duration
    public var phase: Phase

    public init(interval: Duration = .seconds(1), phase: Phase = .random) {
        self.interval = interval
        self.phase = phase
    }

    /// Reads `interval` (1 s by default) and `phase` (random by default). What is wrong is kept for the reader's
    /// `finish()`.
    public init(reading reader: PlanReader) {
        self.init(
            interval: reader.duration("interval", default: .seconds(1)),
            phase: reader.choice("phase", default: .random))
    }

    /// Reads a schedule's options as a plan holds them.
    public init(_ options: PlanNode) throws(PlanError) {
        let reader = options.reader(at: "schedule")
        self.init(reading: reader)
        try reader.finish()
    }

    /// As a plan spells it out, without `kind`.
    public var document: PlanNode {
        .mapping(["interval": .duration(interval), "phase": .string(phase.rawValue)])
    }
}
