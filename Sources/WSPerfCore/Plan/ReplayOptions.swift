/// The options of the `replay` schedule: the messages of a log, at the log's times.
public struct ReplayOptions: Sendable, Hashable {
    /// The log's path in the plan's `referencedFiles` and `contents(ofFile:)`.
    public var log: String
    /// The log's times are divided by this: 10 replays ten times as fast.
    public var speed: Double
    /// Whether to start again at the end of the log.
    public var loop: Bool

    public init(log: String, speed: Double = 1, loop: Bool = false) {
        self.log = log
        self.speed = speed
        self.loop = loop
    }

    /// Reads a schedule's options from a plan.
    public init(_ options: PlanNode) throws(PlanError) { try self.init(options, at: "schedule") }
}

extension ReplayOptions: ScheduleOptions {
    package static var kind: SchedulePlan.Kind { .replay }
    package static var fileKeys: [String] { ["log"] }
    package static var setsLengths: Bool { true }
    package static var standardPayload: PayloadPlan.Kind { .replay }

    package var schedule: SchedulePlan { .replay(self) }

    /// Reads `log`, `speed` (1 by default; 0.001 to 1,000,000) and `loop` (false by default). Errors are kept for the
    /// reader's `finish()`.
    public init(reading reader: PlanReader) {
        reader.require("log")
        self.init(
            log: reader.value("log")?.filePath() ?? "",
            speed: reader.number("speed", in: 0.001...1_000_000, default: 1),
            loop: reader.boolean("loop", default: false))
    }

    /// Every option with its value, without `kind`.
    public var document: PlanNode {
        .mapping(["log": .string(log), "speed": .number(speed), "loop": .boolean(loop)])
    }

    package var isWithoutPauses: Bool { false }

    package func check(_ plan: Plan, isBounded: Bool, _ reader: PlanReader) {
        if loop && !isBounded {
            reader.mapping("schedule").report(
                "needs messages or duration, so that the run ends", at: "loop")
        }
    }

    package func checkFiles(of plan: Plan) throws(PlanError) { _ = try ReplayLog.load(self, of: plan, share: .none) }

    package func arithmetic(of plan: Plan, _ logs: LoadedLogs) -> any ScheduleArithmetic {
        guard plan.connections > 0, let log = try? logs.log(self, of: plan) else { return UnknownSchedule() }
        return ReplayArithmetic(self, log, connections: plan.connections)
    }
}

/// What a replay log contains for the connections of a plan.
private struct ReplayArithmetic: ScheduleArithmetic {
    private let speed: Double
    private let loops: Bool
    /// Messages that a connection sends in one round, on average.
    private let messages: Double
    /// The fewest and the most messages that a connection sends in one round.
    private let fewest: Double
    private let most: Double
    /// Time of one round.
    private let round: Double
    let meanLength: Double?
    let notice: String?

    init(_ options: ReplayOptions, _ log: ReplayLog, connections: Int) {
        speed = options.speed
        loops = options.loop
        let (rounds, rest) = connections.quotientAndRemainder(dividingBy: log.connectionCount)
        let played = min(connections, log.connectionCount)
        var partial = 0
        var fewest = Int.max
        var most = 0
        for connection in 0..<played {
            let count = log.messageCount(forConnection: connection)
            if connection < rest { partial += count }
            fewest = min(fewest, count)
            most = max(most, count)
        }
        let total = Double(rounds) * Double(log.messageCount) + Double(partial)
        messages = total / Double(connections)
        self.fewest = Double(fewest)
        self.most = Double(most)
        round = log.duration.inSeconds / options.speed
        meanLength = Double(log.byteCount) / Double(log.messageCount)
        notice =
            played == log.connectionCount
            ? nil
            : "the log has \(PlanText.count(log.connectionCount)) connections, but the run has only "
                + "\(PlanText.count(played)): it does not send the messages of the others"
    }

    func course(count: Double, duration: Double) -> (messages: Double?, seconds: Double?, rate: Double?) {
        guard round > 0 else { return (min(count, messages), 0, nil) }
        let rate = messages / round
        let sent = min(count, loops ? .infinity : messages, duration * rate)
        return sent.isFinite ? (sent, min(duration, sent / rate), rate) : (nil, nil, rate)
    }

    func shortest(count: Double) -> Double { !loops && messages <= count ? round : 0 }

    func longest(count: Double, connections: Int) -> (seconds: Double, messages: Double) {
        let round = max(round, 1e-9)
        return loops ? ((count / fewest).rounded(.up) * round, count) : (round, min(count, most))
    }
}
