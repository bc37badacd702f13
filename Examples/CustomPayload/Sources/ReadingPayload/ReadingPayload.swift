public import WSPerfCore

/// The reading of a sensor as JSON: `payload: {kind: reading, decimals: 3}`.
///
///     {"sensor":17,"sequence":3,"time_us":1764086400000000,"value":20.139}
///
/// The time is when the message was meant to be sent. A server that compares it with its own clock sees how late a
/// reading arrives, whatever delayed it.
public struct ReadingPayload: PayloadGenerator {
    private let decimals: Int
    private let clock: WallClock
    /// The message that is being sent; `length` writes it for `fill`.
    private var text: [UInt8] = []

    public init(decimals: Int = 2, clock: WallClock = WallClock()) {
        self.decimals = decimals
        self.clock = clock
    }

    /// Reads the options of the plan. Throws `PlanError` if they are invalid.
    public init(_ options: PlanNode) throws {
        let reader = options.reader(at: "payload")
        let decimals = reader.integer("decimals", in: 0...9, default: 2)
        try reader.finish()
        self.init(decimals: decimals)
    }

    public func kind(for message: MessageContext) -> MessageKind { .text }

    /// The length of JSON is known only after writing it, so this function writes it.
    public mutating func length(for message: MessageContext, using random: inout SeededGenerator) -> Int {
        let time = clock.nanosecondsSince1970(at: message.intended) / 1000
        let digits = String(Int(random.nextUnit() * 1e9) + 1_000_000_000).dropFirst().prefix(decimals)
        let value = "20" + (decimals > 0 ? "." : "") + digits
        // All messages use one array, so that it is allocated only once.
        text.removeAll(keepingCapacity: true)
        text +=
            "{\"sensor\":\(message.connection),\"sequence\":\(message.index),\"time_us\":\(time),\"value\":\(value)}"
            .utf8
        return text.count
    }

    public func fill(
        _ payload: inout PayloadBuffer, for message: MessageContext, using random: inout SeededGenerator
    ) {
        payload.append(contentsOf: text)
    }
}
