public import WSPerfCore

extension PayloadGenerator {
    /// Makes one message the way the engine does it, for tests of its content.
    ///
    /// As in a run, missing bytes are `0` characters, and bytes that do not fit are dropped; `PayloadConformance` finds
    /// such faults. The result is empty if the length is below 0 or above `LengthDistribution.limit`.
    ///
    /// ```swift
    /// var random = SeededGenerator(seed: 1, stream: 17)
    /// let context = MessageContext(connection: 17, index: 0, scheduled: ScheduledMessage(offset: 0))
    /// #expect(payload.message(for: context, using: &random).bytes == Array("hello".utf8))
    /// ```
    public mutating func message(
        for context: MessageContext, using random: inout SeededGenerator
    ) -> (kind: MessageKind, bytes: [UInt8]) {
        let chosen = (kind: kind(for: context), length: length(for: context, using: &random))
        let kind = context.scheduled.kind ?? chosen.kind
        let length = context.scheduled.length ?? chosen.length
        guard (0...LengthDistribution.limit).contains(length) else { return (kind, []) }
        var bytes = [UInt8](repeating: UInt8(ascii: "0"), count: length)
        bytes.withUnsafeMutableBytes { memory in
            var payload = PayloadBuffer(memory)
            fill(&payload, for: context, using: &random)
        }
        return (kind, bytes)
    }
}
