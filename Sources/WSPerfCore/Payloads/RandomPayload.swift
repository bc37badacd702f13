/// Random text or bytes, of fixed or random length.
///
/// Text consists of 64 printable ASCII characters without the quotation mark and the backslash. No two messages are
/// alike, and a compressor finds nothing in one message that it has seen in another. Text shrinks to about three
/// quarters; bytes do not shrink. Lengths and contents come from the connection's random numbers, so a seed gives the
/// same ones on every run and every machine.
public struct RandomPayload: PayloadGenerator {
    private let format: MessageKind
    private let lengths: LengthSampler
    private let bytes: RandomBytes

    /// - Parameters:
    ///   - format: Text or binary, unless the schedule sets it.
    ///   - length: Payload length in bytes, unless the schedule sets it.
    ///   - seed: The plan's seed. Contents combine a pool derived from it with the connection's random numbers.
    public init(format: MessageKind = .text, length: LengthDistribution = .fixed(240), seed: UInt64 = 1) {
        self.format = format
        lengths = LengthSampler(length)
        bytes = RandomBytes(seed: seed)
    }

    public func kind(for message: MessageContext) -> MessageKind { format }

    public func length(for message: MessageContext, using random: inout SeededGenerator) -> Int {
        lengths.next(using: &random)
    }

    public func fill(
        _ payload: inout PayloadBuffer,
        for message: MessageContext,
        using random: inout SeededGenerator
    ) {
        bytes.fill(&payload, message.scheduled.kind ?? format, using: &random)
    }
}

extension PayloadGenerator where Self == RandomPayload {
    /// Random text or bytes; see `RandomPayload`.
    public static func random(
        format: MessageKind = .text, length: LengthDistribution = .fixed(240), seed: UInt64 = 1
    ) -> Self {
        RandomPayload(format: format, length: length, seed: seed)
    }
}
