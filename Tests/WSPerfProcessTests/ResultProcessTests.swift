import Foundation
import Testing
import WSPerfReport
import WSPerfTestServer

@testable import WSPerfFleet

/// What was measured is never destroyed: neither by a run that does not start, nor by another run, nor by a terminal
/// that nobody reads.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ResultProcessTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private var output: String { folder.path + "/r" }

    private func plan(_ url: String, seconds: Int) throws -> String {
        try folder.write(
            """
            target: \(url)
            instances: 20
            schedule: {interval: 100ms}
            duration: \(seconds)s
            fleet: {liveness: 3s, join: 20s, collect: 10s}
            """, to: "plan-\(seconds).yaml")
    }

    private func run(_ plan: String, _ options: [String] = ["--local"]) throws -> Executable {
        try Executable("wsperf-controller", ["run", plan, "--quiet", "--output", output] + options, in: folder)
    }

    private func files() throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: output) {
            files[name] = try Data(contentsOf: URL(fileURLWithPath: "\(output)/\(name)"))
        }
        return files
    }

    private func journalSize() -> Int {
        (try? FileManager.default.attributesOfItem(atPath: output + "/journal.wsj")[.size] as? Int) ?? 0
    }

    /// What is in the directory of this test beside plans and output of the processes.
    private func siblings() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasPrefix("r") || $0.hasPrefix(".r") }.sorted()
    }

    @Test func aRunThatDoesNotStartKeepsTheEarlierResults() async throws {
        let target = try await TestServer.start()
        let good = try run(plan(target.url, seconds: 1))
        #expect(try await good.status() == 0)
        let before = try files()
        #expect(before.keys.contains("summary.json") && before.keys.contains("journal.wsj"))

        // A busy port.
        let context = try ZMQContext()
        let socket = try ZMQSocket(.publish, context: context)
        let port = try socket.bind(host: "127.0.0.1", port: 0)
        let busy = try run(plan(target.url, seconds: 1), ["--local", "--publish-port", "\(port)"])
        #expect(try await busy.status() == 2)
        #expect(try files() == before)
        withExtendedLifetime(socket) {}

        // A file that cannot be read.
        let missing = try run(plan(target.url, seconds: 1), ["--local", "--ca-file", "/nonexistent"])
        #expect(try await missing.status() == 2)
        #expect(try files() == before)

        // No listener: the record of that is beside.
        let ports = try ControllerProcessTests.freePorts()
        let alone = try run(
            plan(target.url, seconds: 1),
            [
                "--publish-port", "\(ports.publish)", "--report-port", "\(ports.report)", "--join-timeout", "1s",
            ])
        #expect(try await alone.status() == 3)
        #expect(alone.standardOutput.contains("saved in \(output).incomplete; \(output) keeps the earlier run\n"))
        #expect(try files() == before)
        #expect(try siblings() == ["r", "r.incomplete"])
        await target.stop()
    }

    @Test func aDirectoryInUseIsRefused() async throws {
        let target = try await TestServer.start()
        let first = try run(plan(target.url, seconds: 5))
        try await eventually("the first run sends") { journalSize() > 4000 }
        let second = try run(plan(target.url, seconds: 1))
        #expect(try await second.status() == 2)
        #expect(
            second.standardError
                == "wsperf: \(output) is in use by a run of process \(first.pid): name another directory, or wait for "
                + "that run\n")
        // A report of a live run changes nothing.
        let report = try Executable("wsperf-controller", ["report", output], in: folder)
        #expect(try await report.status() == 3)
        #expect(report.standardOutput.contains("  - the run has not ended yet\n"))
        #expect(report.standardError.contains("the run is still going on (process \(first.pid))"))
        #expect(try await first.status() == 0)
        let summary = try SummaryFile(output)
        #expect(summary.run.valid && summary.connections.outcomes == ["succeeded": 20])
        #expect(try siblings() == ["r"])
        await target.stop()
    }

    /// As with Ctrl-S, or `2>&1 | less`.
    @Test func aTerminalThatNobodyReadsStopsNothing() async throws {
        let target = try await TestServer.start()
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        // Full from the start.
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
        let junk = [UInt8](repeating: 0, count: 512)
        while write(descriptor, junk, junk.count) > 0 {}
        _ = fcntl(descriptor, F_SETFL, flags)

        let process = Process()
        process.executableURL = URL(fileURLWithPath: Executable.directory + "/wsperf-controller")
        process.arguments = ["run", try plan(target.url, seconds: 600), "--output", output, "--local"]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = pipe
        let (ended, continuation) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { continuation.yield($0.terminationStatus) }
        try process.run()
        folder.own(process.processIdentifier)
        try await eventually("the load begins") { journalSize() > 4000 }
        let size = journalSize()
        try await eventually("the journal grows") { journalSize() > size + 2000 }
        kill(process.processIdentifier, SIGINT)
        #expect(await ended.first { _ in true } == 130)
        let summary = try SummaryFile(output)
        #expect(summary.run.end == "interrupted")
        summary.expectToAddUp(20)
        withExtendedLifetime(pipe) {}
        await target.stop()
    }

    /// The terminal of an ssh session is lost.
    @Test func aHangupEndsTheRunWithAReport() async throws {
        let target = try await TestServer.start()
        let controller = try run(plan(target.url, seconds: 600))
        try await eventually("the load begins") { journalSize() > 4000 }
        controller.send(SIGHUP)
        #expect(try await controller.status() == 130)
        let summary = try SummaryFile(output)
        #expect(summary.run.end == "interrupted" && summary.run.exit == 130)
        await target.stop()
    }
}
