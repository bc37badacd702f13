/// Deadlines of one connection; durations of the monotonic clock.
public struct TimeoutPlan: Sendable, Hashable {
    /// From the start of name resolution to the end of the upgrade.
    public var connect: Duration = .seconds(10)
    /// From a message's actual send to its reply; also how long a connection waits for replies after its last message.
    public var reply: Duration = .seconds(10)
    /// For the closing handshake.
    public var close: Duration = .seconds(5)
    /// The longest time for which an open connection may receive nothing; nil means no limit.
    public var idle: Duration? = nil
    public init() {}
}

extension TimeoutPlan {
    init(reading reader: PlanReader) {
        let range = Duration.milliseconds(1)...PlanQuantity.longest
        self.init()
        connect = reader.duration("connect", in: range, default: connect)
        reply = reader.duration("reply", in: range, default: reply)
        close = reader.duration("close", in: range, default: close)
        idle = reader.duration("idle", in: range)
    }

    var document: PlanNode {
        .mapping([
            "connect": .duration(connect),
            "reply": .duration(reply),
            "close": .duration(close),
            "idle": idle.map { .duration($0) } ?? .null,
        ])
    }
}
