import Testing
import WSPerfTestServer

@Suite(.timeLimit(.minutes(1)))
struct HandshakeTests {
    private static func without(_ prefix: String, adding extra: [String] = []) -> [String] {
        WireClient.upgradeHeaders.filter { !$0.hasPrefix(prefix) } + extra
    }

    private static let padding = [String](repeating: "X: " + String(repeating: "x", count: 997), count: 20)

    static let refusals: [(String, String, [String], Int)] = [
        ("no Upgrade", "GET", without("Upgrade"), 426),
        ("another protocol", "GET", without("Upgrade", adding: ["Upgrade: h2c"]), 426),
        ("no Connection", "GET", without("Connection"), 426),
        ("an older version", "GET", without("Sec-WebSocket-Version", adding: ["Sec-WebSocket-Version: 8"]), 426),
        ("no key", "GET", without("Sec-WebSocket-Key"), 400),
        ("a short key", "GET", without("Sec-WebSocket-Key", adding: ["Sec-WebSocket-Key: AAAA"]), 400),
        ("POST", "POST", WireClient.upgradeHeaders, 400),
        ("no header at all", "GET", ["nonsense"], 400),
        ("a head of 20 KB", "GET", WireClient.upgradeHeaders + padding, 431),
    ]

    @Test(arguments: refusals)
    func `a request that asks for no WebSocket is refused`(
        name: String, method: String, headers: [String], status: Int
    ) async throws {
        try await served { server in
            try await WireClient.connect(port: server.port) { client in
                try await client.request(headers: headers, method: method)
                #expect(try await client.head()?.hasPrefix("HTTP/1.1 \(status) ") == true)
                #expect(try await client.rest() == [])
            }
            #expect(await server.counters().refused == 1)
        }
    }

    @Test(arguments: ["/fault/bogus", "/fault", "/fault/close?after=x", "/fault/close?bogus=1", "/push?every=0ms"])
    func `a misspelt fault is refused in words`(path: String) async throws {
        try await served { server in
            try await WireClient.connect(port: server.port) { client in
                try await client.request(path)
                #expect(try await client.head()?.hasPrefix("HTTP/1.1 400 ") == true)
                #expect(try await client.rest().count > 5)
            }
        }
    }

    @Test func `the counters have the last request`() async throws {
        try await served { server in
            try await WireClient.connect(port: server.port) { client in
                try await client.request(
                    "/some/where?x=1", headers: ["Authorization:  Bearer abc "] + WireClient.upgradeHeaders)
                _ = try await client.head()
            }
            let request = try #require(await server.counters().lastRequest)
            #expect(request.method == "GET" && request.path == "/some/where?x=1")
            #expect(request["authorization"] == "Bearer abc" && request["HOST"] == "localhost")
            #expect(request["x-absent"] == nil)
        }
    }

    @Test func `the first subprotocol that both speak is chosen`() async throws {
        try await served {
            $0.subprotocols = ["b", "c"]
        } _: { server in
            let offers = [
                ("/", "a, c, b", "Sec-WebSocket-Protocol: c\r\n"), ("/", "a", nil),
                ("/fault/select", "a, c", "Sec-WebSocket-Protocol: a\r\n"),
            ]
            for (path, offer, answer) in offers {
                try await WireClient.connect(port: server.port) { client in
                    try await client.request(
                        path, headers: WireClient.upgradeHeaders + ["Sec-WebSocket-Protocol: \(offer)"])
                    let head = try #require(try await client.head())
                    if let answer {
                        #expect(head.contains(answer))
                    } else {
                        #expect(!head.contains("Sec-WebSocket-Protocol"))
                    }
                }
            }
        }
    }

    @Test func `answers that break the handshake`() async throws {
        try await served { server in
            func head(_ path: String) async throws -> String? {
                try await WireClient.connect(port: server.port) { client in
                    try await client.request(path)
                    return try await client.head()
                }
            }
            let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            let right = try #require(try await head("/"))
            #expect(right.contains(accept) && right.contains("Upgrade: websocket\r\n"))
            #expect(right.contains("Connection: Upgrade\r\n") && !right.contains("Extensions"))

            #expect(try await head("/fault/refuse?status=429")?.hasPrefix("HTTP/1.1 429 ") == true)
            let wrong = try #require(try await head("/fault/wrong-accept"))
            #expect(wrong.contains("Sec-WebSocket-Accept: ") && !wrong.contains(accept))
            #expect(try await head("/fault/no-accept")?.contains("Accept") == false)
            #expect(try await head("/fault/no-upgrade")?.contains("Upgrade:") == false)
            #expect(try await head("/fault/no-connection")?.contains("Connection:") == false)
            #expect(try await head("/fault/extension?name=foo")?.contains("Sec-WebSocket-Extensions: foo\r\n") == true)
            #expect(try await head("/fault/subprotocol")?.contains("Sec-WebSocket-Protocol: x-unasked\r\n") == true)
            let huge = try #require(try await head("/fault/huge-head?length=30000"))
            #expect(huge.utf8.count > 30_000)
            #expect(try await head("/fault/dribble?every=100us") == right)
            #expect(try await head("/fault/drop") == nil)
            await #expect(throws: (any Error).self) { _ = try await head("/fault/drop-reset") }
            #expect(await server.counters().faults.count == 11)
        }
    }

    @Test func `bytes that are not HTTP, and no bytes at all`() async throws {
        try await served { server in
            try await WireClient.connect(port: server.port) { client in
                try await client.request("/fault/not-http?length=99")
                let bytes = try await client.rest()
                #expect(bytes.count == 99 && bytes.first == 0xFF)
            }
            try await WireClient.connect(port: server.port) { client in
                try await client.request("/fault/hang")
                _ = try await server.counters(within: .seconds(10)) { $0.faults[.hang] == 1 }
                try await settled(server)
                #expect(client.unread.count == 0)
                #expect(await server.counters().connected >= 1)
            }
        }
    }

    @Test func `a head sent byte by byte takes its time, early frames come with it`() async throws {
        try await served { server in
            try await WireClient.connect(port: server.port) { client in
                let start = ContinuousClock.now
                try await client.request("/fault/dribble?every=500us")
                let head = try #require(try await client.head())
                #expect(ContinuousClock.now - start >= .microseconds(500) * (head.utf8.count - 1))
                try await client.send(text: "still an echo")
                #expect(try await client.frame() == .text("still an echo"))
            }
            try await WireClient.connect(port: server.port) { client in
                try await client.request("/fault/early?count=2&length=3")
                _ = try await client.more()
                _ = try await client.head()
                #expect(client.unread == [0x81, 3, 48, 48, 48, 0x81, 3, 48, 48, 48])
            }
        }
    }

    @Test func `one behaviour for all clients, whatever their path`() async throws {
        var refusing = TestServerBehaviour(.refuse)
        refusing.status = 404
        let behaviour = refusing
        try await served {
            $0.behaviour = behaviour
        } _: { server in
            try await WireClient.connect(port: server.port) { client in
                try await client.request("/echo")
                #expect(try await client.head()?.hasPrefix("HTTP/1.1 404 ") == true)
            }
        }
    }
}
