import Foundation
import Synchronization
import Testing
import WSPerfCore

/// TLS where a write must wait for reads, and a read for writes: renegotiations (TLS 1.2) and key updates (TLS 1.3).
@Suite struct TLSRenegotiationTests {
    private static func tls(
        _ name: String = "server", version: Int, requiresClientCertificate: Bool = false
    ) throws
        -> ScriptedTLS
    {
        try ScriptedTLS(
            certificate: TLSTests.file("\(name).pem"), key: TLSTests.file("\(name).key"), version: version,
            requiresClientCertificate: requiresClientCertificate)
    }

    private static func plan(_ server: ScriptedServer, connections: Int = 1, messages: Int) throws -> Plan {
        var plan = try LoadRun.plan(server.url, connections: connections, messages: messages)
        plan.tls.ca = try TLSTests.file("ca.pem")
        return plan
    }

    /// Messages come due while the server delays a renegotiation and sends data of its own. They go out when the
    /// renegotiation is over, and until then the client does not retry in a busy loop.
    @Test func writesWaitForARenegotiation() async throws {
        let pause: UInt64 = 2_000_000_000
        let received = Mutex(0)
        let server = try ScriptedServer(tls: Self.tls(version: 0x0303)) { _, peer in
            try peer.upgrade()
            var count = 0
            try peer.readToTheClose { _ in
                count += 1
                guard count == 5 else { return }
                try peer.renegotiate()
                for _ in 0..<20 {
                    usleep(UInt32(pause / 20 / 1000))
                    try peer.send(1, Array("meanwhile".utf8))
                }
            }
            #expect(peer.isRenegotiated)
            received.withLock { $0 = count }
        }
        var plan = try Self.plan(server, messages: 400)
        plan.match = .none
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.succeeded: 1])
        #expect(received.withLock { $0 } == 400)
        #expect(statistics.received == 20)
        // A client that spins uses a processor for the whole pause.
        #expect(statistics.cpuUser + statistics.cpuSystem < pause / 2)
        server.stop()
    }

    /// The server changes its keys and asks for the client's many times while it reads nothing, so that the client's
    /// answers queue up after its messages.
    @Test(arguments: [100, 1000]) func keyUpdates(length: Int) async throws {
        let received = Mutex<[Int]>([])
        let server = try ScriptedServer(receiveBuffer: 4096, tls: Self.tls(version: 0x0304)) { _, peer in
            peer.setClientOption(SOL_SOCKET, SO_SNDBUF, 4096)
            try peer.upgrade()
            var count = 0
            let frames = try peer.readToTheClose { _ in
                count += 1
                guard count % 10 == 1 else { return }
                for _ in 0..<20 {
                    try peer.updateKeys()
                    try peer.send(1, Array("new keys".utf8))
                    usleep(500)
                }
            }
            received.withLock { $0 += frames.map(\.length) }
        }
        var plan = try Self.plan(server, connections: 2, messages: 50)
        plan.match = .none
        plan.payload = .random(RandomPayloadOptions(format: .binary, length: .fixed(length)))
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.succeeded: 2])
        #expect(received.withLock { $0 } == Array(repeating: length, count: 100))
        #expect(statistics.received == 2 * 5 * 20)
        server.stop()
    }

    /// The certificate is for another host, but that is not why the handshake fails.
    @Test(arguments: [false, true]) func aFailedHandshakeIsNotTheCertificatesFault(verify: Bool) async throws {
        let tls = try Self.tls("othername", version: 0x0303, requiresClientCertificate: true)
        let server = try ScriptedServer(tls: tls) { _, peer in try peer.upgrade() }
        var plan = try Self.plan(server, connections: 4, messages: 1)
        plan.tls.verify = verify
        #expect(try await LoadRun.run(plan).outcomes == [verify ? .tlsCertificate : .tls: 4])
        server.stop()
    }
}
