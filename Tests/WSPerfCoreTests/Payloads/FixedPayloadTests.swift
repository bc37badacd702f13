import Testing

@testable import WSPerfCore

@Suite struct FixedPayloadTests {
    private func context(_ kind: MessageKind? = nil) -> MessageContext {
        MessageContext(connection: 0, index: 0, scheduled: ScheduledMessage(offset: 0, kind: kind))
    }

    private func written(_ generator: FixedPayload, _ capacity: Int, _ kind: MessageKind? = nil) -> [UInt8] {
        var random = SeededGenerator(seed: 1, stream: 1)
        let before = random
        defer { #expect(random == before) }
        return filled(capacity) { generator.fill(&$0, for: context(kind), using: &random) }
    }

    @Test(
        arguments: [
            (FixedPayload("grüß €"), "grüß €", .text), (FixedPayload(""), "", .text),
            (FixedPayload(Array("abc".utf8)), "abc", .binary), (FixedPayload(Array("ä".utf8), kind: .text), "ä", .text),
            (.fixed("x"), "x", .text),
        ] as [(FixedPayload, String, MessageKind)])
    func asGiven(generator: FixedPayload, text: String, kind: MessageKind) {
        var random = SeededGenerator(seed: 1, stream: 1)
        #expect(generator.kind(for: context()) == kind)
        #expect(generator.length(for: context(), using: &random) == text.utf8.count)
        #expect(written(generator, text.utf8.count) == Array(text.utf8))
    }

    @Test func zerosFollowWhereTheScheduleWantsMore() {
        #expect(written(FixedPayload("aä"), 6) == Array("aä000".utf8))
        #expect(written(FixedPayload([1, 2]), 4) == [1, 2, 48, 48])
    }

    @Test func bytesThatAreNoText() {
        let generator = FixedPayload([0xFF, 0x00, 0xC3], kind: .text)
        #expect(generator.kind(for: context()) == .binary)
        #expect(written(generator, 3) == [0xFF, 0x00, 0xC3])
        #expect(written(generator, 3, .text) == Array("000".utf8))
    }

    @Test(arguments: 0...14)
    func textIsCutBetweenCharacters(capacity: Int) {
        let text = "aä€😀Zä"
        let bytes = written(FixedPayload(text), capacity)
        let zeros = bytes.suffix(from: bytes.lastIndex { $0 != UInt8(ascii: "0") }.map { $0 + 1 } ?? 0).count
        #expect(bytes.count == capacity)
        #expect(Array(text.utf8).starts(with: bytes.dropLast(zeros)))
        #expect(String(validating: bytes, as: UTF8.self) != nil)
        #expect(zeros <= 3)
        let cut = Array(text.utf8.prefix(capacity))
        #expect(
            written(FixedPayload(text), capacity, .binary) == cut + Array(repeating: 48, count: capacity - cut.count))
    }
}
