import Foundation
import WSPerfTestServer

/// Runs the repository's scripts as processes.
enum Script {
    static func path(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Scripts/\(name)").standardized.path
    }

    /// Runs a script and waits for its end. `output` is what it wrote to stdout and stderr.
    static func run(_ name: String, _ arguments: [String]) async throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: path(name))
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        // Reads to the end of file, which comes when the process ends.
        let output = await Task.detached { pipe.fileHandleForReading.readDataToEndOfFile() }.value
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}

/// Certificates for all tests. The script makes them only if they do not exist.
struct Certificates {
    let directory: String

    static func make() async throws -> Certificates {
        let directory = FileManager.default.temporaryDirectory.appending(path: "wsperf-test-certificates-\(getuid())")
            .path
        let result = try await Script.run("make-test-certificates", [directory])
        guard result.status == 0 else { throw ScriptFailed(output: result.output) }
        return Certificates(directory: directory)
    }

    subscript(_ name: String) -> String { "\(directory)/\(name)" }

    /// For a server that asks for no client certificate.
    var server: TestServerTLS { TestServerTLS(certificate: self["server.pem"], key: self["server.key"]) }
    /// For a client without a certificate.
    var client: TLSClient.Files { TLSClient.Files(authority: self["ca.pem"]) }

    struct ScriptFailed: Error { var output: String }
}
