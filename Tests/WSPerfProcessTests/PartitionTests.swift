import Foundation
import Testing

/// Runs Tests/Chaos/partitions.py: the fleet's executables in two network namespaces. The network between them is cut for
/// good, cut and healed before and after the liveness limit, cut in one direction, lossy, or slow.
@Suite(.timeLimit(.minutes(5))) struct PartitionTests {
    private static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test func aNetworkThatIsCutOrBadLosesAndClaimsNothing() async throws {
        let script = Process()
        script.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        script.arguments = [
            "python3", "-B", Self.repository.appendingPathComponent("Tests/Chaos/partitions.py").path, "--binaries",
            Executable.directory,
        ]
        let output = Pipe()
        script.standardOutput = output
        script.standardError = output
        script.standardInput = FileHandle.nullDevice
        let (status, text) = try await withTaskCancellationHandler {
            try script.run()
            // Ends when the last of its processes has: all of them write here.
            let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            script.waitUntilExit()
            return (script.terminationStatus, text)
        } onCancel: {
            script.terminate()
        }
        switch status {
        case 77, 127: print("partitions: skipped: \(text.trimmingCharacters(in: .whitespacesAndNewlines))")
        default: #expect(status == 0, "\(text)")
        }
    }
}
