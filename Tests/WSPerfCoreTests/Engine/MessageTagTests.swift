import Testing

@testable import WSPerfCore

@Suite struct MessageTagTests {
    @Test(arguments: MessageKind.allCases) func roundTrip(kind: MessageKind) {
        let tag = MessageTag(nonce: .max - 5, connection: 77, message: 1 << 40)
        var bytes = [UInt8](repeating: 0, count: 60)
        bytes.withUnsafeMutableBytes { tag.write(to: $0, kind: kind) }
        #expect(bytes.withUnsafeBytes { MessageTag(reading: $0, kind: kind) } == tag)
        let short = Array(bytes[..<(MessageTag.length(kind) - 1)])
        #expect(short.withUnsafeBytes { MessageTag(reading: $0, kind: kind) } == nil)
    }

    @Test func lengths() {
        #expect(MessageTag.binaryLength == MatchMode.taggedBinaryLength)
        #expect(MessageTag.textLength == MatchMode.taggedTextLength)
    }

    @Test func refusesOtherText() {
        let text = Array(String(repeating: "x", count: 48).utf8)
        #expect(text.withUnsafeBytes { MessageTag(reading: $0, kind: .text) } == nil)
    }
}
