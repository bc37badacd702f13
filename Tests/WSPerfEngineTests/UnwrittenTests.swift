import CAllocationCounter
import Foundation
import Synchronization
import Testing
import WSPerfCore

/// What a server does not read is kept in memory, and all connections of a loop together keep a bounded amount.
@Suite struct UnwrittenTests {
    private static let large = 8 << 20

    /// Runs a plan; `release` is called once each connection's first message was taken or had to wait.
    private func run(
        _ plan: Plan, registry: Registry = Registry(), release: @escaping @Sendable () -> Void
    ) async throws -> LoadStatistics {
        let engine = try LoadEngine(plan: plan, registry: registry)
        let sum = Mutex(LoadStatistics())
        return try await engine.run { snapshot in
            let isSettled = sum.withLock {
                $0.merge(snapshot.statistics)
                return $0.sent + $0.blocked >= UInt64(plan.instances)
            }
            if isSettled { release() }
        }.statistics
    }

    private static func status(_ key: String) -> Int? {
        let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = text?.split(separator: "\n").first { $0.hasPrefix(key + ":") }
        return line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }.map { $0 << 10 }
    }

    /// 48 messages of 8 MiB to a server that reads nothing: only 64 MiB plus one message stay in memory. When the
    /// server reads again, all messages arrive.
    @Test(.enabled(if: allocation_count_works(), "a sanitizer's memory is not the engine's"))
    func manyConnectionsStayWithinTheirLoopsBudget() async throws {
        let gate = Gate()
        let arrived = Mutex<[Int]>([])
        let server = try ScriptedServer(receiveBuffer: 64 << 10) { _, peer in
            try peer.upgrade()
            gate.wait()
            let frames = try peer.readToTheClose()
            arrived.withLock { $0 += frames.map(\.length) }
        }
        var plan = try LoadRun.plan(server.url, connections: 48, messages: 1)
        plan.match = .none
        plan.payload = .random(RandomPayloadOptions(format: .binary, length: .fixed(Self.large)))
        plan.timeouts.reply = .seconds(60)
        plan.timeLimit = .seconds(200)
        // The peak from now on (proc(5), clear_refs).
        try "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
        let before = try #require(Self.status("VmRSS"))
        let statistics = try await run(plan) { gate.open() }
        let peak = try #require(Self.status("VmHWM"))
        #expect(statistics.outcomes == [.succeeded: 48])
        #expect(arrived.withLock { $0 } == Array(repeating: Self.large, count: 48))
        #expect(statistics.blocked >= 30)
        // The bound, one message, the buffer for building frames, and the memory of threads and counts.
        #expect(peak - before < 64 << 20 + 2 * Self.large + 24 << 20, "\((peak - before) >> 20) MiB")
        server.stop()
    }

    /// Connections whose server reads continue as if nothing were kept for the others.
    @Test func aServerThatDoesNotReadDoesNotDelayOneThatDoes() async throws {
        let gate = Gate()
        let healthy = Mutex(0)
        let server = try ScriptedServer(receiveBuffer: 64 << 10) { _, peer in
            try peer.upgrade()
            let first = try peer.header()
            if first.length > 1 << 20 {
                gate.wait()
                _ = try peer.payload(first)
                try peer.readToTheClose()
            } else {
                try peer.send(2, peer.payload(first).payload)
                try peer.readToTheClose { try peer.send(2, $0.payload) }
                // The others are read from only after the last healthy one is done.
                if healthy.withLock({
                    $0 += 1
                    return $0 == 10
                }) {
                    gate.open()
                }
            }
        }
        var registry = Registry()
        registry.register(scheduler: "mixed") { _ in { connection, _ in MixedScheduler(isLarge: connection % 5 != 4) } }
        var plan = try LoadRun.plan(server.url, connections: 50)
        plan.schedule = .custom(kind: "mixed")
        plan.messages = nil
        plan.duration = .seconds(60)
        plan.match = .none
        plan.payload = .random(RandomPayloadOptions(format: .binary))
        plan.timeouts.reply = .seconds(30)
        plan.timeLimit = .seconds(200)
        let statistics = try await LoadRun.run(plan, registry: registry)
        #expect(statistics.outcomes == [.succeeded: 50])
        #expect(statistics.sent == 40 + 10 * UInt64(MixedScheduler.smallMessages))
        server.stop()
    }

    /// One message of 8 MiB, or 500 of 100 bytes, a millisecond apart, beginning after the large ones.
    private struct MixedScheduler: MessageScheduler {
        static let smallMessages = 500
        let isLarge: Bool
        private var sent = 0

        init(isLarge: Bool) { self.isLarge = isLarge }

        mutating func next(using random: inout SeededGenerator) -> ScheduledMessage? {
            guard sent < (isLarge ? 1 : Self.smallMessages) else { return nil }
            sent += 1
            return isLarge
                ? ScheduledMessage(offset: 0, length: UnwrittenTests.large)
                : ScheduledMessage(offset: 500_000_000 + Int64(sent) * 1_000_000, length: 100)
        }
    }

    /// Connections that die while waiting for their turn don't block the others.
    @Test func deadConnectionsDoNotBlockTheQueue() async throws {
        let gate = Gate()
        let server = try ScriptedServer(receiveBuffer: 64 << 10) { index, peer in
            try peer.upgrade()
            gate.wait()
            guard index % 3 != 0 else {
                // Closing with unread bytes resets the connection.
                return
            }
            try peer.readToTheClose()
        }
        var plan = try LoadRun.plan(server.url, connections: 30, messages: 2)
        plan.match = .none
        plan.payload = .random(RandomPayloadOptions(format: .binary, length: .fixed(Self.large)))
        plan.timeouts.reply = .seconds(60)
        plan.timeLimit = .seconds(200)
        let statistics = try await run(plan) { gate.open() }
        #expect(statistics.outcomes[.succeeded] == 20)
        // A connection that had sent nothing yet may end in order.
        #expect((statistics.outcomes[.reset] ?? 0) + (statistics.outcomes[.closed(1006)] ?? 0) == 10)
        server.stop()
    }

    /// RFC 6455 §5.5.3: the pong to the last of several pings answers all of them.
    @Test func thePongToTheLatestPingIsSent() async throws {
        let frames = Mutex<[ScriptedPeer.Frame]>([])
        let server = try ScriptedServer(receiveBuffer: 4096) { _, peer in
            try peer.upgrade()
            // The message has begun, and its rest can't go out while nothing is read.
            let first = try peer.header()
            for number in 0..<1000 { try peer.send(9, Array("ping \(number)".utf8)) }
            // The client has taken all pings once it has nothing left to read.
            while !peer.hasBeenRead { usleep(1000) }
            let message = try peer.payload(first)
            let others = try peer.readToTheClose()
            frames.withLock { $0 = [message] + others }
        }
        var plan = try LoadRun.plan(server.url, connections: 1, messages: 1)
        plan.match = .none
        plan.payload = .random(RandomPayloadOptions(format: .binary, length: .fixed(Self.large)))
        #expect(try await LoadRun.run(plan).outcomes == [.succeeded: 1])
        let seen = frames.withLock { $0 }
        #expect(seen.first?.length == Self.large)
        let pongs = seen.filter { $0.opcode == 10 }
        #expect(pongs.last.map { String(decoding: $0.payload, as: UTF8.self) } == "ping 999")
        #expect(pongs.count == 1)
        server.stop()
    }
}

/// Holds threads until it is opened, for at most a minute.
private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    func open() { semaphore.signal() }
    func wait() {
        if semaphore.wait(timeout: .now() + 60) == .success { semaphore.signal() }
    }
}
