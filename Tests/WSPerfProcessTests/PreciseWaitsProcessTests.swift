import Foundation
import Testing
import WSPerfTestServer

/// A container whose seccomp profile refuses the system call by which loops wait: to a worker, in a filter of its own.
@Suite(.serialized, .timeLimit(.minutes(2))) struct PreciseWaitsProcessTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    @Test(arguments: [ENOSYS, EPERM]) func aWorkerWithoutPreciseWaitsSaysSoOnce(error: Int32) async throws {
        let target = try await TestServer.start()
        let ports = try ControllerProcessTests.freePorts()
        let controller = try Executable(
            "wsperf-controller",
            [
                "run", "--bind", "127.0.0.1", "--publish-port", "\(ports.publish)", "--report-port", "\(ports.report)",
                "--machines", "1", "--processes", "2", "--threads", "2", "--instances", "20", "--messages", "50",
                "--interval", "10ms", "--quiet", "--output", folder.path + "/run", "--target", target.url,
            ], in: folder)
        // Both workers are in this process, with two loops each.
        let worker = try Executable(
            "WithoutPreciseWaits",
            [
                "\(error)", Executable.directory + "/wsperf-worker", "--controller",
                "127.0.0.1:\(ports.publish):\(ports.report)",
            ], in: folder)
        // Where this machine permits no filter, it ends at once, and says why.
        let words = ["epoll_pwait2", "WithoutPreciseWaits:"]
        try await eventually("the worker says something") { words.contains { worker.standardError.contains($0) } }
        guard !worker.standardError.contains(words[1]) else {
            controller.send(SIGKILL)
            await target.stop()
            return print("skipped: \(worker.standardError)")
        }
        #expect(try await controller.status() == 0, "\(controller.standardOutput)\(controller.standardError)")
        // It would serve another run.
        worker.send(SIGTERM)
        #expect(try await worker.status() == 130, "\(worker.standardError)")
        let summary = try SummaryFile(folder.path + "/run")
        #expect(summary.connections.outcomes == ["succeeded": 40])
        let lines = worker.standardError.split(separator: "\n").filter { $0.contains("epoll_pwait2") }
        #expect(lines.count == 1, "\(worker.standardError)")
        #expect(lines.first?.hasPrefix("wsperf: this system refuses epoll_pwait2 (") == true)
        #expect(lines.first?.hasSuffix("sent up to 1 ms late") == true)
        await target.stop()
    }
}
