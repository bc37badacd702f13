import Testing
import WSPerfCore

@Suite struct ScheduledMessageTests {
    @Test func whatIsNotDictated() {
        let message = ScheduledMessage(offset: 5)
        #expect(message.offset == 5)
        #expect(message.length == nil && message.kind == nil && message.entry == nil)
    }

    @Test func whatIs() {
        var message = ScheduledMessage(offset: 5, length: 0, kind: .binary, entry: 0)
        #expect(message.length == 0 && message.kind == .binary && message.entry == 0)
        message.length = .max
        message.entry = 17
        message.kind = .text
        #expect(message == ScheduledMessage(offset: 5, length: .max, kind: .text, entry: 17))
        message.length = nil
        message.entry = nil
        message.kind = nil
        #expect(message == ScheduledMessage(offset: 5))
    }

    @Test func negativeCountsAsNil() {
        let message = ScheduledMessage(offset: 0, length: -7, entry: .min)
        #expect(message == ScheduledMessage(offset: 0))
        #expect(message.length == nil && message.entry == nil)
    }
}
