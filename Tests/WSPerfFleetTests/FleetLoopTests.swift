import Glibc
import Testing

@testable import WSPerfFleet

/// A process that is stopped does not take its own absence for the silence of others, wherever in the loop it was stopped.
@Suite(.timeLimit(.minutes(1))) struct FleetLoopTests {
    enum Place: CaseIterable { case handle, tick }

    /// Stops for a while at one place, once, and is over at the next tick.
    private final class Driver: FleetDriver {
        let place: Place
        var hasStopped = false
        var stalls: [Duration] = []
        /// Stalls known at the first tick after the stop.
        var stallsAtTick: Int?
        init(place: Place) { self.place = place }

        var nextDeadline: FleetInstant? { .now + .seconds(30) }
        var isOver: Bool { stallsAtTick != nil }
        func receive(_ incoming: ZMQSocket.Incoming, now: FleetInstant) {}

        func handle(_ event: Int, now: FleetInstant) {
            if place == .handle { stop() }
        }

        func tick(now: FleetInstant, drained: Bool) {
            if hasStopped { stallsAtTick = stalls.count }
            if place == .tick { stop() }
        }

        func stalled(for duration: Duration) { stalls.append(duration) }

        private func stop() {
            guard !hasStopped else { return }
            hasStopped = true
            usleep(600_000)
        }
    }

    @Test(arguments: Place.allCases) func aStopAnywhereIsAStall(place: Place) throws {
        let context = try ZMQContext()
        let socket = try ZMQSocket(.pull, context: context)
        _ = try socket.bind(host: "127.0.0.1", port: 0)
        let driver = Driver(place: place)
        let mailbox = try FleetMailbox<Int>()
        mailbox.post(1)
        FleetLoop(driver: driver, incoming: socket, mailbox: mailbox).run()
        #expect(driver.stallsAtTick == 1)
        #expect((driver.stalls.first ?? .zero) >= .milliseconds(600))
    }
}
