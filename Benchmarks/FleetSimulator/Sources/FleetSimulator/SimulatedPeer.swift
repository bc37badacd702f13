internal import CZeroMQClient
internal import Foundation

/// The common part of listeners and workers: two connections, an identity, and numbered messages.
class SimulatedPeer {
    let id: String
    let name: String
    let role: String
    var session: String
    var run: String?
    var isWelcome = false
    private var sequence = 0
    private var helloAt = 0.0
    /// When the last message came.
    private(set) var heardAt = 0.0
    private var helloInterval = 0.1
    private let commands: Socket
    private let reports: Socket

    init(id: String, role: String, name: String, session: String, run: String?, at place: Place) throws {
        (self.id, self.role, self.name, self.session, self.run) = (id, role, name, session, run)
        commands = try Socket(ZMQ_SUB, context: place.context, endpoint: "tcp://127.0.0.1:\(place.publishPort)")
        reports = try Socket(ZMQ_PUSH, context: place.context, endpoint: "tcp://127.0.0.1:\(place.reportPort)")
        commands.subscribe("peer/\(id)/")
        commands.subscribe("all/")
    }

    /// Sends a report; true if it was taken. `data` is JSON.
    @discardableResult
    func send(_ type: String, _ data: String, body: [UInt8]? = nil) -> Bool {
        sequence += 1
        let run = run.map { #""run":"\#($0)","# } ?? ""
        return reports.send(
            #"{"data":\#(data),"from":"\#(id)",\#(run)"seq":\#(sequence),"session":"\#(session)","type":"\#(type)","wsperf":2}"#,
            body: body)
    }

    func sayHello(now: Double) {
        guard !isWelcome, now >= helloAt else { return }
        send("hello", #"{"name":"\#(name)","pid":\#(getpid()),"role":"\#(role)","software":"simulator"}"#)
        helloAt = now + helloInterval
        helloInterval = min(helloInterval * 2, 1)
    }

    /// Handles the messages that have arrived.
    func receive(now: Double) throws {
        while let envelope = commands.receive() {
            heardAt = now
            // Most messages are beacons and acknowledgements, so find the type without parsing JSON.
            guard let type = Self.string("type", in: envelope) else { continue }
            if type == "welcome" {
                isWelcome = true
                session = Self.string("session", in: envelope) ?? session
            } else {
                try handle(type, envelope, now: now)
            }
        }
    }

    func handle(_ type: String, _ envelope: String, now: Double) throws {}

    /// The value of a key whose name occurs once.
    static func string(_ key: String, in envelope: String) -> String? {
        guard let range = envelope.range(of: "\"\(key)\":\"") else { return nil }
        return String(envelope[range.upperBound...].prefix { $0 != "\"" })
    }

    static func integer(_ key: String, in envelope: String) -> Int? {
        guard let range = envelope.range(of: "\"\(key)\":") else { return nil }
        return Int(envelope[range.upperBound...].prefix { $0.isNumber })
    }
}

/// Where the controller is, and the context of all sockets.
struct Place {
    var publishPort: Int
    var reportPort: Int
    var context: UnsafeMutableRawPointer
}
