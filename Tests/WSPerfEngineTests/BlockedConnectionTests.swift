import Synchronization
import Testing
import WSPerfCore

/// Connections that take a message later than it is due.
@Suite struct BlockedConnectionTests {
    /// A large message that is taken in pieces blocks nothing while nothing else is due.
    @Test(arguments: [(Duration.milliseconds(1), 0), (.milliseconds(300), 1)] as [(Duration, UInt64)])
    func countsOnlyMessagesThatWaited(takes: Duration, blocked: UInt64) async throws {
        var client = ScriptedClient()
        client.send = { connection, index in
            connection.later { connection.reply() }
            guard index == 0 else { return .sent }
            connection.after(takes) { connection.sink.writable() }
            return .buffered
        }
        let (plan, registry) = try client.plan(messages: 2, interval: .milliseconds(200))
        let statistics = try await LoadRun.run(plan, registry: registry)
        #expect(statistics.outcomes == [.succeeded: 1])
        #expect(statistics.blocked == blocked)
    }

    /// The deadline of a blocked connection counts from when it blocked, not from its last message.
    @Test func theDeadlineStartsWhenTheConnectionBlocks() async throws {
        var client = ScriptedClient()
        let wasBlocked = Atomic(false)
        client.send = { connection, index in
            if index == 1, wasBlocked.exchange(true, ordering: .relaxed) == false {
                connection.after(.milliseconds(600)) { connection.sink.writable() }
                return .blocked
            }
            connection.later { connection.reply() }
            return .sent
        }
        var (plan, registry) = try client.plan(messages: 2, interval: .milliseconds(900))
        plan.timeouts.reply = .milliseconds(1_200)
        let statistics = try await LoadRun.run(plan, registry: registry)
        #expect(statistics.outcomes == [.succeeded: 1])
        #expect(statistics.blocked == 1)
    }

    @Test func aBlockedPingIsSentLater() async throws {
        let refused = Mutex(Set<UInt64>())
        var client = ScriptedClient()
        client.send = { _, _ in .sent }
        client.ping = { connection, id in
            guard refused.withLock({ $0.insert(id).inserted }) else {
                connection.later { connection.sink.pong(id: id) }
                return .sent
            }
            connection.after(.milliseconds(20)) { connection.sink.writable() }
            return .blocked
        }
        var (plan, registry) = try client.plan(connections: 1, messages: 4)
        plan.match = .ping
        plan.timeouts.reply = .seconds(5)
        let statistics = try await LoadRun.run(plan, registry: registry)
        #expect(statistics.outcomes == [.succeeded: 1])
        #expect(statistics.rttService.count == 4)
        #expect(statistics.unanswered == 0)
    }

    /// RFC 6455 §5.5.3: a peer that got several pings may answer only the latest.
    @Test func aPongAnswersAllPingsBeforeIt() async throws {
        var client = ScriptedClient()
        client.send = { _, _ in .sent }
        client.ping = { connection, id in
            if id % 5 == 4 { connection.later { connection.sink.pong(id: id) } }
            return .sent
        }
        var (plan, registry) = try client.plan(connections: 3, messages: 20)
        plan.match = .ping
        plan.timeouts.reply = .seconds(5)
        let statistics = try await LoadRun.run(plan, registry: registry)
        #expect(statistics.outcomes == [.succeeded: 3])
        #expect(statistics.rttService.count == 60)
        #expect(statistics.unanswered == 0)
    }
}
