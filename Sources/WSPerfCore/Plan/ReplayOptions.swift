/// The options of the `replay` schedule: the messages of a log, at its times.
public struct ReplayOptions: Sendable, Hashable {
    /// The log's path, as the plan's `referencedFiles` and `contents(ofFile:)` know it.
    public var log: String
    /// The log's times are divided by this: 10 replays ten times as fast.
    public var speed: Double
    /// Whether to begin again where the log ends.
    public var loop: Bool

    public init(log: String, speed: Double = 1, loop: Bool = false) {
        self.log = log
        self.speed = speed
        self.loop = loop
    }

    /// Reads `log`, `speed` (1 by default; 0.001 to 1,000,000) and `loop` (false by default). What is wrong is kept for
    /// the reader's `finish()`.
    public init(reading reader: PlanReader) {
        reader.require("log")
        self.init(
            log: reader.value("log")?.filePath() ?? "",
            speed: reader.number("speed", in: 0.001...1_000_000, default: 1),
            loop: reader.boolean("loop", default: false))
    }

    /// Reads a schedule's options as a plan holds them.
    public init(_ options: PlanNode) throws(PlanError) {
        let reader = options.reader(at: "schedule")
        self.init(reading: reader)
        try reader.finish()
    }

    /// As a plan spells it out, without `kind`.
    public var document: PlanNode {
        .mapping(["log": .string(log), "speed": .number(speed), "loop": .boolean(loop)])
    }
}
