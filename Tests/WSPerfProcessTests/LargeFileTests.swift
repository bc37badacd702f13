import Foundation
import Testing

/// Runs Tests/Chaos/transfer.py: a replay log goes to two listeners of four workers each over a slow network.
@Suite(.timeLimit(.minutes(3))) struct LargeFileTests {
    @Test func aLogReachesEachMachineOnce() async throws {
        let folder = try TestFolder()
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Chaos/transfer.py").path
        let process = try Executable(
            "/usr/bin/env",
            ["python3", "-B", script, "--binaries", Executable.directory, "--bytes", "12e6", "--rate", "4e6"],
            in: folder)
        let status = try await process.status(within: .seconds(150))
        if status == 127 {
            print("transfer: skipped: no python3")
        } else {
            #expect(status == 0, "\(process.standardOutput)\(process.standardError)")
        }
    }
}
