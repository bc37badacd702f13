import ArgumentParser
import WSPerfCommand
import WSPerfFleet
import WSPerfTestServer

/// `wsperf-controller target`: options → `TestServer`.
struct Target: StandardCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the embedded server: an echo server that can also misbehave.",
        discussion: "Prints its URL and serves until interrupted. Docs/Target.md lists the paths with faults.")

    @Option(help: "Address to listen on.")
    var host = "127.0.0.1"
    @Option(help: "Port to listen on; 0 means any free port.")
    var port: UInt16 = 9001
    @Option(help: "Number of event loops.")
    var threads = 1
    @Option(help: ArgumentHelp("Serve wss:// with this certificate chain.", valueName: "PEM"))
    var certificate: String?
    @Option(help: ArgumentHelp("The certificate's private key.", valueName: "PEM"))
    var key: String?
    @Option(help: ArgumentHelp("Require client certificates signed by this authority.", valueName: "PEM"))
    var clientAuthority: String?

    func validate() throws {
        guard (certificate == nil) == (key == nil) else {
            throw ValidationError("--certificate and --key must be given together")
        }
    }

    func run() async throws {
        var options = TestServerOptions()
        (options.host, options.port, options.threads) = (host, Int(port), threads)
        if let certificate, let key {
            options.tls = TestServerTLS(certificate: certificate, key: key, clientAuthority: clientAuthority)
        }
        do {
            let server = try await TestServer.start(options: options)
            let interrupts = InterruptSource { Task { await server.stop() } }
            // Not buffered, because the parent process may be waiting for this line.
            StandardStream.output.write("\(server.url)\n")
            await server.waitUntilStopped()
            withExtendedLifetime(interrupts) {}
        } catch let error as TestServerError {
            throw Self.fail(error)
        }
    }
}
