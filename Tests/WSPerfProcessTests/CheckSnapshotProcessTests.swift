import Foundation
import Testing
import WSPerfCore

@Suite(.timeLimit(.minutes(1))) struct CheckSnapshotProcessTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func check(
        _ bytes: [UInt8], _ options: String...
    ) async throws -> (status: Int32, output: String, error: String) {
        let path = folder.path + "/snapshot"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let command = try Executable("wsperf-controller", ["check-snapshot", path] + options, in: folder)
        return (try await command.status(), command.standardOutput, command.standardError)
    }

    @Test func aSnapshotIsPrinted() async throws {
        var statistics = LoadStatistics()
        statistics.sent = 3
        statistics.outcomes = [.refused: 298, .succeeded: 1]
        for value: UInt64 in [3, 3, 5000] { statistics.sendLag.record(value) }
        let body = Snapshot(sequence: 7, elapsed: 1_000_000, isFinal: true, statistics: statistics).encoded()
        let text = """
            sequence: 7
            elapsed: 1000000
            final: true
            outcomes: {refused: 298, succeeded: 1}
            send_lag: {count: 3, saturated: 0, min: 3, max: 5000, sum: 5006, sum_of_squares: 25000018, buckets: {3: 2, 3298: 1}}
            sent: 3

            """
        #expect(try await check(body) == (0, text, ""))
        let hex = body.map { String($0, radix: 16) }.map { $0.count == 1 ? "0" + $0 : $0 }.joined(separator: " ")
        #expect(try await check(Array(hex.utf8), "--hex") == (0, text, ""))
    }

    @Test func theFirstOffenceIsNamed() async throws {
        let (status, output, error) = try await check([2, 0, 1, 1, 3, 1, 4] + Array("sent".utf8) + [1, 1, 0])
        #expect(status == 2 && output.isEmpty)
        #expect(error.hasSuffix("/snapshot: not a snapshot body: field 'sent' holds nothing (byte 14)\n"))
        #expect(
            try await check(Array("zz".utf8), "--hex").error.contains("has characters that are not hexadecimal digits"))
    }

    @Test func aMissingFileIsNamed() async throws {
        let command = try Executable("wsperf-controller", ["check-snapshot", "nowhere"], in: folder)
        #expect(try await command.status() == 2)
        #expect(command.standardError.contains("nowhere: cannot be opened: No such file or directory"))
    }
}
