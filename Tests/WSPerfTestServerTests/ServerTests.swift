import Foundation
import Testing
import WSPerfTestServer

@Suite(.timeLimit(.minutes(1)))
struct ServerTests {
    @Test func `a port that is in use is reported`() async throws {
        try await served { server in
            var options = TestServerOptions()
            options.port = server.port
            let error = await #expect(throws: TestServerError.self) { _ = try await TestServer.start(options: options) }
            #expect(error?.isCannotListen == true)
            #expect(error?.description.contains("127.0.0.1:\(server.port): Address already in use") == true)
        }
    }

    @Test func `stopping closes connections, frees the port and keeps the counters`() async throws {
        let server = try await TestServer.start()
        try await WireClient.open(port: server.port) { client in
            async let stopped: Void = server.stop(grace: .seconds(10))
            #expect(try await client.frame()?.code == 1001)
            try await client.send(0x88, [3, 233])
            #expect(try await client.frame() == nil)
            await stopped
        }
        await server.waitUntilStopped()
        await server.stop()
        #expect(await server.counters().closeCodes == [1001: 1])
        await #expect(throws: (any Error).self) { try await WireClient.connect(port: server.port) { _ in } }
    }

    @Test func `stopping does not wait for clients that stay`() async throws {
        let server = try await TestServer.start()
        try await WireClient.open(port: server.port) { client in
            await server.stop(grace: .milliseconds(20))
            let goodbye = try await client.frame()
            #expect(goodbye?.code == 1001)
            #expect(try await client.frame() == nil)
        }
    }

    @Test func `cancelling the wait for the end stops the server`() async throws {
        let server = try await TestServer.start()
        let waiting = Task { await server.waitUntilStopped() }
        waiting.cancel()
        await waiting.value
        await #expect(throws: (any Error).self) { try await WireClient.connect(port: server.port) { _ in } }
    }

    @Test func `waiting for counters has a deadline`() async throws {
        try await served { server in
            let error = await #expect(throws: TestServerError.self) {
                _ = try await server.counters(within: .milliseconds(10)) { $0.accepted == 1 }
            }
            #expect(error?.isDeadline == true)
        }
    }

    @Test func `five hundred connections at once on two loops`() async throws {
        try await served {
            $0.threads = 2
        } _: { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<500 {
                    group.addTask {
                        try await WireClient.open(port: server.port) { client in
                            try await client.send(text: "number \(index)")
                            #expect(try await client.frame() == .text("number \(index)"))
                            _ = try await server.counters(within: .seconds(30)) { $0.messagesSent == 500 }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let counters = try await server.counters(within: .seconds(30)) { $0.connected == 0 }
            #expect(counters.accepted == 500 && counters.upgraded == 500 && counters.closeCodes == [1006: 500])
        }
    }

    // MARK: An independent client

    @Test func `the websockets package gets its messages back`() async throws {
        try await served { server in
            let client = Script.path("../Tests/Interop/echo_client.py")
            let result = try await Script.run("interop-server", ["--python", client, server.url])
            #expect(result.status == 0, "\(result.output)")
            let counters = try await server.counters(within: .seconds(10)) { $0.connected == 0 }
            #expect(counters.closeCodes[1000] == 2 && counters.protocolErrors == 0 && counters.fragmentedReceived == 1)
        }
    }
}
