import Foundation
import Synchronization
import Testing
import WSPerfCore
import WSPerfFleet
import WSPerfTestServer

/// The controller in this process, listeners and workers as the executables they are, and real signals. The target takes
/// connections and never answers, so that a load lasts as long as its connect timeout.
@Suite(.serialized, .timeLimit(.minutes(3))) struct FleetProcessTests {
    /// A port that accepts TCP connections (in the kernel's backlog) and says nothing.
    private final class SilentPort {
        let descriptor: Int32
        let port: UInt16

        init() throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let socket = descriptor
            let status = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer -> Int32 in
                    guard bind(socket, pointer, length) == 0, listen(socket, 1024) == 0 else { return -1 }
                    return getsockname(socket, pointer, &length)
                }
            }
            guard status == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
            port = UInt16(bigEndian: address.sin_port)
        }

        deinit { close(descriptor) }
    }

    private final class Run: Sendable {
        private let events = Mutex<[RunEvent]>([])
        private let hook: @Sendable (RunEvent, Run) -> Void
        let controller: FleetController

        init(worker: String? = nil, hook: @escaping @Sendable (RunEvent, Run) -> Void = { _, _ in }) throws {
            controller = try FleetController(
                options: .local(listener: Executable.directory + "/wsperf-listener", worker: worker))
            self.hook = hook
        }

        func callAsFunction(_ plan: Plan) async throws -> FleetRunResult {
            let results = try await controller.run([plan]) { [self] _, event in
                events.withLock { $0.append(event) }
                hook(event, self)
            }
            return try #require(results.first)
        }

        var workers: [WorkerInfo] {
            events.withLock { $0.compactMap { if case .workerReady(let info) = $0 { info } else { nil } } }
        }
        var ends: [WorkerEnd] {
            events.withLock { $0.compactMap { if case .workerEnded(_, let end) = $0 { end } else { nil } } }
        }
        var notices: [String] {
            events.withLock { $0.compactMap { if case .notice(let text) = $0 { text } else { nil } } }
        }
        func end(of index: Int) -> WorkerEnd? {
            guard let id = workers.first(where: { $0.index == index })?.id else { return nil }
            return events.withLock {
                $0.compactMap { if case .workerEnded(id, let end) = $0 { end } else { nil } }.first
            }
        }
        func accounted(_ index: Int) -> UInt64 {
            guard let id = workers.first(where: { $0.index == index })?.id else { return 0 }
            return events.withLock {
                $0.reduce(0) { sum, event in
                    if case .snapshot(id, let encoded) = event {
                        sum + encoded.snapshot.statistics.accounted
                    } else {
                        sum
                    }
                }
            }
        }
        /// The processes this run launched, by what is known of them.
        var processes: [Int32] { workers.map(\.pid) }
    }

    private func plan(_ port: UInt16, machines: Int = 2, processes: Int = 2, seconds: Int = 6) throws -> Plan {
        var plan = Plan(target: try Target("ws://127.0.0.1:\(port)/"))
        plan.machines = machines
        plan.processes = processes
        plan.instances = 20
        plan.messages = 1
        plan.timeouts.connect = .seconds(seconds)
        plan.fleet.liveness = .seconds(3)
        plan.fleet.collect = .seconds(5)
        return plan
    }

    private static func parent(of pid: Int32) -> Int32? {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return nil }
        return status.split(separator: "\n").first { $0.hasPrefix("PPid:") }.flatMap {
            Int32($0.dropFirst(5).trimmingCharacters(in: .whitespaces))
        }
    }

    private static func isRunning(_ pid: Int32) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return false }
        return !status.contains("State:\tZ")
    }

    /// Nothing this run launched is left, at once or after the time a peer may be silent.
    private func expectNoneLeft(_ pids: [Int32]) async throws {
        for _ in 0..<80 where pids.contains(where: Self.isRunning) { try await Task.sleep(for: .milliseconds(100)) }
        #expect(pids.filter(Self.isRunning).isEmpty)
    }

    private static func whenSending(_ action: @escaping @Sendable (Run) -> Void) -> @Sendable (RunEvent, Run) -> Void {
        let isDone = Mutex(false)
        let seen = Mutex<Set<String>>([])
        return { event, run in
            // Every worker has reported its load.
            guard case .snapshot(let worker, _) = event else { return }
            let all = seen.withLock { seen in
                seen.insert(worker)
                return seen.count == run.workers.count
            }
            let isFirst = isDone.withLock { isDone in
                defer { if all { isDone = true } }
                return all && !isDone
            }
            if isFirst { action(run) }
        }
    }

    @Test func aTargetThatRefusesIsAResult() async throws {
        let run = try Run()
        let result = try await run(plan(9))
        #expect(result.end == .finished)
        #expect(run.ends.count == 4)
        #expect(run.ends.allSatisfy { !$0.lost && $0.status == 0 && $0.stderr == "" })
        #expect((0..<4).allSatisfy { run.accounted($0) == 20 })
        #expect(Set(run.workers.map(\.machine)) == ["local-1", "local-2"])
        try await expectNoneLeft(run.processes)
    }

    @Test(arguments: [SIGKILL, SIGHUP]) func aWorkerThatDiesIsLostAndTheOthersComplete(_ signal: Int32) async throws {
        let target = try SilentPort()
        let run = try Run(hook: Self.whenSending { kill($0.workers[0].pid, signal) })
        let result = try await run(plan(target.port))
        #expect(result.end == .finished)
        #expect(run.end(of: 0)?.lost == true)
        #expect(run.end(of: 0)?.signal == signal)
        for index in 1..<4 {
            #expect(run.end(of: index)?.lost == false)
            #expect(run.accounted(index) == 20)
        }
        try await expectNoneLeft(run.processes)
    }

    @Test func aWorkerToldToEndDeliversFirst() async throws {
        let target = try SilentPort()
        let run = try Run(hook: Self.whenSending { kill($0.workers[0].pid, SIGTERM) })
        #expect(try await run(plan(target.port)).end == .finished)
        #expect(run.end(of: 0)?.lost == true)
        #expect(run.end(of: 0)?.reason == "ended by a signal")
        #expect(run.accounted(0) == 20)
        try await expectNoneLeft(run.processes)
    }

    @Test func aStoppedWorkerIsLostAfterTheLimitAndKilledAtTheEnd() async throws {
        let target = try SilentPort()
        let run = try Run(hook: Self.whenSending { kill($0.workers[0].pid, SIGSTOP) })
        // It may come back until `collect` has passed.
        #expect(try await run(plan(target.port)).end == .overdue)
        #expect(run.end(of: 0)?.lost == true)
        #expect(run.end(of: 0)?.reason.hasPrefix("silent for") == true)
        #expect((1..<4).allSatisfy { run.end(of: $0)?.lost == false })
        try await expectNoneLeft(run.processes)
    }

    @Test func aStoppedWorkerThatGoesOnCountsOnce() async throws {
        let target = try SilentPort()
        let run = try Run(
            hook: Self.whenSending { run in
                let pid = run.workers[0].pid
                kill(pid, SIGSTOP)
                Task {
                    try await Task.sleep(for: .seconds(5))
                    kill(pid, SIGCONT)
                }
            })
        #expect(try await run(plan(target.port, seconds: 12)).end == .finished)
        #expect(run.notices.contains { $0.contains("silent") } && run.notices.contains { $0.contains("is back") })
        for worker in 0..<4 {
            let end = run.end(of: worker)
            #expect(end?.lost == false && run.accounted(worker) == 20, "\(run.accounted(worker)) of 20, \(end as Any)")
        }
        try await expectNoneLeft(run.processes)
    }

    @Test(arguments: [SIGKILL, SIGTERM]) func aListenerThatDiesTakesItsWorkersWithIt(_ signal: Int32) async throws {
        let target = try SilentPort()
        let run = try Run(
            hook: Self.whenSending { run in
                if let listener = Self.parent(of: run.workers[0].pid) { kill(listener, signal) }
            })
        #expect(try await run(plan(target.port)).end == .finished)
        let machine = run.workers[0].machine
        for worker in run.workers {
            #expect(run.end(of: worker.index)?.lost == (worker.machine == machine))
            // They deliver what they measured before they go.
            #expect(run.accounted(worker.index) == 20)
        }
        try await expectNoneLeft(run.processes)
    }

    /// A listener gives its workers the time that closing their connections takes, however long the plan allows.
    @Test func aListenerToldToEndLetsItsWorkersDeliver() async throws {
        let target = try await TestServer.start()
        let run = try Run(
            hook: Self.whenSending { run in
                if let listener = Self.parent(of: run.workers[0].pid) { kill(listener, SIGTERM) }
            })
        var plan = try plan(9, machines: 1)
        plan.target = try Target(target.url("/fault/no-close"))
        plan.messages = nil
        plan.duration = .seconds(60)
        plan.schedule = .periodic(every: .milliseconds(200))
        plan.timeouts.close = .seconds(6)
        plan.fleet.liveness = .seconds(10)
        #expect(try await run(plan).end == .finished)
        for worker in 0..<2 {
            let end = try #require(run.end(of: worker))
            #expect(end.signal == nil && end.reason == "its listener is gone", "\(end)")
            #expect(run.accounted(worker) == 20)
        }
        try await expectNoneLeft(run.processes)
        await target.stop()
    }

    @Test func oneInterruptKeepsEverything() async throws {
        let target = try SilentPort()
        let run = try Run(hook: Self.whenSending { $0.controller.interrupt() })
        #expect(try await run(plan(target.port)).end == .interrupted)
        #expect(run.ends.count == 4)
        #expect(run.ends.allSatisfy { !$0.lost })
        #expect((0..<4).allSatisfy { run.accounted($0) == 20 })
        try await expectNoneLeft(run.processes)
    }

    @Test func twoInterruptsLeaveNothingBehind() async throws {
        let target = try SilentPort()
        let run = try Run(
            hook: Self.whenSending {
                $0.controller.interrupt()
                $0.controller.interrupt()
            })
        #expect(try await run(plan(target.port)).end == .interrupted)
        #expect(run.ends.count == 4)
        try await expectNoneLeft(run.processes)
    }

    @Test func aPlanThatNoWorkerKnowsIsAnError() async throws {
        let run = try Run()
        var plan = try plan(9)
        plan.client = ComponentPlan(kind: "no-such-client")
        let result = try await run(plan)
        #expect(result.end == .incomplete)
        #expect(result.error?.exitStatus == 2)
        #expect(result.error?.message.contains("no-such-client") == true)
    }

    @Test func aWorkerThatCannotRunIsAnErrorAtOnce() async throws {
        let begun = ContinuousClock.now
        let run = try Run(worker: "/bin/false")
        let result = try await run(plan(9))
        #expect(result.end == .incomplete)
        #expect(result.error?.message.contains("exited with status 1 before the load began") == true)
        #expect(ContinuousClock.now - begun < .seconds(20))
    }

    /// Local listeners are like any others: if enough are left, the load begins without a dead one and without waiting.
    @Test(arguments: [1, nil]) func aLocalListenerThatDiesBeforeTheLoad(_ enough: Int?) async throws {
        let folder = try TestFolder()
        let worker = try folder.write(
            """
            #!/bin/sh
            if mkdir '\(folder.path)/once' 2>/dev/null; then kill -KILL $PPID; exit 1; fi
            exec '\(Executable.directory)/wsperf-worker' "$@"
            """, to: "worker.sh")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: worker)
        let run = try Run(worker: worker)
        var plan = try plan(9, processes: 1)
        plan.minMachines = enough
        plan.fleet.join = .seconds(600)
        let result = try await run(plan)
        #expect(run.notices.contains { $0.contains("was killed by signal 9 (SIGKILL)") })
        if enough == nil {
            #expect(result.end == .incomplete)
            #expect(result.error?.message.contains("(SIGKILL) before the load began") == true)
        } else {
            #expect(result.end == .finished)
            #expect(run.workers.count == 1 && run.ends.allSatisfy { !$0.lost })
            #expect(run.notices.contains { $0.contains("the load began with 1 of 2 machines") })
        }
        try await expectNoneLeft(run.processes)
    }

    /// Stopped for less than the limit, a listener is not missed, and its workers do not mind.
    @Test func aStoppedListenerThatGoesOnInTime() async throws {
        let target = try SilentPort()
        let run = try Run(
            hook: Self.whenSending { run in
                guard let listener = Self.parent(of: run.workers[0].pid) else { return }
                kill(listener, SIGSTOP)
                Task {
                    try await Task.sleep(for: .seconds(1))
                    kill(listener, SIGCONT)
                }
            })
        #expect(try await run(plan(target.port)).end == .finished)
        #expect(run.notices == [])
        #expect((0..<4).allSatisfy { run.end(of: $0)?.lost == false && run.accounted($0) == 20 })
        try await expectNoneLeft(run.processes)
    }

    /// Stopped for longer than `liveness`, it is lost, and its workers must stop. Everything they measured counts.
    @Test func aListenerStoppedForTooLongIsGivenUp() async throws {
        let target = try SilentPort()
        let stop = Self.whenSending { run in
            if let listener = Self.parent(of: run.workers[0].pid) { kill(listener, SIGSTOP) }
        }
        let run = try Run(hook: { event, run in
            stop(event, run)
            if case .notice(let text) = event, text.contains("is lost: silent for"),
                let listener = Self.parent(of: run.workers[0].pid)
            {
                kill(listener, SIGCONT)
            }
        })
        #expect(try await run(plan(target.port, seconds: 12)).end == .finished)
        let machine = run.workers[0].machine
        for worker in run.workers {
            let end = run.end(of: worker.index)
            #expect(end?.lost == (worker.machine == machine))
            if worker.machine == machine { #expect(end?.reason.contains("its listener") == true, "\(end as Any)") }
            #expect(run.accounted(worker.index) == 20)
        }
        try await expectNoneLeft(run.processes)
    }

    /// A worker that kills itself by a signal at its first launch and works from then on.
    @Test func aWorkerKilledWhileLaunchingIsReplaced() async throws {
        let folder = try TestFolder()
        let worker = try folder.write(
            """
            #!/bin/sh
            if mkdir '\(folder.path)/once' 2>/dev/null; then echo 'out of luck' >&2; kill -KILL $$; fi
            exec '\(Executable.directory)/wsperf-worker' "$@"
            """, to: "worker.sh")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: worker)
        let run = try Run(worker: worker)
        let result = try await run(plan(9))
        #expect(result.end == .finished && result.error == nil)
        #expect(run.workers.count == 4 && run.ends.count == 4)
        #expect(run.ends.allSatisfy { !$0.lost && $0.status == 0 })
        #expect((0..<4).allSatisfy { run.accounted($0) == 20 })
        #expect(run.notices.count == 1)
        #expect(
            run.notices.first?.hasSuffix(
                "killed by signal 9 (SIGKILL) before the load began; last output: out of luck; launching another")
                == true)
        try await expectNoneLeft(run.processes)
    }

    /// A fault in a user's own client: the processor traps, and the report has the signal's name and what was said last.
    @Test func aWorkerThatCrashesIsLostWithItsLastWords() async throws {
        let target = try SilentPort()
        let run = try Run(worker: Executable.directory + "/CrashingWorker")
        var plan = try plan(target.port, machines: 1)
        plan.client = ComponentPlan(kind: "crash-at-once")
        #expect(try await run(plan).end == .finished)
        let crash = try #require(run.end(of: 0))
        #expect(crash.lost)
        #expect(crash.signal == SIGILL || crash.signal == SIGTRAP)
        #expect(crash.reason == "killed by signal 4 (SIGILL)" || crash.reason == "killed by signal 5 (SIGTRAP)")
        #expect(crash.stderr.contains("made to crash at its first connection"), "\(crash.stderr)")
        #expect(run.end(of: 1)?.lost == false && run.accounted(1) == 20)
        try await expectNoneLeft(run.processes)
    }

    /// A fault in a custom payload generator ends connections but not the worker, and the report describes it.
    @Test func aPayloadGeneratorInErrorIsNamedOnTheWorkersStderr() async throws {
        let target = try await TestServer.start()
        let run = try Run(worker: Executable.directory + "/CrashingWorker")
        var plan = try plan(9, machines: 1, processes: 1)
        plan.target = try Target(target.url)
        plan.payload = .custom(kind: "one-too-many")
        #expect(try await run(plan).end == .finished)
        let end = try #require(run.end(of: 0))
        #expect(!end.lost && end.status == 0)
        let said = "payload generator 'one-too-many' wrote 11 bytes of message 0 of connection"
        #expect(end.stderr.components(separatedBy: said).count == 11, "\(end.stderr)")
        #expect(run.accounted(0) == 20)
        try await expectNoneLeft(run.processes)
        await target.stop()
    }

    @Test func aWorkerThatCrashesEachTimeEndsTheRun() async throws {
        let run = try Run(worker: Executable.directory + "/CrashingWorker")
        var plan = try plan(9, machines: 1, processes: 1)
        plan.client = ComponentPlan(kind: "crash-at-setup")
        let result = try await run(plan)
        #expect(result.end == .incomplete)
        let message = try #require(result.error?.message)
        #expect(message.contains("(SIGILL)") || message.contains("(SIGTRAP)"), "\(message)")
        #expect(message.contains("before the load began (attempt 3 of 3)"), "\(message)")
        #expect(message.contains("made to crash at its setup"), "\(message)")
        #expect(run.notices.count { $0.hasSuffix("launching another") } == 2)
    }

    @Test func aListenerThatCannotLaunchSaysSo() async throws {
        let run = try Run(worker: "/nonexistent/worker")
        let result = try await run(plan(9))
        #expect(result.end == .incomplete)
        #expect(result.error?.message.contains("cannot run the worker /nonexistent/worker") == true)
    }
}
