internal import Foundation
internal import WSPerfCore

/// A worker without load that sends a synthetic snapshot once a second.
final class SimulatedWorker: SimulatedPeer {
    let index: Int
    let seconds: UInt64
    private(set) var isOver = false
    /// Snapshots sent, repetitions included.
    private(set) var transmissions = 0
    private var state = "waiting"
    private var statusAt = 0.0
    private var nextAt = Double.infinity
    private var made: UInt64 = 0
    private var underway: [(sequence: UInt64, body: [UInt8], sentAt: Double)] = []

    init(id: String, index: Int, seconds: UInt64, machine: String, session: String, run: String, at place: Place) throws
    {
        self.index = index
        self.seconds = seconds
        try super.init(id: id, role: "worker", name: machine, session: session, run: run, at: place)
    }

    override func handle(_ type: String, _ envelope: String, now: Double) {
        switch type {
        case "plan" where state == "waiting": change(to: "prepared", now: now)
        case "start" where state == "prepared":
            change(to: "running", now: now)
            // Spread over the second, as in processes that are launched one after another.
            nextAt = now + Double(index % 997) / 997
        case "acknowledge":
            let upTo = UInt64(Self.integer("up_to", in: envelope) ?? 0)
            underway.removeAll { $0.sequence <= upTo }
            // Send missing snapshots again, but not more often than every 200 ms.
            if let list = envelope.range(of: "\"missing\":[") {
                let missing = envelope[list.upperBound...].prefix { $0 != "]" }.split(separator: ",").map { UInt64($0) }
                for place in underway.indices
                where now - underway[place].sentAt >= 0.2 && missing.contains(underway[place].sequence) {
                    underway[place].sentAt = 0
                }
            }
            if made == seconds, underway.isEmpty { isOver = true }
        default: break
        }
    }

    private func change(to next: String, now: Double) {
        state = next
        report(now: now)
    }

    private func report(now: Double) {
        send("worker", #"{"pid":\#(getpid()),"state":"\#(state)"}"#)
        statusAt = now + 1.5
    }

    func advance(now: Double) {
        guard !isOver else { return }
        guard isWelcome else { return sayHello(now: now) }
        if now >= nextAt, made < seconds, underway.count < 64 {
            made += 1
            let body = SyntheticSnapshot.make(worker: index, sequence: made, of: seconds).encoded()
            underway.append((made, body, 0))
            nextAt += 1
            if made == seconds { change(to: "finished", now: now) }
        }
        for place in underway.indices {
            // Repeat only the two oldest without an acknowledgement.
            let isDue =
                underway[place].sentAt == 0 || place < 2 && now >= underway[place].sentAt + 1
            guard isDue else { continue }
            let entry = underway[place]
            let isFinal = entry.sequence == seconds
            guard send("snapshot", #"{"final":\#(isFinal),"sequence":\#(entry.sequence)}"#, body: entry.body) else {
                break
            }
            transmissions += 1
            underway[place].sentAt = now
            statusAt = now + 1.5
        }
        if now >= statusAt { report(now: now) }
    }
}
