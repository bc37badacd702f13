import Testing

@testable import WSPerfCore

@Suite struct UpgradeTests {
    /// The example of RFC 6455 §1.3.
    static let accept = Array("dGhlIHNhbXBsZSBub25jZQ==".utf8).withUnsafeBytes { AcceptKey(answering: $0) }
    static let good = """
        HTTP/1.1 101 Switching Protocols\r
        Upgrade: websocket\r
        Connection: Upgrade\r
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
        \r\n
        """

    static func verdict(_ text: String, subprotocols: [String] = []) -> UpgradeResponse {
        Array(text.utf8).withUnsafeBytes { UpgradeResponse($0, accept: accept, subprotocols: subprotocols) }
    }

    static func edited(_ old: String, _ new: String) -> String {
        good.replacing(old, with: new, maxReplacements: 1)
    }

    @Test func accepts() {
        let length = Self.good.utf8.count
        #expect(Self.verdict(Self.good) == .accepted(consumed: length))
        #expect(Self.verdict(Self.good + "\u{1}\u{2}frames") == .accepted(consumed: length))
        for (old, new) in [
            ("Upgrade: websocket", "uPGRADE:  WebSocket \t"),
            ("Connection: Upgrade", "connection: keep-alive, UPGRADE"),
            ("101 Switching Protocols", "101"), ("Upgrade: websocket", "Server: x\r\nUpgrade: websocket"),
        ] {
            let text = Self.edited(old, new)
            #expect(Self.verdict(text) == .accepted(consumed: text.utf8.count), "\(new)")
        }
    }

    @Test func waitsForTheWholeHead() {
        let bytes = Array(Self.good.utf8)
        for count in 0..<bytes.count {
            #expect(Self.verdict(String(decoding: bytes[..<count], as: UTF8.self)) == .incomplete, "\(count) bytes")
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 101", "HTTP/1.1 200", Outcome.upgradeStatus(200)),
        ("HTTP/1.1 101", "HTTP/1.1 503", .upgradeStatus(503)),
        ("HTTP/1.1 101", "HTTP/2.0 101", .upgradeInvalid),
        ("HTTP/1.1 101", "SSH-2.0 101", .upgradeInvalid),
        ("HTTP/1.1 101", "HTTP/1.1 1x1", .upgradeInvalid),
        ("Upgrade: websocket\r\n", "", .upgradeInvalid),
        ("Upgrade: websocket", "Upgrade: h2c", .upgradeInvalid),
        ("Connection: Upgrade\r\n", "", .upgradeInvalid),
        ("Connection: Upgrade", "Connection: upgraded", .upgradeInvalid),
        ("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", "", .upgradeInvalid),
        ("s3pPLMBi", "S3pPLMBi", .upgradeInvalid),
        ("Connection: Upgrade", "Connection: Upgrade\r\nSec-WebSocket-Extensions: permessage-deflate", .upgradeInvalid),
        ("Connection: Upgrade", "Connection: Upgrade\r\nSec-WebSocket-Protocol: chat", .upgradeInvalid),
        ("Connection: Upgrade", "Connection: Upgrade\r\nno colon here", .upgradeInvalid),
    ])
    func refuses(old: String, new: String, outcome: Outcome) {
        #expect(Self.verdict(Self.edited(old, new)) == .refused(outcome))
    }

    @Test func subprotocols() {
        let chosen = Self.edited("Connection: Upgrade", "Connection: Upgrade\r\nSec-WebSocket-Protocol: b")
        #expect(Self.verdict(chosen, subprotocols: ["a", "b"]) == .accepted(consumed: chosen.utf8.count))
        #expect(Self.verdict(chosen, subprotocols: ["a"]) == .refused(.upgradeInvalid))
        // A server may choose none.
        #expect(Self.verdict(Self.good, subprotocols: ["a"]) == .accepted(consumed: Self.good.utf8.count))
    }

    @Test func boundsTheHead() {
        let endless = "HTTP/1.1 101 x\r\n" + String(repeating: "X-A: b\r\n", count: 3000)
        #expect(Self.verdict(endless) == .refused(.upgradeInvalid))
        #expect(Self.verdict("\u{16}\u{3}\u{1}garbage") == .refused(.upgradeInvalid))
    }

    @Test func request() throws {
        let request = UpgradeRequest(
            target: try Target("ws://[::1]:8080/chat?x=1"), headers: [Header(name: "Origin", value: "http://a")],
            subprotocols: ["a", "b"])
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: request.length, alignment: 1)
        defer { bytes.deallocate() }
        let accept = request.write(to: bytes, random: (1, 2))
        let text = String(decoding: UnsafeRawBufferPointer(start: bytes, count: request.length), as: UTF8.self)
        #expect(
            text == """
                GET /chat?x=1 HTTP/1.1\r
                Host: [::1]:8080\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Version: 13\r
                Sec-WebSocket-Protocol: a, b\r
                Origin: http://a\r
                Sec-WebSocket-Key: AQAAAAAAAAACAAAAAAAAAA==\r
                \r\n
                """)
        #expect(accept == Array("AQAAAAAAAAACAAAAAAAAAA==".utf8).withUnsafeBytes { AcceptKey(answering: $0) })
    }
}
