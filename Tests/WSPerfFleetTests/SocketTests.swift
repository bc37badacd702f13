import Foundation
import Synchronization
import Testing
import WSPerfCore

@testable import WSPerfFleet

/// Controller, listeners and workers over real ZeroMQ sockets, in one process.
@Suite(.serialized, .timeLimit(.minutes(2))) struct SocketTests {
    @Test func twoRunsOnTheSameListeners() async throws {
        let fleet = try SocketFleet()
        let listeners = [try fleet.listener("alpha"), try fleet.listener("beta")]
        let results = try await fleet.run([
            try SocketFleet.plan(machines: 2), try SocketFleet.plan(machines: 2, instances: 20),
        ])
        #expect(results.map(\.end) == [.finished, .finished])
        for (run, instances) in [(0, 10), (1, 20)] {
            let record = fleet.record(run)
            record.check(instances: instances, "run \(run)")
            #expect(record.phases == RunPhase.allCases)
            #expect(record.ready.map(\.index) == [0, 1, 2, 3])
            #expect(Set(record.ready.map(\.machine)) == ["alpha", "beta"])
            #expect(record.ends.values.allSatisfy { !$0.lost && $0.status == 0 })
            for worker in record.ready {
                #expect(record.snapshots(of: worker.id).reduce(0) { $0 + $1.statistics.sent } == 35)
                #expect(record.accounted(worker.id) == UInt64(instances))
            }
        }
        for (_, status) in listeners { #expect(await status.value == 0) }
    }

    @Test func aListenerServesOneControllerAfterAnother() async throws {
        let first = try SocketFleet(endsListeners: false)
        let address = first.controller.address
        let (_, status) = try first.listener("alpha")
        #expect(try await first.run([SocketFleet.plan()]).map(\.end) == [.finished])
        // The ports are free as soon as the first controller is gone.
        let second = try await Self.rebound(address)
        #expect(try await second.run([SocketFleet.plan()]).map(\.end) == [.finished])
        #expect(await status.value == 0)
    }

    /// A controller on the ports of one that is just being taken down.
    private static func rebound(_ address: ControllerAddress) async throws -> SocketFleet {
        for _ in 0..<200 {
            if let fleet = try? SocketFleet(publishPort: address.publishPort, reportPort: address.reportPort) {
                return fleet
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        return try SocketFleet(publishPort: address.publishPort, reportPort: address.reportPort)
    }

    @Test func aBusyPortIsNamed() throws {
        let fleet = try SocketFleet()
        let port = fleet.controller.address.publishPort
        let error = #expect(throws: FleetError.self) { try SocketFleet(publishPort: port) }
        #expect(error?.message == "cannot listen on 127.0.0.1:\(port): Address already in use")
        #expect(error?.exitStatus == 2)
    }

    @Test func whoComesLateIsWaitedFor() async throws {
        let fleet = try SocketFleet()
        fleet.when({ _, event in event == .phase(.waitingForListeners) }) {
            Task {
                try await Task.sleep(for: .milliseconds(1200))
                _ = try fleet.listener("late")
            }
        }
        #expect(try await fleet.run([SocketFleet.plan()]).map(\.end) == [.finished])
        #expect(fleet.record().ready.map(\.machine) == ["late", "late"])
    }

    @Test func whoDoesNotComeIsNamedAtTheDeadline() async throws {
        let fleet = try SocketFleet()
        let (_, status) = try fleet.listener("alpha")
        var plan = try SocketFleet.plan(machines: 3)
        plan.fleet.join = .seconds(1)
        let results = try await fleet.run([plan, plan])
        #expect(results.count == 1)
        #expect(results.first?.end == .incomplete)
        #expect(results.first?.error?.message == "1 of 3 listeners joined within 1 s (alpha); 2 missing")
        fleet.record().check(instances: 10, "missing")
        #expect(await status.value == 0)
    }

    @Test func aPlanThatNoWorkerCanSetUpEndsTheRun() async throws {
        let fleet = try SocketFleet()
        let (_, status) = try fleet.listener("alpha") { _, _ in
            throw PlanError("client: unknown kind 'x'", at: "client.kind")
        }
        let results = try await fleet.run([SocketFleet.plan()])
        #expect(results.first?.end == .incomplete)
        #expect(results.first?.error?.message.contains("unknown kind 'x'") == true)
        #expect(results.first?.error?.exitStatus == 2)
        #expect(await status.value == 0)
    }

    @Test func theWorkerGetsThePlanAndItsFiles() async throws {
        let path = try Self.temporaryFile(bytes: 300_000)
        defer { try? FileManager.default.removeItem(atPath: path) }
        var plan = try SocketFleet.plan(processes: 1)
        plan.tls.ca = path
        let seen = Mutex<[(plan: Plan, contents: [UInt8])]>([])
        let transfers = Mutex<[FleetEvent.Transfer]>([])
        let fleet = try SocketFleet()
        fleet.controller.observe { event in
            if case .sending(let transfer) = event { transfers.withLock { $0.append(transfer) } }
        }
        let (_, status) = try fleet.listener("alpha") { plan, share in
            let contents = try plan.contents(ofFile: path)
            seen.withLock { $0.append((plan, contents)) }
            return StandInWorkload(plan: plan)
        }
        // The second run sends no byte of it.
        #expect(try await fleet.run([plan, plan]).map(\.end) == [.finished, .finished])
        plan.timeLimit = plan.arithmetic.limit
        for (got, contents) in seen.withLock({ $0 }) {
            var got = got
            #expect(got.fileLocations.keys.sorted() == [path])
            got.fileLocations = [:]
            #expect(got == plan)
            #expect(contents == [UInt8](repeating: 7, count: 300_000))
        }
        #expect(seen.withLock { $0.count } == 2)
        let last = try #require(transfers.withLock { $0.last })
        #expect(last.listeners == 1 && last.bytes == 300_000 && last.arrived == 300_000 && last.underWay == 0)
        #expect(await status.value == 0)
    }

    /// Otherwise it would delay the beacons, and its workers would think that the controller is gone.
    @Test func aLongPlanTravelsInChunks() async throws {
        var plan = try SocketFleet.plan(processes: 2)
        plan.headers = (0..<100).map { Header(name: "X-\($0)", value: String(repeating: "v", count: 4000)) }
        let seen = Mutex<[Plan]>([])
        let transfers = Mutex<[FleetEvent.Transfer]>([])
        let fleet = try SocketFleet()
        fleet.controller.observe { event in
            if case .sending(let transfer) = event { transfers.withLock { $0.append(transfer) } }
        }
        let (_, status) = try fleet.listener("alpha") { plan, _ in
            seen.withLock { $0.append(plan) }
            return StandInWorkload(plan: plan)
        }
        #expect(try await fleet.run([plan]).map(\.end) == [.finished])
        #expect(seen.withLock { $0.map(\.headers) } == [plan.headers, plan.headers])
        let last = try #require(transfers.withLock { $0.last })
        #expect(last.files == ["the plan"] && last.bytes > 400_000 && last.arrived == last.bytes)
        #expect(await status.value == 0)
    }

    /// A file that changes after the plan was accepted ends the run with its name.
    @Test func aFileThatChangesEndsTheRun() async throws {
        let path = try Self.temporaryFile(bytes: 3_000_000)
        defer { try? FileManager.default.removeItem(atPath: path) }
        var plan = try SocketFleet.plan(processes: 1)
        plan.tls.ca = path
        let fleet = try SocketFleet()
        let listener = Mutex<Task<Int32, Never>?>(nil)
        // The listener, which asks for the file, comes after the change.
        fleet.when({ _, event in event == .phase(.waitingForListeners) }) {
            try? FileHandle(forWritingAtPath: path)?.truncate(atOffset: 5)
            let started = try? fleet.listener("alpha").1
            listener.withLock { $0 = started }
        }
        let results = try await fleet.run([plan])
        #expect(results.first?.end == .incomplete)
        #expect(results.first?.error?.message.hasSuffix("has changed since the plan was accepted") == true)
        #expect(results.first?.error?.exitStatus == 2)
        #expect(await listener.withLock { $0 }?.value == 0)
    }

    private static func temporaryFile(bytes: Int) throws -> String {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("wsperf-\(UUID().uuidString)").path
        try Data(repeating: 7, count: bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test func anUnreadableFileIsAnErrorBeforeAnythingBegins() async throws {
        var plan = try SocketFleet.plan()
        plan.tls.ca = "/nonexistent/ca.pem"
        let fleet = try SocketFleet()
        await #expect(throws: PlanError.self) { try await fleet.run([plan]) }
    }

    @Test func anInterruptKeepsTheFigures() async throws {
        let fleet = try SocketFleet()
        let (_, status) = try fleet.listener("alpha") { plan, _ in StandInWorkload(plan: plan, ticks: 1000) }
        fleet.when({ _, event in event == .phase(.sending) }) { fleet.controller.interrupt() }
        let results = try await fleet.run([SocketFleet.plan(), SocketFleet.plan()])
        #expect(results.map(\.end) == [.interrupted])
        let record = fleet.record()
        record.check(instances: 10, "interrupt")
        for worker in record.ready { #expect(record.accounted(worker.id) == 10) }
        #expect(record.ends.values.allSatisfy { !$0.lost })
        #expect(await status.value == 0)
    }

    @Test func twoInterruptsEndAtOnce() async throws {
        let fleet = try SocketFleet()
        let (_, status) = try fleet.listener("alpha") { plan, _ in
            StandInWorkload(plan: plan, ticks: 5, interval: .seconds(2))
        }
        fleet.when({ _, event in event == .phase(.connecting) }) {
            fleet.controller.interrupt()
            fleet.controller.interrupt()
        }
        let begun = ContinuousClock.now
        #expect(try await fleet.run([SocketFleet.plan()]).map(\.end) == [.interrupted])
        #expect(ContinuousClock.now - begun < .seconds(6))
        fleet.record().check(instances: 10, "two interrupts")
        #expect(await status.value == 0)
    }

    @Test func aSlowRecordLosesNothing() async throws {
        let fleet = try SocketFleet()
        let (_, status) = try fleet.listener("alpha") { plan, _ in
            StandInWorkload(plan: plan, ticks: 300, interval: .milliseconds(5))
        }
        // A disk that stalls for longer than the liveness limit.
        fleet.when({ _, event in if case .snapshot = event { true } else { false } }) {
            Thread.sleep(forTimeInterval: 4)
        }
        #expect(try await fleet.run([SocketFleet.plan()]).map(\.end) == [.finished])
        let record = fleet.record()
        record.check(instances: 10, "slow")
        for worker in record.ready {
            #expect(record.snapshots(of: worker.id).reduce(0) { $0 + $1.statistics.sent } == 2100)
        }
        #expect(record.ends.values.allSatisfy { !$0.lost })
        #expect(await status.value == 0)
    }

    /// Decides each run by the end of the last.
    private actor Doubling: RunProvider {
        let machines = 1
        private var plan: Plan
        private(set) var ends: [RunEnd?] = []
        private let failure: FleetError?

        init(_ plan: Plan, failure: FleetError? = nil) {
            self.plan = plan
            self.failure = failure
        }

        func next(after last: FleetRunResult?) async throws -> Plan? {
            ends.append(last?.end)
            // Longer than a listener waits for a sign of life.
            if last != nil { try await Task.sleep(for: .seconds(6)) }
            if let failure, last != nil { throw failure }
            guard ends.count < 3 else { return nil }
            defer { plan.instances *= 2 }
            return plan
        }
    }

    @Test func theNextRunFollowsFromTheLast() async throws {
        let fleet = try SocketFleet()
        let (_, status) = try fleet.listener("alpha")
        let joined = Mutex(0)
        fleet.controller.observe { if case .joined = $0 { joined.withLock { $0 += 1 } } }
        let provider = Doubling(try SocketFleet.plan())
        let planned = Mutex<[UInt64]>([])
        let results = try await fleet.controller.run(provider) { _, event in
            if case .started(_, _, let plan) = event { planned.withLock { $0.append(plan.instances) } }
        }
        #expect(results.map(\.end) == [.finished, .finished])
        #expect(await provider.ends == [nil, .finished, .finished])
        #expect(planned.withLock { $0 } == [10, 20])
        #expect(joined.withLock { $0 } == 1, "the same listener served both, and did not join twice")
        #expect(await status.value == 0)
    }

    @Test func anErrorOfTheProviderEndsTheSession() async throws {
        let fleet = try SocketFleet()
        let (_, status) = try fleet.listener("alpha")
        let failure = FleetError(.usage, "no idea what to run next")
        let provider = Doubling(try SocketFleet.plan(), failure: failure)
        await #expect(throws: failure) { try await fleet.controller.run(provider) { _, _ in } }
        #expect(await status.value == 0)
    }

    @Test func anInterruptWhileTheProviderThinksEndsTheSession() async throws {
        let fleet = try SocketFleet()
        let (_, status) = try fleet.listener("alpha")
        let provider = Doubling(try SocketFleet.plan())
        let results = try await fleet.controller.run(provider) { _, event in
            if case .ended = event { fleet.controller.interrupt() }
        }
        #expect(results.map(\.end) == [.finished])
        #expect(await status.value == 0)
    }

    @Test func anObserverSeesWhoComesAndGoes() async throws {
        let fleet = try SocketFleet()
        let seen = Mutex<[FleetEvent]>([])
        fleet.controller.observe { event in seen.withLock { $0.append(event) } }
        let (_, status) = try fleet.listener("alpha")
        #expect(try await fleet.run([SocketFleet.plan()]).map(\.end) == [.finished])
        #expect(await status.value == 0)
        try await Self.eventually { seen.withLock { $0.contains { if case .left = $0 { true } else { false } } } }
        let events = seen.withLock { $0 }
        let alpha = FleetEvent.Listener(name: "alpha", address: "127.0.0.1", pid: getpid())
        let membership = events.filter { if case .run = $0 { false } else { true } }
        #expect(membership == [.greeted(alpha), .joined(alpha), .left(alpha, silence: .zero)])
        let record = events.compactMap { if case .run(0, let event) = $0 { event } else { nil } }
        #expect(record == fleet.record().events)
    }

    @Test func aBlockedObserverCostsNothing() async throws {
        let fleet = try SocketFleet()
        let gate = DispatchSemaphore(value: 0)
        let missed = Mutex(0)
        fleet.controller.observe { event in
            if case .run(_, .started) = event { gate.wait() }
            if case .missed(let count) = event { missed.withLock { $0 += count } }
        }
        let (_, status) = try fleet.listener("alpha") { plan, _ in
            StandInWorkload(plan: plan, ticks: 600, interval: .milliseconds(2))
        }
        #expect(try await fleet.run([SocketFleet.plan()]).map(\.end) == [.finished])
        let record = fleet.record()
        for worker in record.ready { #expect(record.snapshots(of: worker.id).count == 600) }
        #expect(await status.value == 0)
        gate.signal()
        try await Self.eventually { missed.withLock { $0 } > 0 }
    }

    private static func eventually(_ condition: () -> Bool) async throws {
        for _ in 0..<1000 where !condition() { try await Task.sleep(for: .milliseconds(10)) }
        #expect(condition())
    }

    @Test func strangersBytesAreDropped() async throws {
        let fleet = try SocketFleet()
        let address = fleet.controller.address
        let (_, status) = try fleet.listener("alpha") { plan, _ in
            StandInWorkload(plan: plan, ticks: 60, interval: .milliseconds(50))
        }
        let noise = Task {
            var random = TestRandom(seed: 5)
            let stranger = try Stranger(address)
            // What a listener says, captured and said again with changes; what never was a message; raw bytes on both ports.
            let envelope = WireCodec.encode(
                Envelope(
                    session: fleet.controller.session, run: "\(fleet.controller.session)-1",
                    sender: "\(fleet.controller.session)-1-w0", sequence: 1,
                    content: PeerMessage.snapshot(.init(sequence: 1, final: true, reason: nil)))
            ).envelope
            for round in 0..<150 {
                try await stranger.send(
                    Topic.controller, envelope, body: (0..<round).map { _ in .random(in: 0...255, using: &random) })
                try await stranger.send(
                    Topic.controller, Array(envelope.prefix(Int.random(in: 0...envelope.count, using: &random))))
                try await stranger.send("nonsense", [UInt8](repeating: 0xFF, count: round * 100))
                try await stranger.send(Topic.controller, [UInt8](repeating: 0x5B, count: 2000))
                if round % 10 == 0 {
                    for port in [address.publishPort, address.reportPort] {
                        RawConnection.write((0..<400).map { _ in .random(in: 0...255, using: &random) }, port: port)
                        RawConnection.write(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), port: port)
                    }
                }
            }
        }
        #expect(try await fleet.run([SocketFleet.plan()]).map(\.end) == [.finished])
        noise.cancel()
        _ = await noise.result
        let record = fleet.record()
        record.check(instances: 10, "strangers")
        for worker in record.ready {
            #expect(record.snapshots(of: worker.id).reduce(0) { $0 + $1.statistics.sent } == 420)
        }
        #expect(record.ends.values.allSatisfy { !$0.lost })
        #expect(await status.value == 0)
    }

    @Test func aPeerOfAnotherVersionIsRefusedByName() async throws {
        let fleet = try SocketFleet()
        let (_, status) = try fleet.listener("alpha") { plan, _ in
            StandInWorkload(plan: plan, ticks: 40, interval: .milliseconds(50))
        }
        let address = fleet.controller.address
        let answer = Task {
            let stranger = try Stranger(address)
            let hello = #"{"wsperf":9,"session":"","from":"l-new","seq":1,"type":"hello","data":{"software":"7.0"}}"#
            // Only what is said once it listens is answered to it.
            _ = try await stranger.first { $0.first.map { $0 == Array(Topic.all.utf8) } == true ? true : nil }
            try await stranger.send(Topic.controller, Array(hello.utf8))
            return try await stranger.first { parts -> String? in
                guard
                    case .message(let envelope, _) = WireCodec.decodeCommand(parts, topics: [Topic.peer("l-new")]),
                    case .refuse(let refusal) = envelope.content
                else { return nil }
                return refusal.message
            }
        }
        #expect(try await fleet.run([SocketFleet.plan()]).map(\.end) == [.finished])
        let said = try await answer.value
        #expect(said?.contains("protocol version 9 (software 7.0)") == true)
        #expect(said?.contains("protocol version \(FleetLimits.protocolVersion)") == true)
        let notice = fleet.record().notices.first { $0.contains("refused") }
        #expect(notice?.contains("protocol version 9 (software 7.0)") == true)
        #expect(await status.value == 0)
    }

    @Test func anInterruptedListenerTellsTheRun() async throws {
        let fleet = try SocketFleet()
        let (listener, status) = try fleet.listener("alpha") { plan, _ in StandInWorkload(plan: plan, ticks: 1000) }
        fleet.when({ _, event in event == .phase(.sending) }) { listener.interrupt() }
        #expect(try await fleet.run([SocketFleet.plan()]).map(\.end) == [.finished])
        let record = fleet.record()
        record.check(instances: 10, "listener")
        // Everything was delivered, but the load did not follow the plan.
        #expect(record.ready.allSatisfy { record.accounted($0.id) == 10 })
        #expect(record.ends.values.allSatisfy { $0.lost && $0.reason.contains("its listener is gone") })
        #expect(await status.value == 130)
    }
}

/// A TCP connection that writes bytes and goes away.
enum RawConnection {
    static func write(_ bytes: [UInt8], port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { return }
        _ = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }
}
