import Foundation
import Testing
import WSPerfFleet

/// What controller and listener tell an operator before there is a run.
@Suite(.timeLimit(.minutes(1))) struct JoiningProcessTests {
    private let folder: TestFolder
    private let ports: (publish: UInt16, report: UInt16)

    init() throws {
        folder = try TestFolder()
        ports = try ControllerProcessTests.freePorts()
    }

    private var portOptions: [String] {
        ["--publish-port", "\(ports.publish)", "--report-port", "\(ports.report)"]
    }

    private func listener(_ arguments: String..., swapped: Bool = false) throws -> Executable {
        let (first, second) = swapped ? (ports.report, ports.publish) : (ports.publish, ports.report)
        return try Executable(
            "wsperf-listener", ["--controller", "127.0.0.1:\(first):\(second)", "--name", "alpha"] + arguments,
            in: folder)
    }

    @Test func aListenerSaysWhyItHasNoController() async throws {
        let listener = try listener()
        try await listener.waitForError("connecting to 127.0.0.1:\(ports.publish):\(ports.report), as alpha")
        try await listener.waitForError(
            "no controller: cannot connect to 127.0.0.1:\(ports.publish) and \(ports.report): connection refused")
        let said = { listener.standardError.components(separatedBy: "no controller").count - 1 }
        try await eventually("it repeats that") { said() >= 3 }
        // Services are stopped like this.
        listener.send(SIGTERM)
        #expect(try await listener.status() == 0)
    }

    @Test func swappedPortsAreFoundOut() async throws {
        let controller = try Executable(
            "wsperf-controller", ["end-listeners", "--wait", "20s"] + portOptions, in: folder)
        let listener = try listener(swapped: true)
        try await listener.waitForError("the two ports are swapped")
        listener.send(SIGTERM)
        controller.send(SIGINT)
        #expect(try await listener.status() == 0)
        #expect(try await controller.status() == 3)
    }

    @Test func waitingListenersAreEnded() async throws {
        let listener = try listener()
        let controller = try Executable("wsperf-controller", ["end-listeners"] + portOptions, in: folder)
        #expect(try await controller.status() == 0)
        #expect(controller.standardOutput == "ended alpha\n")
        #expect(try await listener.status() == 0)
    }

    @Test func onceAListenerServesOneController() async throws {
        let plan = try folder.write(
            "{target: 'ws://127.0.0.1:9/', messages: 1, fleet: {join: 20s}}\n", to: "plan.yaml")
        let listener = try listener("--once")
        let controller = try Executable(
            "wsperf-controller", ["run", plan, "--quiet", "--output", folder.path + "/run"] + portOptions, in: folder)
        #expect(try await controller.status() == 0, "\(controller.standardError)")
        #expect(try await listener.status() == 0)
    }

    @Test func whoForgetsLocalIsTold() async throws {
        let plan = try folder.write(
            "{target: 'ws://127.0.0.1:9/', messages: 1, fleet: {join: 1s}}\n", to: "plan.yaml")
        let advice =
            "start `wsperf-listener --controller HOST` on each load machine (and give `--bind` if they are not this "
            + "one), or add --local"
        let controller = try Executable(
            "wsperf-controller", ["run", plan, "--output", folder.path + "/run"] + portOptions, in: folder)
        #expect(try await controller.status() == 3)
        let lines = controller.standardError.split(separator: "\n")
        #expect(
            lines.first == "waiting on 127.0.0.1:\(ports.publish) and \(ports.report) for 1 listener; \(advice)")
        #expect(lines.last == "wsperf: 0 of 1 listener joined within 1 s (none); 1 missing; \(advice)")
    }

    @Test func theControllerSaysWhoHasJoined() async throws {
        let plan = try folder.write(
            "{target: 'ws://127.0.0.1:9/', messages: 1, fleet: {join: 20s}}\n", to: "plan.yaml")
        let listener = try listener("--once")
        let controller = try Executable(
            "wsperf-controller", ["run", plan, "--output", folder.path + "/run"] + portOptions, in: folder)
        #expect(try await controller.status() == 0, "\(controller.standardError)")
        #expect(controller.standardError.contains("\nlistener alpha (127.0.0.1) joined\n"))
        #expect(try await listener.status() == 0)
    }

    @Test func whatListeningElsewhereMeansIsSaid() async throws {
        let plan = try folder.write(
            "{target: 'ws://127.0.0.1:9/', messages: 1, fleet: {join: 1s}}\n", to: "plan.yaml")
        let controller = try Executable(
            "wsperf-controller",
            ["run", plan, "--bind", "*", "--quiet", "--output", folder.path + "/run"] + portOptions,
            in: folder)
        #expect(try await controller.status() == 3)
        #expect(controller.standardError.hasPrefix("wsperf: anyone who reaches ports \(ports.publish) and "))
    }
}
