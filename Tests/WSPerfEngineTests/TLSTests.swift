import Foundation
import Testing
import WSPerfCore
import WSPerfTestServer

/// `wss://` against the embedded server, with certificates that the tests make.
@Suite struct TLSTests {
    /// A folder of throw-away certificates, made by the same script that users run.
    static let certificates: Result<URL, any Error> = Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "wsperf-test-certificates-\(getuid())")
        let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let script = Process()
        script.executableURL = repository.appending(path: "Scripts/make-test-certificates")
        script.arguments = [folder.path]
        try script.run()
        script.waitUntilExit()
        guard script.terminationStatus == 0 else { throw CocoaError(.fileNoSuchFile) }
        return folder
    }

    static func file(_ name: String) throws -> String { try certificates.get().appending(path: name).path }

    static func start(_ name: String = "server", clientAuthority: String? = nil) async throws -> TestServer {
        var options = TestServerOptions()
        options.tls = try TestServerTLS(
            certificate: file("\(name).pem"), key: file("\(name).key"), clientAuthority: clientAuthority.map(file))
        return try await TestServer.start(options: options)
    }

    static func run(_ server: TestServer, _ change: (inout Plan) throws -> Void) async throws -> LoadStatistics {
        var plan = try LoadRun.plan(server.url)
        plan.tls.ca = try file("ca.pem")
        try change(&plan)
        return try await LoadRun.run(plan)
    }

    @Test func echo() async throws {
        let server = try await Self.start()
        let statistics = try await Self.run(server) {
            $0.instances = 20
            $0.messages = 20
            $0.payload = .random(RandomPayloadOptions(format: .binary, length: .uniform(0...70_000)))
        }
        #expect(statistics.outcomes == [.succeeded: 20])
        #expect(statistics.sent == 400)
        #expect(statistics.bytesReceived == statistics.bytesSent)
        #expect(statistics.tls.count == 20)
        #expect(statistics.upgrade.count == 20)
        #expect(try await server.counters(within: .seconds(20)) { $0.closeCodes == [1000: 20] }.protocolErrors == 0)
        await server.stop()
    }

    @Test func aServerWithoutTLSIsNamed() async throws {
        let server = try ScriptedServer { _, peer in
            _ = try peer.read(1)
            try peer.write(Array("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".utf8))
            _ = try peer.read(100_000)
        }
        defer { server.stop() }
        let plan = try LoadRun.plan(server.url.replacingOccurrences(of: "ws://", with: "wss://"))
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.notTLS: 4])
        #expect(statistics.tls.count == 0)
    }

    @Test func byName() async throws {
        let server = try await Self.start()
        let statistics = try await Self.run(server) { $0.target = try Target("wss://localhost:\(server.port)/") }
        #expect(statistics.outcomes == [.succeeded: 4])
        #expect(statistics.dns.count == 4)
        await server.stop()
    }

    @Test(arguments: ["othername", "expired"]) func refusesWrongCertificates(name: String) async throws {
        let server = try await Self.start(name)
        #expect(try await Self.run(server) { _ in }.outcomes == [.tlsCertificate: 4])
        // Unless the plan turns verification off.
        #expect(try await Self.run(server) { $0.tls.verify = false }.outcomes == [.succeeded: 4])
        await server.stop()
    }

    @Test func otherNameOnRequest() async throws {
        let server = try await Self.start("othername")
        #expect(try await Self.run(server) { $0.tls.serverName = "wrong.example" }.outcomes == [.succeeded: 4])
        await server.stop()
    }

    @Test func refusesUnknownAuthorities() async throws {
        let server = try await Self.start()
        #expect(
            try await Self.run(server) { $0.tls.ca = try Self.file("stranger-ca.pem") }.outcomes == [.tlsCertificate: 4]
        )
        // The system's authorities don't include the test's either.
        #expect(try await Self.run(server) { $0.tls.ca = nil }.outcomes == [.tlsCertificate: 4])
        await server.stop()
    }

    @Test func mutual() async throws {
        let server = try await Self.start(clientAuthority: "ca.pem")
        let statistics = try await Self.run(server) {
            $0.tls.certificate = try Self.file("client.pem")
            $0.tls.key = try Self.file("client.key")
        }
        #expect(statistics.outcomes == [.succeeded: 4])
        let refused = try await Self.run(server) { _ in }
        #expect(refused.opened == 0)
        await server.stop()
    }

    @Test func plainServer() async throws {
        let server = try await TestServer.start()
        let statistics = try await Self.run(server) {
            $0.target = try Target("wss://127.0.0.1:\(server.port)/")
            $0.timeouts.connect = .milliseconds(300)
        }
        // The server waits for the end of the request's first line, which TLS does not have.
        #expect(statistics.outcomes == [.timeoutTLS: 4])
        await server.stop()
    }

    @Test(arguments: ["/fault/close?after=2", "/fault/reset?after=2", "/fault/eof?after=2"])
    func deaths(path: String) async throws {
        let server = try await Self.start()
        let statistics = try await Self.run(server) {
            $0.target = try Target(server.url(path))
            $0.messages = 1000
            $0.inFlight = 1
        }
        let expected: Outcome =
            path.contains("close") ? .closed(1011) : path.contains("reset") ? .reset : .closed(1006)
        #expect(statistics.outcomes == [expected: 4])
        await server.stop()
    }

    /// Bytes that TLS has already taken from the socket are read, and a flooded connection yields to the loop.
    @Test func floods() async throws {
        let server = try await Self.start()
        let statistics = try await Self.run(server) {
            $0.target = try Target(server.url("/fault/flood?after=1&length=1000&count=5000"))
            $0.messages = 500
        }
        #expect(statistics.outcomes == [.succeeded: 4])
        #expect(statistics.rttService.count == 2000)
        #expect(statistics.received == 2000 + statistics.unexpected)
        await server.stop()
    }

    @Test func unusableFiles() throws {
        var plan = try LoadRun.plan("wss://127.0.0.1:9/")
        plan.attachments = ["ca.pem": Array("nonsense".utf8)]
        plan.tls.ca = "ca.pem"
        #expect(throws: PlanError.self) { try LoadEngine(plan: plan) }
        plan.tls.ca = "/does/not/exist.pem"
        #expect(throws: PlanError.self) { try LoadEngine(plan: plan) }
    }
}
