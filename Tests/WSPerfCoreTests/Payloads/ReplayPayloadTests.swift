import Testing

@testable import WSPerfCore

@Suite struct ReplayPayloadTests {
    private func log() throws -> ReplayLog {
        try replayLog(
            #"""
            {"t_us": 0, "op": 1, "data": "grüß dich"}
            {"t_us": 1, "op": 2, "b64": "/wD/AA=="}
            {"t_us": 2, "op": 1, "len": 500}
            {"t_us": 3, "op": 2, "len": 500}
            {"t_us": 4, "op": 2, "data": ""}
            {"t_us": 5, "op": 1, "data": "last"}
            """#)
    }

    @Test func recordedDataAndRandomWhereThereIsNone() throws {
        let log = try log()
        let generator = ReplayPayload(log, seed: 5)
        var scheduler = ReplayScheduler(log, connection: 0)
        var random = SeededGenerator(seed: 5, stream: 0)
        var played: [(MessageKind, [UInt8])] = []
        while let message = scheduler.next(using: &random) {
            let context = MessageContext(connection: 0, index: played.count, scheduled: message)
            #expect(message.kind == generator.kind(for: context))
            #expect(message.length == generator.length(for: context, using: &random))
            let bytes = filled(message.length ?? 0) { generator.fill(&$0, for: context, using: &random) }
            #expect(bytes.count == message.length)
            played.append((generator.kind(for: context), bytes))
        }
        #expect(played.map(\.0) == [.text, .binary, .text, .binary, .binary, .text])
        #expect(played[0].1 == Array("grüß dich".utf8))
        #expect(played[1].1 == [0xFF, 0, 0xFF, 0])
        #expect(played[2].1.allSatisfy(RandomPayloadTests.alphabet.contains))
        #expect(!played[3].1.allSatisfy(RandomPayloadTests.alphabet.contains))
        #expect(played[4].1 == [])
        #expect(played[5].1 == Array("last".utf8))
    }

    /// Without an entry of the log, or where the schedule has its own mind, text stays text.
    @Test(arguments: [nil, 6, .max] as [Int?])
    func otherSchedules(entry: Int?) throws {
        let generator = ReplayPayload(try log(), seed: 5)
        var random = SeededGenerator(seed: 5, stream: 0)
        var context = MessageContext(connection: 0, index: 0, scheduled: ScheduledMessage(offset: 0, entry: entry))
        #expect(generator.kind(for: context) == .text)
        #expect(generator.length(for: context, using: &random) == 0)
        context.scheduled.length = 30
        let bytes = filled(30) { generator.fill(&$0, for: context, using: &random) }
        #expect(bytes.count == 30 && bytes.allSatisfy(RandomPayloadTests.alphabet.contains))
        context.scheduled.entry = 1
        context.scheduled.kind = .text
        let text = filled(4) { generator.fill(&$0, for: context, using: &random) }
        #expect(text.count == 4 && text.allSatisfy(RandomPayloadTests.alphabet.contains))
    }

    @Test func shorterThanRecorded() throws {
        let generator = ReplayPayload(try log(), seed: 5)
        var random = SeededGenerator(seed: 5, stream: 0)
        let context = MessageContext(
            connection: 0, index: 0, scheduled: ScheduledMessage(offset: 0, length: 3, kind: .text, entry: 0))
        #expect(filled(3) { generator.fill(&$0, for: context, using: &random) } == Array("gr0".utf8))
    }
}
