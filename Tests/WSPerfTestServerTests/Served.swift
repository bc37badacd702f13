import WSPerfTestServer

/// Runs `body` against its own server, and always stops the server.
func served<Value>(
    _ configure: (inout TestServerOptions) -> Void = { _ in },
    _ body: (TestServer) async throws -> Value
) async throws -> Value {
    var options = TestServerOptions()
    configure(&options)
    let server = try await TestServer.start(options: options)
    do {
        let value = try await body(server)
        await server.stop(grace: .milliseconds(200))
        return value
    } catch {
        await server.stop(grace: .milliseconds(200))
        throw error
    }
}

/// Returns when the server has served everything that it received before. One round trip on another connection of its
/// only loop proves that.
func settled(_ server: TestServer) async throws {
    try await WireClient.open(port: server.port) { client in
        try await client.send(text: "settled?")
        _ = try await client.frame()
    }
}
