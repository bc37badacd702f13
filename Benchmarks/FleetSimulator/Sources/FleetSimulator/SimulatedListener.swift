internal import Foundation

/// One machine of the simulated fleet: a listener whose workers live on the same thread.
final class SimulatedListener: SimulatedPeer {
    private(set) var workers: [SimulatedWorker] = []
    private(set) var isOver = false
    private let seconds: UInt64
    private let place: Place
    private var number = 0
    private var statusAt = 0.0
    private var exits: [String: Double] = [:]
    private var reported: Set<String> = []

    init(name: String, seconds: UInt64, at place: Place) throws {
        self.seconds = seconds
        self.place = place
        try super.init(
            id: "l-\(name)-\(getpid())", role: "listener", name: name, session: "", run: nil, at: place)
    }

    private struct Launch: Decodable {
        struct Order: Decodable {
            var id: String
            var index: Int
        }
        struct Content: Decodable {
            var number: Int
            var workers: [Order]
        }
        var session: String
        var run: String
        var data: Content
    }

    override func handle(_ type: String, _ envelope: String, now: Double) throws {
        switch type {
        case "launch":
            let launch = try JSONDecoder().decode(Launch.self, from: Data(envelope.utf8))
            guard launch.data.number > number else { return }
            number = launch.data.number
            run = launch.run
            for order in launch.data.workers {
                workers.append(
                    try SimulatedWorker(
                        id: order.id, index: order.index, seconds: seconds, machine: name, session: launch.session,
                        run: launch.run, at: place))
            }
            statusAt = 0
        case "taken":
            for worker in workers where envelope.contains("\"\(worker.id)\"") { exits[worker.id] = nil }
        case "beacon":
            if !workers.isEmpty, envelope.contains("\"closing\":true") { isOver = true }
        case "end": isOver = true
        default: break
        }
    }

    func advance(now: Double) throws {
        try receive(now: now)
        // The controller has ended, and its last word was lost.
        if !workers.isEmpty, now - heardAt > 5, workers.allSatisfy(\.isOver) { isOver = true }
        guard isWelcome else { return sayHello(now: now) }
        if now >= statusAt {
            send(
                "listener",
                #"{"alive":\#(workers.count { !$0.isOver }),"launched":\#(workers.count),"leaving":\#(isOver),"number":\#(number)}"#
            )
            statusAt = now + 1
        }
        for worker in workers {
            try worker.receive(now: now)
            worker.advance(now: now)
            if worker.isOver, reported.insert(worker.id).inserted { exits[worker.id] = 0 }
        }
        for (worker, at) in exits where now >= at {
            send("exited", #"{"pid":\#(getpid()),"status":0,"stderr":"","worker":"\#(worker)"}"#)
            exits[worker] = now + 1
        }
    }

    /// Simulates the machine until its run is over. Returns the number of snapshots sent, repetitions included.
    static func play(name: String, seconds: UInt64, workers: Int, publishPort: Int, reportPort: Int) throws -> Int {
        let place = Place(
            publishPort: publishPort, reportPort: reportPort,
            context: try Socket.context(sockets: 2 * workers + 16))
        let listener = try SimulatedListener(name: name, seconds: seconds, at: place)
        let deadline = uptime() + Double(seconds) + 180
        while !listener.isOver {
            let now = uptime()
            guard now < deadline else { throw SimulatorError("\(name): the run does not end") }
            try listener.advance(now: now)
            // Checking a thousand sockets fifty times a second costs less than waiting for each of them.
            let rest = 0.02 - (uptime() - now)
            if rest > 0 { usleep(UInt32(rest * 1_000_000)) }
        }
        return listener.workers.reduce(0) { $0 + $1.transmissions }
    }

    /// Seconds of the monotonic clock.
    static func uptime() -> Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }
}
