/// The messages of a recorded log, with its times, lengths and kinds.
///
/// The number of connections in the run may differ from the number C in the log: connection i of the run plays the
/// log's connection i mod C, in the order of their numbers. Offsets count from the earliest message of the whole log,
/// so connections of the run that open together keep the recorded time differences.
///
/// ```swift
/// let log = try ReplayLog(parsing: bytes, name: "traffic.jsonl")
/// let scheduler = ReplayScheduler(log, connection: 7, speed: 10)
/// ```
public struct ReplayScheduler: MessageScheduler {
    private let entries: SharedArray<ReplayLog.Entry>
    /// The connection's share of the entries: `first ..< end`.
    private let first: UInt32
    private let end: UInt32
    private var position: UInt32
    /// Start of this round in recorded time, nanoseconds.
    private var round: Int64 = 0
    /// Time from one round to the next, nanoseconds of recorded time; 0 if there is only one round.
    private let period: Int64
    private let speed: Double

    /// - Parameters:
    ///   - log: The log to replay.
    ///   - connection: The connection's index in the run, from 0.
    ///   - speed: Divides the log's times: 10 replays ten times as fast. Above 0 and finite.
    ///   - loops: Whether to start again when the log is over, for as long as the run lasts. Each round starts
    ///     `log.duration` after the previous one. A log whose messages all have the same time does not loop.
    public init(_ log: ReplayLog, connection: Int, speed: Double = 1, loops: Bool = false) {
        precondition(connection >= 0, "a connection's index is never negative")
        precondition(speed > 0 && speed.isFinite, "a replay's speed must be above 0 and finite, not \(speed)")
        let share = log.share(ofConnection: connection % log.connectionCount)
        entries = log.entries
        first = UInt32(share.lowerBound)
        end = UInt32(share.upperBound)
        position = first
        period = loops ? log.span : 0
        self.speed = speed
    }

    public mutating func next(using random: inout SeededGenerator) -> ScheduledMessage? {
        if position == end {
            guard period > 0 else { return nil }
            position = first
            round = round.addingSaturating(period)
        }
        let index = Int(position)
        position &+= 1
        let entry = entries[index]
        let recorded = round.addingSaturating(entry.offset)
        let offset = speed == 1 ? recorded : Int64(saturating: Double(recorded) / speed)
        return ScheduledMessage(offset: offset, length: Int(entry.length), kind: entry.kind, entry: index)
    }
}

extension MessageScheduler where Self == ReplayScheduler {
    /// The messages of `log` for the run's connection with this index; see `ReplayScheduler`.
    public static func replay(
        _ log: ReplayLog, connection: Int, speed: Double = 1, loops: Bool = false
    ) -> Self {
        ReplayScheduler(log, connection: connection, speed: speed, loops: loops)
    }
}
