import Testing

@testable import WSPerfCore

/// Frames as a server sends them (RFC 6455 §5.2), whole and cut at every byte.
@Suite struct FrameParserTests {
    /// What a parser reported about a byte stream, as text.
    static func events(_ bytes: [UInt8], cut: Int? = nil, limit: Int = 1 << 20, prefix: Int = 0) -> [String] {
        var parser = FrameParser(maxMessageSize: limit, wantedPrefix: prefix)
        var told: [String] = []
        let pieces = cut.map { [Array(bytes[..<$0]), Array(bytes[$0...])] } ?? [bytes]
        for piece in pieces {
            let isOver = piece.withUnsafeBytes { buffer -> Bool in
                guard var cursor = buffer.baseAddress else { return false }
                let end = cursor + buffer.count
                while true {
                    switch parser.next(&cursor, end) {
                    case .needsMore:
                        return false
                    case .message(let kind, let length, let prefix):
                        told.append(
                            "\(kind) \(length)" + (prefix.isEmpty ? "" : " " + String(decoding: prefix, as: UTF8.self)))
                    case .ping(let payload):
                        told.append("ping " + String(decoding: payload, as: UTF8.self))
                    case .pong(let payload):
                        told.append("pong " + String(decoding: payload, as: UTF8.self))
                    case .close(let code):
                        told.append("close \(code.rawValue)")
                    case .violation(let code):
                        told.append("violation \(code.rawValue)")
                        return true
                    }
                }
            }
            if isOver { break }
        }
        return told
    }

    static func frame(_ first: UInt8, _ payload: String) -> [UInt8] {
        [first, UInt8(payload.utf8.count)] + Array(payload.utf8)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var bytes: [UInt8]
        var told: [String]
        init(_ name: String, _ bytes: [UInt8], _ told: [String]) {
            (testDescription, self.bytes, self.told) = (name, bytes, told)
        }
    }

    static let cases: [Case] = [
        Case("text", frame(0x81, "hello"), ["text 5"]),
        Case("binary", [0x82, 3, 0xFF, 0xFE, 0], ["binary 3"]),
        Case("empty", [0x81, 0], ["text 0"]),
        Case("two in a row", frame(0x81, "a") + frame(0x82, "bc"), ["text 1", "binary 2"]),
        Case("16-bit length", [0x82, 126, 0, 126] + [UInt8](repeating: 7, count: 126), ["binary 126"]),
        Case(
            "64-bit length", [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0] + [UInt8](repeating: 7, count: 65_536),
            ["binary 65536"]),
        Case("fragmented", frame(0x01, "ab") + frame(0x00, "cd") + frame(0x80, "e"), ["text 5"]),
        Case("fragments empty", frame(0x01, "") + frame(0x00, "") + frame(0x80, ""), ["text 0"]),
        Case(
            "ping and pong between fragments",
            frame(0x01, "ab") + frame(0x89, "now") + frame(0x00, "cd") + frame(0x8A, "12345678") + frame(0x80, ""),
            ["ping now", "pong 12345678", "text 4"]),
        Case("UTF-8 across fragments", [0x01, 1, 0xC3, 0x80, 1, 0xA4], ["text 2"]),
        Case("close without code", [0x88, 0], ["close 1005"]),
        Case("close", [0x88, 2, 0x03, 0xE8], ["close 1000"]),
        Case("close with a reason", [0x88, 5, 0x03, 0xF3] + Array("bye".utf8), ["close 1011"]),
        Case("close with an application's code", [0x88, 2, 0x0F, 0xA0], ["close 4000"]),
        Case(
            "longest control frame", frame(0x89, String(repeating: "p", count: 125)),
            ["ping " + String(repeating: "p", count: 125)]),

        Case("masked", [0x81, 0x81, 1, 2, 3, 4, 5], ["violation 1002"]),
        Case("reserved bit 1", [0xC1, 1, 65], ["violation 1002"]),
        Case("reserved bit 3", [0x91, 1, 65], ["violation 1002"]),
        Case("reserved data opcode", [0x83, 0], ["violation 1002"]),
        Case("reserved control opcode", [0x8B, 0], ["violation 1002"]),
        Case("fragmented control frame", [0x09, 0], ["violation 1002"]),
        Case("control frame too long", [0x89, 126, 0, 126], ["violation 1002"]),
        Case("continuation of nothing", [0x80, 0], ["violation 1002"]),
        Case("new message within a message", [0x01, 1, 65, 0x81, 1, 65], ["violation 1002"]),
        Case("16-bit length that fits 7", [0x82, 126, 0, 5, 1, 2, 3, 4, 5], ["violation 1002"]),
        Case("64-bit length that fits 16", [0x82, 127, 0, 0, 0, 0, 0, 0, 0, 200], ["violation 1002"]),
        Case("64-bit length with the top bit", [0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], ["violation 1002"]),
        Case("close with half a code", [0x88, 1, 3], ["violation 1002"]),
        Case("close with a code not for the wire", [0x88, 2, 0x03, 0xED], ["violation 1002"]),
        Case("close with an unknown code", [0x88, 2, 0x07, 0xD0], ["violation 1002"]),
        Case("close with a reason that is not text", [0x88, 3, 0x03, 0xE8, 0xFF], ["violation 1007"]),
        Case("text that is not UTF-8", [0x81, 1, 0xFF], ["violation 1007"]),
        Case("text that ends within a character", [0x81, 1, 0xC3], ["violation 1007"]),
        Case("too long", [0x82, 127, 0, 0, 0, 0, 0, 0x20, 0, 0], ["violation 1009"]),
        Case(
            "too long in sum",
            [0x02, 127, 0, 0, 0, 0, 0, 0x10, 0, 0] + [UInt8](repeating: 0, count: 1 << 20) + [0x80, 1, 0],
            ["violation 1009"]),
    ]

    @Test(arguments: cases) func whole(_ example: Case) {
        #expect(Self.events(example.bytes) == example.told)
    }

    @Test(arguments: cases) func cutAnywhere(_ example: Case) {
        // Long frames are cut within their header, and at some places after it.
        let cuts = example.bytes.count < 300 ? Array(0...example.bytes.count) : Array(0...20) + [70, 1000]
        for cut in cuts where cut <= example.bytes.count {
            #expect(Self.events(example.bytes, cut: cut) == example.told, "cut at \(cut)")
        }
    }

    @Test func byteByByte() {
        for example in Self.cases where example.bytes.count < 300 {
            var parser = FrameParser(maxMessageSize: 1 << 20)
            var count = 0
            for byte in example.bytes {
                withUnsafeBytes(of: byte) {
                    guard var cursor = $0.baseAddress else { return }
                    if case .needsMore = parser.next(&cursor, cursor + 1) { return }
                    count += 1
                }
            }
            #expect(count >= 1, "\(example.testDescription)")
        }
    }

    @Test func prefixes() {
        let text = (0..<100).map { String($0 % 10) }.joined()
        let wanted = "text 100 " + text.prefix(48)
        let fragmented =
            Self.frame(0x01, String(text.prefix(30))) + Self.frame(0x89, "x")
            + Self.frame(0x80, String(text.dropFirst(30)))
        for cut in 0...fragmented.count {
            #expect(Self.events(fragmented, cut: cut, prefix: 48) == ["ping x", wanted])
        }
        // A message that arrives in one read is handed out whole.
        #expect(Self.events(Self.frame(0x81, text), prefix: 48) == ["text 100 " + text])
    }

    /// Random and mutated bytes never crash the parser. It always reaches their end or a violation.
    @Test func survivesAnyBytes() {
        var random = SeededGenerator(seed: 7, stream: 0)
        for round in 0..<20_000 {
            var bytes = Self.cases[round % Self.cases.count].bytes
            if bytes.count > 300 { bytes = Array(bytes[..<300]) }
            for _ in 0..<random.nextInteger(in: 0...4) where !bytes.isEmpty {
                bytes[random.nextInteger(in: 0...bytes.count - 1)] = UInt8(truncatingIfNeeded: random.next())
            }
            let cut = random.nextInteger(in: 0...bytes.count)
            let told = Self.events(bytes, cut: cut, prefix: round % 2 * 48).map { $0.prefix(6) }
            #expect(told == Self.events(bytes, prefix: round % 2 * 48).map { $0.prefix(6) })
        }
    }
}
