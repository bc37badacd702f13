import WSPerfCore

/// A few messages close together, then a pause: `schedule: {kind: burst, size: 5, gap: 10ms, interval: 1s}`.
///
/// A connection's first burst begins at a random time in the first interval, so that connections do not burst in step.
struct BurstScheduler: MessageScheduler {
    /// Messages in a burst.
    private let size: Int64
    /// Time from one message to the next within a burst, nanoseconds.
    private let gap: Int64
    /// Time from the beginning of one burst to the beginning of the next, nanoseconds.
    private let interval: Int64
    private var phase: Int64?
    private var sent: Int64 = 0

    /// Reads the options of the plan. Throws `PlanError` if they are invalid.
    init(_ options: PlanNode) throws {
        let reader = options.reader(at: "schedule")
        size = Int64(reader.integer("size", in: 1...1000, default: 5))
        gap = Int64(reader.duration("gap", in: .zero ... .seconds(60), default: .milliseconds(10)) / .nanoseconds(1))
        interval = Int64(
            reader.duration("interval", in: .zero ... .seconds(3600), default: .seconds(1)) / .nanoseconds(1))
        if size * gap > interval { reader.report("a burst must be over before the next one begins", at: "interval") }
        try reader.finish()
    }

    mutating func next(using random: inout SeededGenerator) -> ScheduledMessage? {
        let phase = self.phase ?? Int64(random.nextUnit() * Double(interval))
        self.phase = phase
        defer { sent += 1 }
        return ScheduledMessage(offset: phase + sent / size * interval + sent % size * gap)
    }
}
