import Foundation
import Testing
import WSPerfCore
import WSPerfReport
import WSPerfTestServer

@testable import WSPerfFleet

/// The executables `wsperf-controller` and `wsperf-listener` with real signals, exit statuses and files.
/// The server under test is in this process, so that a test knows what reached it.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ControllerProcessTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    // MARK: Plans, ports and records

    /// A load that goes on for so long; each connection sends five messages a second.
    private func plan(
        _ url: String, machines: Int = 1, processes: Int = 2, instances: Int = 50, seconds: Int = 8, more: String = ""
    ) throws -> String {
        try folder.write(
            """
            target: \(url)
            machines: \(machines)
            processes: \(processes)
            instances: \(instances)
            schedule: {interval: 200ms}
            duration: \(seconds)s
            payload: {length: 32}
            fleet: {liveness: 3s, join: 30s, collect: 10s}
            \(more)
            """, to: "plan-\(UUID().uuidString).yaml")
    }

    /// Two ports that are free now.
    static func freePorts() throws -> (publish: UInt16, report: UInt16) {
        let context = try ZMQContext()
        let sockets = try [ZMQSocket(.publish, context: context), ZMQSocket(.pull, context: context)]
        let ports = try sockets.map { try $0.bind(host: "127.0.0.1", port: 0) }
        return (ports[0], ports[1])
    }

    private func controller(_ arguments: [String], at directory: String? = nil) throws -> Executable {
        try Executable("wsperf-controller", arguments, in: folder, at: directory)
    }

    private func run(_ plan: String, _ arguments: [String] = ["--local"]) throws -> Executable {
        try controller(["run", plan, "--quiet", "--output", output] + arguments)
    }

    private func listener(_ name: String, _ ports: (publish: UInt16, report: UInt16)) throws -> Executable {
        try Executable(
            "wsperf-listener",
            ["--controller", "127.0.0.1:\(ports.publish):\(ports.report)", "--name", name, "--verbose"], in: folder)
    }

    private var output: String { folder.path + "/run" }

    /// What the journal says so far.
    private func events(_ directory: String? = nil) -> [RunEvent] {
        guard let reader = try? JournalReader(path: (directory ?? output) + "/journal.wsj") else { return [] }
        var events: [RunEvent] = []
        while let event = reader.next() { events.append(event) }
        return events
    }

    private var workers: [WorkerInfo] {
        events().compactMap { if case .workerReady(let info) = $0 { info } else { nil } }
    }

    /// Waits until every worker of the run has reported its load.
    private func waitForLoad(_ count: Int) async throws {
        try await eventually("\(count) workers tell of their load") {
            let telling = Set(events().compactMap { if case .snapshot(let worker, _) = $0 { worker } else { nil } })
            return telling.count == count
        }
    }

    private func expectNoneLeft(_ pids: [Int32]) async throws {
        try await eventually("no process of \(pids) is left") { !pids.contains(where: Executable.isRunning) }
    }

    // MARK: Kills

    @Test func aKilledWorkerIsLostAndTheOthersComplete() async throws {
        let target = try await TestServer.start()
        let controller = try run(plan(target.url, processes: 4))
        try await waitForLoad(4)
        let victim = try #require(workers.first { $0.index == 2 })
        kill(victim.pid, SIGKILL)
        #expect(try await controller.status() == 3)
        let summary = try SummaryFile(output)
        summary.expectToAddUp(200)
        #expect(!summary.run.valid)
        #expect(summary.run.end == "finished")
        #expect(summary.workers.count == 4)
        for worker in summary.workers {
            #expect(worker.lost == (worker.index == 2))
            #expect(worker.signal == (worker.index == 2 ? 9 : nil))
            #expect(worker.planned == 50)
            #expect(worker.outcomes == (worker.index == 2 ? ["lost": 50] : ["succeeded": 50]))
        }
        #expect(summary.run.reasons.contains { $0.contains("killed by signal 9") })
        #expect(controller.standardOutput.contains("\nNot valid:\n  - "))
        try await expectNoneLeft(summary.workers.map(\.pid))
        await target.stop()
    }

    @Test func aLostWorkerEndsTheRunIfThePlanSaysSo() async throws {
        let target = try await TestServer.start()
        // Without the policy it would go on for longer than this test may.
        let controller = try run(plan(target.url, processes: 4, seconds: 600, more: "on_lost_worker: abort"))
        try await waitForLoad(4)
        kill(try #require(workers.first).pid, SIGKILL)
        #expect(try await controller.status() == 3)
        let summary = try SummaryFile(output)
        summary.expectToAddUp(200)
        #expect(summary.connections.outcomes == ["lost": 50, "aborted": 150])
        #expect(summary.notices.contains { $0.contains("on_lost_worker") })
        #expect(summary.workers.count { $0.lost } == 1)
        try await expectNoneLeft(summary.workers.map(\.pid))
        await target.stop()
    }

    /// Every way to strike at a worker or its listener while messages are sent, and while connections close.
    @Test(
        arguments: ["sending", "draining"].flatMap { phase in
            ["worker", "listener"].flatMap { victim in
                [SIGKILL, SIGTERM, SIGSTOP].map { (phase, victim, $0) }
            }
        })
    func whateverDiesTheReportAddsUp(_ phase: String, _ victim: String, _ signal: Int32) async throws {
        // A server that never answers the close frame keeps connections closing for the close timeout.
        let isDraining = phase == "draining"
        // Long enough for a case that shows only as silence.
        let seconds = signal == SIGSTOP ? 8 : 3
        let target = try await TestServer.start()
        let controller = try run(
            plan(
                target.url(isDraining ? "/fault/no-close" : "/"), machines: 2, processes: 1, instances: 20,
                seconds: isDraining ? 1 : seconds, more: "timeouts: {close: \(seconds)s}"))
        try await waitForLoad(2)
        if isDraining { _ = try await target.counters(within: .seconds(60)) { $0.faults[.noClose] == 40 } }
        let struck = try #require(workers.first { $0.index == 0 })
        let pid = victim == "worker" ? struck.pid : try #require(Executable.parent(of: struck.pid))
        kill(pid, signal)
        let status = try await controller.status()
        let summary = try SummaryFile(output)
        summary.expectToAddUp(40)
        // A worker that delivers before it ends is not lost, but its unfinished work makes the run not valid.
        let isCutShort = summary.connections.outcomes["aborted"] != nil || summary.workers.contains { $0.lost }
        #expect(status == (isCutShort ? 3 : 0))
        if !isDraining { #expect(isCutShort) }
        for worker in summary.workers {
            if worker.index == 1 || signal == SIGTERM { #expect(!worker.lost, "\(worker)") }
            if worker.index == 0, victim == "worker", signal != SIGTERM { #expect(worker.lost, "\(worker)") }
            if worker.index == 1 { #expect(worker.outcomes == [isDraining ? "close_timeout" : "succeeded": 20]) }
        }
        try await expectNoneLeft(summary.workers.map(\.pid) + [pid])
        await target.stop()
    }

    @Test func aKilledControllerLeavesItsRecordAndItsListenersServeTheNext() async throws {
        let target = try await TestServer.start()
        let ports = try Self.freePorts()
        let listeners = [try listener("alpha", ports), try listener("beta", ports)]
        let places = [
            "--bind", "127.0.0.1", "--publish-port", "\(ports.publish)", "--report-port", "\(ports.report)",
        ]
        let first = try run(plan(target.url, machines: 2, seconds: 600), places)
        try await waitForLoad(4)
        let orphans = workers.map(\.pid)
        first.send(SIGKILL)
        #expect(try await first.status() == -SIGKILL)
        // No worker sends any more, none is left, and the listeners wait.
        _ = try await target.counters(within: .seconds(60)) { $0.connected == 0 }
        try await expectNoneLeft(orphans)
        for listener in listeners { #expect(Executable.isRunning(listener.pid)) }

        let report = try controller(["report", output])
        #expect(try await report.status() == 3)
        let summary = try SummaryFile(output)
        summary.expectToAddUp(200)
        #expect(summary.connections.opened == 200)
        #expect(summary.run.end == nil)
        #expect(summary.run.reasons.contains("the controller ended before the run did"))
        let kept = try String(contentsOfFile: output + "/summary.txt", encoding: .utf8)
        #expect(report.standardOutput == kept)

        let next = folder.path + "/next"
        let second = try controller(
            ["run", plan(target.url, machines: 2, seconds: 1), "--quiet", "--output", next] + places)
        #expect(try await second.status() == 0)
        let outcome = try SummaryFile(next)
        outcome.expectToAddUp(200)
        #expect(outcome.run.valid && outcome.connections.outcomes == ["succeeded": 200])
        #expect(Set(outcome.workers.map(\.machine)) == ["alpha", "beta"])
        for listener in listeners { listener.send(SIGTERM) }
        for listener in listeners { #expect(try await listener.status() == 0) }
        await target.stop()
    }

    /// While connections close, too: the server keeps them closing for longer than anyone waits for a dead controller.
    @Test func aControllerKilledWhileDraining() async throws {
        let target = try await TestServer.start()
        let controller = try run(
            plan(
                target.url("/fault/no-close"), processes: 2, instances: 20, seconds: 1, more: "timeouts: {close: 10m}"))
        try await waitForLoad(2)
        _ = try await target.counters(within: .seconds(60)) { $0.faults[.noClose] == 40 }
        let pids = workers.map(\.pid)
        let listener = try #require(pids.first.flatMap(Executable.parent))
        controller.send(SIGKILL)
        #expect(try await controller.status() == -SIGKILL)
        try await expectNoneLeft(pids + [listener])
        let report = try self.controller(["report", output])
        #expect(try await report.status() == 3)
        let summary = try SummaryFile(output)
        summary.expectToAddUp(40)
        #expect(summary.connections.opened == 40)
        #expect(summary.run.end == nil)
        await target.stop()
    }

    /// Stopped for less than the liveness limit, nothing is lost; for longer, the workers end by themselves.
    @Test func aStoppedControllerThatGoesOn() async throws {
        let target = try await TestServer.start()
        let controller = try run(plan(target.url, processes: 2, seconds: 6))
        try await waitForLoad(2)
        controller.send(SIGSTOP)
        let sent = await target.counters().messagesReceived
        _ = try await target.counters(within: .seconds(60)) { $0.messagesReceived >= sent + 500 }
        controller.send(SIGCONT)
        #expect(try await controller.status() == 0)
        let summary = try SummaryFile(output)
        summary.expectToAddUp(100)
        #expect(summary.connections.outcomes == ["succeeded": 100])
        await target.stop()
    }

    @Test func aControllerStoppedForTooLongStillReports() async throws {
        let target = try await TestServer.start()
        let controller = try run(plan(target.url, processes: 2, seconds: 600))
        try await waitForLoad(2)
        let pids = workers.map(\.pid)
        controller.send(SIGSTOP)
        _ = try await target.counters(within: .seconds(60)) { $0.connected == 0 }
        try await expectNoneLeft(pids)
        controller.send(SIGCONT)
        #expect(try await controller.status() == 3)
        let summary = try SummaryFile(output)
        summary.expectToAddUp(100)
        #expect(summary.workers.allSatisfy { $0.lost || $0.outcomes["aborted"] == 50 })
        await target.stop()
    }

    /// The plan allows it, so the run is valid. A notice says what it cost.
    @Test func aRunCutByItsTimeLimitSaysSo() async throws {
        let target = try await TestServer.start()
        let controller = try run(plan(target.url, instances: 20, seconds: 600, more: "time_limit: 2s"))
        #expect(try await controller.status() == 0)
        let summary = try SummaryFile(output)
        summary.expectToAddUp(40)
        #expect(summary.run.valid && summary.connections.outcomes == ["aborted": 40])
        let notice = "the time limit of 2s (time_limit) cut 40 connections short: aborted"
        #expect(summary.notices == [notice])
        #expect(controller.standardOutput.contains(notice))
        await target.stop()
    }

    // MARK: Interrupts

    @Test(arguments: [SIGINT, SIGTERM]) func anInterruptEndsTheLoadAndReports(_ signal: Int32) async throws {
        let target = try await TestServer.start()
        let controller = try run(plan(target.url, processes: 4, seconds: 600))
        try await waitForLoad(4)
        controller.send(signal)
        #expect(try await controller.status() == 130)
        let summary = try SummaryFile(output)
        summary.expectToAddUp(200)
        #expect(summary.run.end == "interrupted" && summary.run.exit == 130)
        // All of it arrived: they opened, and were closed politely.
        #expect(summary.connections.opened == 200)
        #expect(summary.workers.allSatisfy { !$0.lost && $0.outcomes == ["aborted": 50] })
        #expect(await target.counters().closeCodes[1006] == nil)
        #expect(!controller.standardOutput.isEmpty)
        try await expectNoneLeft(summary.workers.map(\.pid))
        await target.stop()
    }

    @Test func aSecondInterruptEndsAtOnceWithAReport() async throws {
        // The server never answers a close frame, so that a polite end takes minutes.
        let target = try await TestServer.start()
        let controller = try controller([
            "run",
            plan(target.url("/fault/no-close"), seconds: 600, more: "timeouts: {close: 10m}"), "--output", output,
            "--local",
        ])
        try await waitForLoad(2)
        controller.send(SIGINT)
        try await controller.waitForError("interrupted: ending the load")
        controller.send(SIGINT)
        #expect(try await controller.status() == 130)
        let summary = try SummaryFile(output)
        summary.expectToAddUp(100)
        #expect(summary.run.end == "interrupted")
        #expect(controller.standardOutput.contains("100"))
        try await expectNoneLeft(summary.workers.map(\.pid))
        await target.stop()
    }

    @Test func anInterruptBeforeTheLoadReportsToo() async throws {
        let ports = try Self.freePorts()
        let controller = try run(
            plan("ws://127.0.0.1:9/", machines: 2, processes: 1, instances: 5),
            ["--bind", "127.0.0.1", "--publish-port", "\(ports.publish)", "--report-port", "\(ports.report)"])
        try await eventually("the run has begun") { events().contains(.phase(.waitingForListeners)) }
        controller.send(SIGTERM)
        #expect(try await controller.status() == 130)
        let summary = try SummaryFile(output)
        summary.expectToAddUp(10)
        #expect(summary.connections.outcomes == ["aborted": 10])
    }

    // MARK: Who comes and who does not

    /// The report says what the process says: the exit status and the reason.
    @Test(arguments: ["client: no-such-client", "tls: {key: key.pem, certificate: key.pem}"])
    func anUnusablePlanIsTheReportsReason(_ key: String) async throws {
        _ = try folder.write("not a key\n", to: "key.pem")
        let controller = try run(plan("wss://127.0.0.1:9/", instances: 5, more: key))
        #expect(try await controller.status() == 2)
        let summary = try SummaryFile(output)
        #expect(summary.run.exit == 2 && summary.run.end == "incomplete")
        let reason = try #require(summary.run.reasons.first)
        #expect(controller.standardError.contains(reason), "\(reason)")
        #expect(!reason.contains("too few listeners"))
    }

    @Test func missingListenersAreNamed() async throws {
        let ports = try Self.freePorts()
        let alpha = try listener("alpha", ports)
        let controller = try run(
            plan("ws://127.0.0.1:9/", machines: 2, processes: 1, instances: 5),
            [
                "--bind", "127.0.0.1", "--publish-port", "\(ports.publish)", "--report-port", "\(ports.report)",
                "--join-timeout", "3s",
            ])
        #expect(try await controller.status() == 3)
        #expect(controller.standardError.contains("1 of 2 listeners joined within 3 s (alpha); 1 missing"))
        let summary = try SummaryFile(output)
        summary.expectToAddUp(10)
        #expect(summary.run.end == "incomplete")
        #expect(Executable.isRunning(alpha.pid))
        alpha.send(SIGINT)
        #expect(try await alpha.status() == 130)
    }

    @Test func enoughMachinesBeginWithoutTheRest() async throws {
        let target = try await TestServer.start()
        let ports = try Self.freePorts()
        let listeners = [try listener("alpha", ports), try listener("beta", ports)]
        let controller = try run(
            plan(target.url, machines: 3, processes: 1, instances: 20, seconds: 1, more: "min_machines: 2"),
            [
                "--bind", "127.0.0.1", "--publish-port", "\(ports.publish)", "--report-port", "\(ports.report)",
                "--join-timeout", "3s",
            ])
        #expect(try await controller.status() == 3)
        let summary = try SummaryFile(output)
        summary.expectToAddUp(60)
        #expect(summary.run.end == "finished" && !summary.run.valid)
        #expect(summary.connections.outcomes == ["succeeded": 40, "aborted": 20])
        #expect(summary.run.reasons == ["1 of 3 workers never became ready"])
        #expect(summary.notices.contains { $0.contains("began with 2 of 3 machines") && $0.contains("1 missing") })
        for listener in listeners { listener.send(SIGTERM) }
        for listener in listeners { #expect(try await listener.status() == 0) }
        await target.stop()
    }

    @Test func aSpareListenerTakesThePlaceOfOneThatDied() async throws {
        let target = try await TestServer.start()
        let ports = try Self.freePorts()
        let first = try listener("first", ports)
        let controller = try controller([
            "run", plan(target.url, machines: 2, processes: 1, instances: 20, seconds: 1), "--output", output, "--bind",
            "127.0.0.1", "--publish-port", "\(ports.publish)", "--report-port", "\(ports.report)",
        ])
        try await first.waitForError("joined 127")
        first.send(SIGKILL)
        let listeners = [try listener("second", ports), try listener("third", ports)]
        #expect(try await controller.status() == 0)
        let summary = try SummaryFile(output)
        #expect(summary.connections.outcomes == ["succeeded": 40])
        for listener in listeners { listener.send(SIGTERM) }
        for listener in listeners { #expect(try await listener.status() == 0) }
        await target.stop()
    }

    @Test func aBusyPortIsNamed() async throws {
        let context = try ZMQContext()
        let socket = try ZMQSocket(.publish, context: context)
        let port = try socket.bind(host: "127.0.0.1", port: 0)
        let controller = try run(
            plan("ws://127.0.0.1:9/", instances: 5), ["--local", "--publish-port", "\(port)"])
        #expect(try await controller.status() == 2)
        #expect(
            controller.standardError == "wsperf: cannot listen on 127.0.0.1:\(port): Address already in use\n")
        withExtendedLifetime(socket) {}
    }

    /// A controller of another version: the listener and the worker both say so.
    @Test(arguments: ["wsperf-listener", "wsperf-worker"])
    func aControllerOfAnotherVersionIsNamed(_ executable: String) async throws {
        let context = try ZMQContext()
        let publish = try ZMQSocket(.publish, context: context)
        let pull = try ZMQSocket(.pull, context: context)
        let address = try ControllerAddress(
            "127.0.0.1:\(publish.bind(host: "127.0.0.1", port: 0)):\(pull.bind(host: "127.0.0.1", port: 0))")
        let arguments =
            executable == "wsperf-listener"
            ? ["--controller", address.description]
            : [
                "launched", "--controller", address.description, "--session", "s", "--run", "s-1", "--id", "s-1-w0",
                "--index", "0", "--machine", "m", "--liveness-ms", "5000", "--launch-ms", "20000",
            ]
        let peer = try Executable(executable, arguments, in: folder)
        let beacon =
            #"{"wsperf":9,"session":"s","from":"s","seq":1,"type":"beacon","data":{"software":"7.0","closing":false}}"#
        let message = WireMessage(topic: Topic.all, envelope: Array(beacon.utf8))
        try await eventually("\(executable) names both versions") {
            _ = publish.send(message)
            let said = peer.standardError
            return said.contains("version 9 (software 7.0)")
                && said.contains("version \(FleetLimits.protocolVersion)")
        }
        if executable == "wsperf-worker" {
            #expect(try await peer.status() == 2)
        } else {
            // It waits for one that it understands.
            #expect(Executable.isRunning(peer.pid))
            peer.send(SIGTERM)
            #expect(try await peer.status() == 0)
        }
        withExtendedLifetime(pull) {}
    }

    // MARK: The run directory

    @Test(arguments: [true, false]) func aPlaceThatCannotBeWrittenToCostsNoRun(_ isNamed: Bool) async throws {
        // Not even root makes directories there.
        let arguments = try ["run", plan("ws://127.0.0.1:9/", instances: 5), "--quiet", "--local"]
        let controller = try controller(
            arguments + (isNamed ? ["--output", "/proc/wsperf"] : []), at: isNamed ? nil : "/proc")
        #expect(try await controller.status() == 4)
        #expect(controller.standardError.contains("the run cannot be saved: cannot write"))
        #expect(controller.standardOutput.contains("refused"))
    }

    /// The disk fills up in mid-run: by a limit on the size of files, and on a file system of 16 KiB where one may be mounted.
    @Test(arguments: ["limit", "tmpfs"]) func aFullDiskCostsNoRun(_ kind: String) async throws {
        let target = try await TestServer.start()
        let plan = try plan(target.url, seconds: 3)
        let run = "\(Executable.directory)/wsperf-controller run \(plan) --quiet --local --output full/run"
        let mount = "unshare --mount sh -c 'mount -t tmpfs -o size=16k none full"
        let script: String
        if kind == "tmpfs" {
            try FileManager.default.createDirectory(atPath: folder.path + "/full", withIntermediateDirectories: false)
            let trial = try Executable("/bin/sh", ["-c", "\(mount)'"], in: folder)
            guard try await trial.status() == 0 else {
                print("skipped: no file system may be mounted here: \(trial.standardError)")
                return
            }
            script = "\(mount) && exec \(run)'"
        } else {
            // What is printed goes through a pipe, which has no such limit. In units of 512 bytes or more.
            script = "(trap '' XFSZ; ulimit -f 8; \(run); echo $? >status) 2>&1 | cat; exit $(cat status)"
        }
        let controller = try Executable("/bin/sh", ["-c", script], in: folder)
        #expect(try await controller.status() == 4)
        let said = controller.standardOutput + controller.standardError
        #expect(said.contains("the run cannot be saved: cannot write full/run/journal.wsj"))
        #expect(said.components(separatedBy: "cannot be saved").count == 2, "said more than once")
        #expect(said.contains("succeeded"))
        await target.stop()
    }

    // MARK: What makes no sense

    @Test(arguments: [
        (
            "target: ws://127.0.0.1:9/\nmessages: 1\nschedule:\n  intervall: 1s\n", [], ":4: schedule.intervall",
            "interval"
        ),
        ("target: ws://127.0.0.1:9/\nmessages: 1\nmachines: 0\n", [], ":3: machines", "from 1"),
        ("target: ws://127.0.0.1:9/\nmessages: 1\n", ["--processes", "0"], "--processes", "from 1"),
        (
            "target: ws://127.0.0.1:9/\nmessages: 1\nprocesses: 2000\n", [],
            "processes: a machine can run at most 1024",
            "not 2000"
        ),
        ("target: ws://127.0.0.1:9/\nduration: 30\n", [], ":2: duration", "30s"),
        ("target: http://127.0.0.1:9/\nmessages: 1\n", [], ":1: target", "ws://"),
        ("target: ws://127.0.0.1:9/\nmessages: 1\nmin_machines: 2\n", [], ":3: min_machines", "more than machines"),
        ("target: ws://127.0.0.1:9/\nmessages: 1\non_lost_worker: panic\n", [], ":3: on_lost_worker", "abort"),
        (
            "target: ws://127.0.0.1:9/\nschedule: {kind: replay, log: missing.jsonl}\n", [], "missing.jsonl",
            "No such file"
        ),
        ("target: ws://127.0.0.1:9/\nschedule: {kind: replay, log: torn.jsonl}\n", [], "torn.jsonl:2", "not a JSON"),
    ])
    func whatMakesNoSenseIsNamed(_ text: String, _ options: [String], _ place: String, _ hint: String) async throws {
        let plan = try folder.write(text, to: "bad.yaml")
        _ = try folder.write(
            "{\"t_us\": 0, \"conn\": 0, \"dir\": \"send\", \"op\": 1, \"len\": 9}\nnot JSON\n", to: "torn.jsonl")
        for command in [["validate", plan], ["run", plan, "--local", "--quiet", "--output", output]] {
            let controller = try controller(command + options)
            #expect(try await controller.status() == 2)
            #expect(controller.standardError.contains(place), "\(controller.standardError)")
            #expect(controller.standardError.contains(hint), "\(controller.standardError)")
            #expect(!controller.standardError.contains(output))
        }
    }

    // MARK: Idleness

    /// A controller that waits, with twenty listeners that wait with it, uses next to no processor time.
    @Test func whoWaitsCostsNothing() async throws {
        let ports = try Self.freePorts()
        let controller = try controller([
            "run", plan("ws://127.0.0.1:9/", machines: 21, processes: 1, instances: 1), "--output", output, "--bind",
            "127.0.0.1", "--publish-port", "\(ports.publish)", "--report-port", "\(ports.report)", "--join-timeout",
            "10m",
        ])
        let listeners = try (1...20).map { try listener("idle-\($0)", ports) }
        for listener in listeners { try await listener.waitForError("joined 127") }
        let pids = [controller.pid] + listeners.map(\.pid)
        let before = pids.map(Self.ticks).reduce(0, +)
        try await Task.sleep(for: .seconds(5))
        let used = pids.map(Self.ticks).reduce(0, +) - before
        // Hundredths of a second, of 21 processes and five seconds: each wakes once a second, for a heartbeat.
        #expect(used <= 21, "\(used) ticks")
        print("21 waiting processes used \(used) ticks in 5 s")
        controller.send(SIGTERM)
        #expect(try await controller.status() == 130)
        for listener in listeners { listener.send(SIGTERM) }
        for listener in listeners { #expect(try await listener.status() == 0) }
    }

    /// Clock ticks of processor time this process has used.
    private static func ticks(_ pid: Int32) -> Int {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let end = stat.lastIndex(of: ")")
        else { return 0 }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        return (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0)
    }

    // MARK: Thresholds

    @Test func aThresholdThatFailsIsAnExitStatus() async throws {
        let server = try await TestServer.start()
        let plan = try plan(
            server.url, seconds: 2,
            more: "thresholds: [connections.succeeded == 100 %, response.p99 < 1ns, errors.count == 0]")
        let run = try run(plan)
        #expect(try await run.status() == 1)
        #expect(run.standardOutput.contains("Thresholds: 2 of 3 kept"), "\(run.standardOutput)")
        #expect(run.standardOutput.contains("FAIL  response.p99 < 1ns"))
        let summary = try SummaryFile(output)
        #expect(summary.run.exit == 1 && summary.run.valid)
        let junit = try String(contentsOfFile: output + "/junit.xml", encoding: .utf8)
        #expect(junit.contains(#"tests="4" failures="1""#) && junit.contains("response.p99 &lt; 1ns"))
        #expect(try String(contentsOfFile: output + "/summary.md", encoding: .utf8).contains("**FAIL**"))
        // Kept, on the command line.
        let good = try self.run(plan, ["--local", "--set", "thresholds=[errors.count == 0]"])
        #expect(try await good.status() == 0)
        await server.stop()
    }

    /// The plan would take 60 s.
    @Test func aThresholdMayEndTheLoad() async throws {
        let server = try await TestServer.start()
        let plan = try plan(
            server.url, seconds: 60,
            more: "thresholds: [{check: messages.sent <= 1000, after: 1s, abort: true}, errors.count == 0]")
        let run = try run(plan)
        #expect(try await run.status() == 1)
        let summary = try SummaryFile(output)
        #expect(summary.run.end == "finished" && summary.run.valid)
        #expect(run.standardOutput.contains("ended the load"), "\(run.standardOutput)")
        #expect(summary.connections.outcomes == ["aborted": 100])
        // The record says the same.
        let report = try controller(["report", output])
        #expect(try await report.status() == 1)
        #expect(report.standardOutput == run.standardOutput.components(separatedBy: "\nsaved in")[0])
        await server.stop()
    }
}
