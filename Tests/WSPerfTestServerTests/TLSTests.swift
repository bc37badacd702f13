import Testing
import WSPerfTestServer

@Suite(.timeLimit(.minutes(1)))
struct TLSTests {
    /// Runs `body` against a server with TLS.
    private func served(
        requiringCertificates: Bool = false, _ body: (TestServer, Certificates) async throws -> Void
    ) async throws {
        let certificates = try await Certificates.make()
        var tls = certificates.server
        if requiringCertificates { tls.clientAuthority = certificates["ca.pem"] }
        try await WSPerfTestServerTests.served({ $0.tls = tls }) { server in try await body(server, certificates) }
    }

    @Test func `over TLS it is the same echo`() async throws {
        try await served { server, certificates in
            #expect(server.url == "wss://127.0.0.1:\(server.port)/")
            try await WireClient.open(port: server.port, tls: certificates.client) { client in
                for length in [0, 1, 125, 16_383, 16_384, 16_385, 100_000, 1 << 20] {
                    let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
                    try await client.send(0x82, payload)
                    #expect(try await client.frame()?.payload == payload)
                }
                try await client.send(0x88, [3, 232])
                #expect(try await client.frame()?.code == 1000)
                // The end of TLS, not of TCP alone, which would throw.
                #expect(try await client.frame() == nil)
            }
            #expect(try await server.counters(within: .seconds(10)) { $0.connected == 0 }.closeCodes == [1000: 1])
        }
    }

    @Test func `records may arrive byte by byte or many at once`() async throws {
        try await served { server, certificates in
            try await WireClient.open(port: server.port, tls: certificates.client) { client in
                try await client.dribble(WireClient.frame(0x81, Array("slow".utf8)))
                #expect(try await client.frame() == .text("slow"))
                try await client.send((0..<1000).flatMap { WireClient.frame(0x81, Array("\($0)".utf8)) })
                for index in 0..<1000 {
                    let frame = try await client.frame()
                    #expect(frame == .text("\(index)"))
                }
            }
        }
    }

    @Test func `many connections share a loop and get their own messages`() async throws {
        try await served { server, certificates in
            try await withThrowingTaskGroup(of: Void.self) { group in
                let tls = certificates.client
                for index in 0..<50 {
                    group.addTask {
                        try await WireClient.open(port: server.port, tls: tls) { client in
                            for number in 0..<20 {
                                let text = String(repeating: "\(index) \(number) ", count: index * 20 + 1)
                                try await client.send(text: text)
                                let frame = try await client.frame()
                                #expect(frame == .text(text))
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `the end without a close frame is an end of TLS, and a reset is not`() async throws {
        try await served { server, certificates in
            let tls = certificates.client
            try await WireClient.open(port: server.port, "/fault/eof", tls: tls) { client in
                try await client.send(text: "a")
                #expect(try await client.frame() == .text("a"))
                #expect(try await client.frame() == nil)
                try await client.end()
            }
            try await WireClient.open(port: server.port, "/fault/reset?after=0", tls: tls) { client in
                _ = await #expect(throws: (any Error).self) { while try await client.frame() != nil {} }
            }
            let counters = try await server.counters(within: .seconds(10)) { $0.connected == 0 }
            #expect(counters.closeCodes == [1006: 2])
        }
    }

    @Test func `a client that ends TLS gets its replies, close_notify and the end`() async throws {
        try await served { server, certificates in
            try await WireClient.open(port: server.port, tls: certificates.client) { client in
                try await client.send(text: "last")
                try await client.goodbye()
                #expect(try await client.frame() == .text("last"))
                #expect(try await client.frame() == nil)
                try await client.end()
            }
            #expect(try await server.counters(within: .seconds(10)) { $0.connected == 0 }.closeCodes == [1006: 1])
        }
    }

    @Test func `a client that does not speak TLS is dropped and disturbs no other`() async throws {
        try await served { server, certificates in
            try await WireClient.open(port: server.port, tls: certificates.client) { bystander in
                for noise in [
                    "GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}" + String(repeating: "x", count: 600),
                ] {
                    try await WireClient.connect(port: server.port) { client in
                        try await client.send(Array(noise.utf8))
                        try await client.end()
                    }
                }
                // A client that leaves during its handshake.
                try await WireClient.connect(port: server.port) { client in try await client.send([0x16, 3, 1]) }
                try await bystander.send(text: "still here")
                #expect(try await bystander.frame() == .text("still here"))
                #expect(try await server.counters(within: .seconds(10)) { $0.connected == 1 }.upgraded == 1)
            }
        }
    }

    @Test func `clients need a certificate if the server asks for one`() async throws {
        try await served(requiringCertificates: true) { server, certificates in
            var tls = certificates.client
            let nameless = tls
            await #expect(throws: (any Error).self) {
                try await WireClient.open(port: server.port, tls: nameless) { _ in }
            }
            tls.certificate = certificates["server.pem"]
            tls.key = certificates["server.key"]
            // Signed by the right authority, but not for a client.
            let misused = tls
            await #expect(throws: (any Error).self) {
                try await WireClient.open(port: server.port, tls: misused) { _ in }
            }
            tls.certificate = certificates["client.pem"]
            tls.key = certificates["client.key"]
            try await WireClient.open(port: server.port, tls: tls) { client in
                try await client.send(text: "known")
                #expect(try await client.frame() == .text("known"))
            }
            #expect(try await server.counters(within: .seconds(10)) { $0.connected == 0 }.upgraded == 1)
        }
    }

    @Test func `a client refuses an authority that it does not know`() async throws {
        try await served { server, certificates in
            let stranger = TLSClient.Files(authority: certificates["stranger-ca.pem"])
            await #expect(throws: (any Error).self) {
                try await WireClient.open(port: server.port, tls: stranger) { _ in }
            }
            _ = try await server.counters(within: .seconds(10)) { $0.accepted == 1 && $0.connected == 0 }
        }
    }

    @Test func `stopping does not wait for clients that do not end TLS`() async throws {
        let certificates = try await Certificates.make()
        var options = TestServerOptions()
        options.tls = certificates.server
        let server = try await TestServer.start(options: options)
        try await WireClient.open(port: server.port, tls: certificates.client) { client in
            await server.stop(grace: .milliseconds(20))
            let goodbye = try await client.frame()
            #expect(goodbye?.code == 1001)
            #expect(try await client.frame() == nil)
        }
    }

    @Test func `a file that cannot be used is named`() async throws {
        let certificates = try await Certificates.make()
        let missing = "/nonexistent/file.pem"
        let good = certificates.server
        let cases: [(TestServerTLS, culprit: String, reason: String)] = [
            (TestServerTLS(certificate: missing, key: good.key), missing, "No such file"),
            (TestServerTLS(certificate: good.certificate, key: missing), missing, "No such file"),
            (
                TestServerTLS(certificate: good.certificate, key: good.key, clientAuthority: missing), missing,
                "No such file"
            ),
            (TestServerTLS(certificate: good.key, key: good.key), good.key, "no start line"),
            (
                TestServerTLS(certificate: good.certificate, key: certificates["client.key"]),
                certificates["client.key"],
                "key values mismatch"
            ),
        ]
        for (tls, culprit, reason) in cases {
            var options = TestServerOptions()
            options.tls = tls
            let error = await #expect(throws: TestServerError.self) { _ = try await TestServer.start(options: options) }
            #expect(error?.isCertificate == true)
            #expect(error?.description.contains(culprit) == true && error?.description.contains(reason) == true)
        }
    }
}
