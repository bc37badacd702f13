import Testing
import WSPerfTestServer

@Suite(.timeLimit(.minutes(1)))
struct EchoTests {
    static let lengths = [0, 1, 7, 8, 31, 32, 33, 125, 126, 127, 4096, 65_535, 65_536, 1 << 20]

    private static func payload(_ length: Int) -> [UInt8] {
        (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }

    @Test(arguments: lengths)
    func `a message of any length comes back with its opcode`(length: Int) async throws {
        try await served { server in
            try await WireClient.open(port: server.port) { client in
                for first in [0x82, 0x81] as [UInt8] {
                    let payload =
                        first == 0x81 ? Array(repeating: UInt8(ascii: "a"), count: length) : Self.payload(length)
                    try await client.send(first, payload)
                    #expect(try await client.frame() == WireClient.Frame(first: first, payload: payload))
                }
            }
            let counters = await server.counters()
            #expect(counters.messagesReceived == 2 && counters.messagesSent == 2)
            #expect(counters.bytesReceived == 2 * length && counters.bytesSent == 2 * length)
        }
    }

    @Test func `frames may arrive byte by byte or many at once`() async throws {
        try await served { server in
            try await WireClient.open(port: server.port) { client in
                for byte in WireClient.frame(0x82, Self.payload(300)) { try await client.send([byte]) }
                #expect(try await client.frame()?.payload == Self.payload(300))

                let many = (0..<1000).map { Self.payload($0) }
                try await client.send(many.flatMap { WireClient.frame(0x82, $0) })
                for payload in many { #expect(try await client.frame()?.payload == payload) }
            }
        }
    }

    @Test func `the first frames may come with the request`() async throws {
        try await served { server in
            try await WireClient.connect(port: server.port) { client in
                let lines = ["GET / HTTP/1.1", "Host: x"] + WireClient.upgradeHeaders + ["", ""]
                try await client.send(
                    Array(lines.joined(separator: "\r\n").utf8) + WireClient.frame(0x81, Array("early".utf8)))
                // The accept key of the example in RFC 6455 §1.3.
                #expect(
                    try await client.head()?.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") == true)
                #expect(try await client.frame() == .text("early"))
            }
        }
    }

    @Test func `fragments are reassembled, and pings between them are answered first`() async throws {
        try await served { server in
            try await WireClient.open(port: server.port) { client in
                try await client.send(0x01, Array("one ".utf8))
                try await client.send(0x89, Array("ping".utf8))
                try await client.send(0x00, Array("two ".utf8))
                try await client.send(0x80, Array("three".utf8))
                #expect(try await client.frame() == WireClient.Frame(first: 0x8A, payload: Array("ping".utf8)))
                #expect(try await client.frame() == .text("one two three"))
            }
            let counters = await server.counters()
            #expect(counters.fragmentedReceived == 1 && counters.pingsReceived == 1 && counters.messagesReceived == 1)
        }
    }

    @Test(arguments: [1000, 1001, 3000, 4999, nil] as [UInt16?])
    func `a close is echoed, then the connection ends`(code: UInt16?) async throws {
        try await served { server in
            try await WireClient.open(port: server.port) { client in
                let body = code.map { [UInt8($0 >> 8), UInt8($0 & 255)] } ?? []
                try await client.send(0x88, body)
                #expect(try await client.frame() == WireClient.Frame(first: 0x88, payload: body))
                #expect(try await client.frame() == nil)
            }
            let counters = try await server.counters(within: .seconds(10)) { $0.connected == 0 }
            #expect(counters.closeCodes == [code ?? 1005: 1])
        }
    }

    @Test func `a connection that just ends counts as 1006`() async throws {
        try await served { server in
            try await WireClient.open(port: server.port) { _ in }
            let counters = try await server.counters(within: .seconds(10)) { $0.upgraded == 1 && $0.connected == 0 }
            #expect(counters.closeCodes == [1006: 1])
        }
    }

    static let violations: [(String, [UInt8], UInt16)] = [
        ("unmasked", WireClient.frame(0x81, [65], masked: false), 1002),
        ("reserved bit", WireClient.frame(0xC1, [65]), 1002),
        ("reserved opcode", WireClient.frame(0x83, [65]), 1002),
        ("reserved control opcode", WireClient.frame(0x8B, [65]), 1002),
        ("long ping", WireClient.frame(0x89, [UInt8](repeating: 65, count: 126)), 1002),
        ("fragmented ping", WireClient.frame(0x09, [65]), 1002),
        ("continuation of nothing", WireClient.frame(0x80, [65]), 1002),
        ("message within a message", WireClient.frame(0x01, [65]) + WireClient.frame(0x81, [65]), 1002),
        ("close with one byte", WireClient.frame(0x88, [3]), 1002),
        ("close with 1005", WireClient.frame(0x88, [3, 237]), 1002),
        ("too long", WireClient.frame(0x82, [UInt8](repeating: 65, count: 1025)), 1009),
        (
            "too long in fragments",
            WireClient.frame(0x02, [UInt8](repeating: 65, count: 1000))
                + WireClient.frame(0x80, [UInt8](repeating: 65, count: 25)), 1009
        ),
        ("a length of 2^63", [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], 1009),
        ("not UTF-8", WireClient.frame(0x81, [0xC0, 0xAF]), 1007),
    ]

    @Test(arguments: violations)
    func `the answer to a protocol violation is its close code`(
        name: String, bytes: [UInt8], code: UInt16
    ) async throws {
        try await served {
            $0.maxMessageSize = 1024
            $0.validatesText = true
        } _: { server in
            try await WireClient.open(port: server.port) { client in
                try await client.send(bytes)
                #expect(try await client.frame()?.code == code)
                #expect(try await client.frame() == nil)
            }
            #expect(try await server.counters(within: .seconds(10)) { $0.connected == 0 }.protocolErrors == 1)
        }
    }

    @Test(arguments: [false, true])
    func `the server stops reading from a client that reads nothing`(isEncrypted: Bool) async throws {
        let certificates = isEncrypted ? try await Certificates.make() : nil
        try await served {
            $0.tls = certificates?.server
        } _: { server in
            let tls = certificates?.client
            let wasHeldBack = try await WireClient.open(port: server.port, tls: tls) { client in
                let send = client.sender
                return try await withThrowingTaskGroup(of: Bool.self) { group in
                    group.addTask {
                        // Far more than the buffers of both sides hold.
                        let chunk = WireClient.frame(0x82, [UInt8](repeating: 1, count: 65_000))
                        for _ in 0..<4000 { try await send(chunk) }
                        return false
                    }
                    group.addTask {
                        // Held back: the server's only loop turns hundreds of times and takes none of its messages.
                        var before = -1
                        var turns = 0
                        try await WireClient.open(port: server.port, tls: tls) { other in
                            while turns < 500 {
                                try await other.send(0x89, [])
                                _ = try await other.frame()
                                let now = await server.counters().messagesReceived
                                turns = now == before ? turns + 1 : 0
                                before = now
                            }
                        }
                        return true
                    }
                    let first = try await group.next()
                    group.cancelAll()
                    return first == true
                }
            }
            #expect(wasHeldBack)
        }
    }
}
