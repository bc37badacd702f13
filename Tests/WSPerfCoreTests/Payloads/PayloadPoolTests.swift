import Testing

@testable import WSPerfCore

@Suite struct PayloadPoolTests {
    /// Numbers its messages, so that state that is copied rather than kept shows.
    private struct Numbering: PayloadGenerator {
        var count: UInt8 = 0
        mutating func kind(for message: MessageContext) -> MessageKind { .binary }
        mutating func length(for message: MessageContext, using random: inout SeededGenerator) -> Int { Int(count) + 1 }
        mutating func fill(
            _ payload: inout PayloadBuffer, for message: MessageContext, using random: inout SeededGenerator
        ) {
            count += 1
            payload.append(count)
        }
    }

    private var context: MessageContext {
        MessageContext(connection: 0, index: 0, scheduled: ScheduledMessage(offset: 0))
    }

    @Test func keepsTheGeneratorsState() {
        let pool: PayloadPool = TypedPayloadPool(Numbering())
        var random = SeededGenerator(seed: 1, stream: 1)
        for number in UInt8(1)...5 {
            #expect(pool.kind(for: context) == .binary)
            #expect(pool.length(for: context, using: &random) == Int(number))
            #expect(filled(3) { pool.fill(&$0, for: context, using: &random) } == [number])
        }
    }

    @Test func poolOfNothing() {
        let pool = PayloadPool()
        var random = SeededGenerator(seed: 1, stream: 1)
        #expect(pool.kind(for: context) == .text)
        #expect(pool.length(for: context, using: &random) == 0)
        #expect(filled(3) { pool.fill(&$0, for: context, using: &random) } == [])
    }
}
