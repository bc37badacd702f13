import Glibc
import Testing
import WSPerfCore

/// Connections that end without a word from the server.
@Suite struct ConnectionLossTests {
    /// The kernel gives up a connection when nothing is acknowledged for too long: here a full window never opens, and
    /// the test sets the limit on the sockets (TCP_USER_TIMEOUT).
    @Test func aConnectionTheKernelGivesUpTimesOut() async throws {
        let server = try ScriptedServer(receiveBuffer: 4096) { _, peer in
            try peer.upgrade()
            peer.setClientOption(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, 300)
            // The server reads nothing until the test is over.
            var event = pollfd(fd: peer.descriptor, events: 0, revents: 0)
            poll(&event, 1, 60_000)
        }
        var plan = try LoadRun.plan(server.url)
        plan.match = .none
        plan.payload = .random(RandomPayloadOptions(format: .binary, length: .fixed(8 << 20)))
        plan.timeouts.reply = .seconds(60)
        #expect(try await LoadRun.run(plan).outcomes == [.connectionTimedOut: 4])
        server.stop()
    }
}
