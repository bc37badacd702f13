import WSPerfTarget

/// Runs `body` against its own server, and always stops the server.
func served<Value>(
    _ configure: (inout TargetOptions) -> Void = { _ in },
    _ body: (TargetServer) async throws -> Value
) async throws -> Value {
    var options = TargetOptions()
    configure(&options)
    let server = try await TargetServer.start(options: options)
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
func settled(_ server: TargetServer) async throws {
    try await WireClient.open(port: server.port) { client in
        try await client.send(text: "settled?")
        _ = try await client.frame()
    }
}
