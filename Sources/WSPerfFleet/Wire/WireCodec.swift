internal import FoundationEssentials
internal import WSPerfCore

/// Encodes and decodes messages. The decoder trusts no input: it checks sizes before it parses, and messages with unknown
/// types or malformed fields are unreadable.
enum WireCodec {
    static func encode(_ envelope: Envelope<Command>, topic: String, body: SharedBytes? = nil) -> WireMessage {
        WireMessage(topic: topic, envelope: bytes(CommandCoding(envelope: envelope)), body: body)
    }

    static func encode(_ envelope: Envelope<PeerMessage>, body: [UInt8]? = nil) -> WireMessage {
        WireMessage(
            topic: Topic.controller, envelope: bytes(PeerMessageCoding(envelope: envelope)),
            body: body.map(SharedBytes.init)
        )
    }

    /// Decodes a command. The socket matches only prefixes of topics, so the topic must be one of `topics`.
    static func decodeCommand(_ parts: [[UInt8]], topics: [String]) -> Received<Command> {
        guard let topic = parts.first, topics.contains(where: { $0.utf8.elementsEqual(topic) }) else {
            return .unreadable(UnreadableMessage("the topic is not this peer's"))
        }
        return decode(parts, as: CommandCoding.self) { $0.envelope }
    }

    /// Decodes a message from a listener or worker.
    static func decodePeerMessage(_ parts: [[UInt8]]) -> Received<PeerMessage> {
        guard let topic = parts.first, Topic.controller.utf8.elementsEqual(topic) else {
            return .unreadable(UnreadableMessage("the topic is not '\(Topic.controller)'"))
        }
        guard parts.count < 3 || parts[2].count <= FleetLimits.peerMessageBody else {
            return .unreadable(UnreadableMessage("the body has more than \(FleetLimits.peerMessageBody) bytes"))
        }
        return decode(parts, as: PeerMessageCoding.self) { $0.envelope }
    }

    private static func decode<Coding: Decodable, Content>(
        _ parts: [[UInt8]], as type: Coding.Type, _ envelope: (Coding) -> Envelope<Content>
    ) -> Received<Content> {
        guard parts.count == 2 || parts.count == 3 else {
            return .unreadable(UnreadableMessage("it has \(parts.count) parts instead of 2 or 3"))
        }
        guard parts[1].count <= FleetLimits.envelope else {
            return .unreadable(UnreadableMessage("the envelope has more than \(FleetLimits.envelope) bytes"))
        }
        let decoder = JSONDecoder()
        let data = Data(parts[1])
        do {
            return .message(envelope(try decoder.decode(type, from: data)), body: parts.count == 3 ? parts[2] : [])
        } catch is ForeignVersion {
            guard let foreign = try? decoder.decode(ForeignCoding.self, from: data) else {
                return .unreadable(UnreadableMessage("it is of another version and has no sender"))
            }
            return .foreign(foreign.envelope)
        } catch {
            var unreadable = UnreadableMessage(offence(error))
            if let clues = try? decoder.decode(Clues.self, from: data) {
                unreadable.sender = clues.sender
                unreadable.session = clues.session
                unreadable.type = clues.type
            }
            return .unreadable(unreadable)
        }
    }

    /// The rule that a message breaks, with the name of the field.
    private static func offence(_ error: any Error) -> String {
        func name(_ path: [any CodingKey]) -> String { path.map(\.stringValue).joined(separator: ".") }
        return switch error {
        case let malformed as Malformed: malformed.reason
        case DecodingError.keyNotFound(let key, let context): "\(name(context.codingPath + [key])) is missing"
        case DecodingError.valueNotFound(_, let context): "\(name(context.codingPath)) is null"
        case DecodingError.typeMismatch(_, let context):
            context.codingPath.isEmpty ? "it is not a JSON object" : "\(name(context.codingPath)) is of the wrong type"
        case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
            "\(name(context.codingPath)) has an impossible value"
        default: "it is not JSON"
        }
    }

    private static func bytes(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Cannot fail: the messages contain only strings, integers, Booleans and arrays of them.
        guard let data = try? encoder.encode(value) else { return [] }
        return [UInt8](data)
    }
}

/// The readable parts of a message that is unreadable as a whole.
private struct Clues: Decodable {
    var sender: String?
    var session: String?
    var type: WireType?

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: EnvelopeKey.self)
        func text(_ key: EnvelopeKey) -> String? { (try? container.decodeIfPresent(String.self, forKey: key)) ?? nil }
        sender = text(.sender).flatMap { PeerIdentity.isValid($0) ? $0 : nil }
        session = text(.session).flatMap { PeerIdentity.isValid($0) ? $0 : nil }
        type = text(.type).flatMap(WireType.init(rawValue:))
    }
}

/// Thrown by decoders as soon as they see another protocol version.
private struct ForeignVersion: Error {}

private enum EnvelopeKey: String, CodingKey {
    case version = "wsperf"
    case session
    case run
    case sender = "from"
    case sequence = "seq"
    case type
    case data
}

/// The fields that all messages have.
private struct EnvelopeHeader {
    var session: String
    var run: String?
    var sender: String
    var sequence: UInt64
    var type: WireType

    init(from container: KeyedDecodingContainer<EnvelopeKey>) throws {
        guard try container.decode(Int.self, forKey: .version) == FleetLimits.protocolVersion else {
            throw ForeignVersion()
        }
        session = try container.decode(String.self, forKey: .session)
        run = try container.decodeIfPresent(String.self, forKey: .run)
        sender = try container.decode(String.self, forKey: .sender)
        sequence = try container.decode(UInt64.self, forKey: .sequence)
        guard let type = WireType(rawValue: try container.decode(String.self, forKey: .type)) else {
            throw Malformed("type is not known")
        }
        self.type = type
        guard PeerIdentity.isValid(sender) else { throw Malformed("from is not an identity") }
        guard session.isEmpty || PeerIdentity.isValid(session) else { throw Malformed("session is not an identity") }
        guard run.map(PeerIdentity.isValid) ?? true else { throw Malformed("run is not an identity") }
    }

    static func encode(
        _ envelope: Envelope<some Any>, type: WireType, into container: inout KeyedEncodingContainer<EnvelopeKey>
    ) throws {
        try container.encode(FleetLimits.protocolVersion, forKey: .version)
        try container.encode(envelope.session, forKey: .session)
        try container.encodeIfPresent(envelope.run, forKey: .run)
        try container.encode(envelope.sender, forKey: .sender)
        try container.encode(envelope.sequence, forKey: .sequence)
        try container.encode(type.rawValue, forKey: .type)
    }
}

private struct Malformed: Error {
    var reason: String
    init(_ reason: String) { self.reason = reason }
}

private struct CommandCoding: Codable {
    var envelope: Envelope<Command>

    init(envelope: Envelope<Command>) { self.envelope = envelope }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: EnvelopeKey.self)
        let header = try EnvelopeHeader(from: container)
        let command: Command =
            switch header.type {
            case .beacon: .beacon(try container.decode(Command.Beacon.self, forKey: .data))
            case .welcome: .welcome(try container.decode(Command.Welcome.self, forKey: .data))
            case .rejoin: .rejoin
            case .refuse: .refuse(try container.decode(Command.Refusal.self, forKey: .data))
            case .launch: .launch(try container.decode(Command.Launch.self, forKey: .data))
            case .taken: .taken(try container.decode(Command.Taken.self, forKey: .data))
            case .end: .end
            case .plan: .plan
            case .start: .start
            case .stop: .stop
            case .abort: .abort
            case .chunk: .chunk(try container.decode(Command.Chunk.self, forKey: .data))
            case .acknowledge: .acknowledge(try container.decode(Command.Acknowledgement.self, forKey: .data))
            case .hello, .listener, .exited, .fetch, .worker, .snapshot: throw Malformed("its type is not a command")
            }
        if case .launch(let launch) = command {
            guard launch.workers.count <= FleetLimits.processes,
                launch.workers.allSatisfy({ PeerIdentity.isValid($0.id) && $0.index >= 0 }),
                launch.files?.count ?? 0 <= FleetLimits.files, launch.files?.allSatisfy(\.isValid) ?? true
            else { throw Malformed("impossible launch") }
        }
        envelope = Envelope(
            session: header.session, run: header.run, sender: header.sender, sequence: header.sequence, content: command
        )
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: EnvelopeKey.self)
        try EnvelopeHeader.encode(envelope, type: envelope.content.type, into: &container)
        switch envelope.content {
        case .beacon(let data): try container.encode(data, forKey: .data)
        case .welcome(let data): try container.encode(data, forKey: .data)
        case .refuse(let data): try container.encode(data, forKey: .data)
        case .launch(let data): try container.encode(data, forKey: .data)
        case .taken(let data): try container.encode(data, forKey: .data)
        case .chunk(let data): try container.encode(data, forKey: .data)
        case .acknowledge(let data): try container.encode(data, forKey: .data)
        case .rejoin, .end, .plan, .start, .stop, .abort: break
        }
    }
}

private struct PeerMessageCoding: Codable {
    var envelope: Envelope<PeerMessage>

    init(envelope: Envelope<PeerMessage>) { self.envelope = envelope }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: EnvelopeKey.self)
        let header = try EnvelopeHeader(from: container)
        var message: PeerMessage
        switch header.type {
        case .hello: message = .hello(try container.decode(PeerMessage.Hello.self, forKey: .data))
        case .listener: message = .listener(try container.decode(PeerMessage.ListenerStatus.self, forKey: .data))
        case .exited: message = .exited(try container.decode(WorkerExit.self, forKey: .data))
        case .fetch: message = .fetch(try container.decode(PeerMessage.Fetch.self, forKey: .data))
        case .worker: message = .worker(try container.decode(PeerMessage.WorkerStatus.self, forKey: .data))
        case .snapshot: message = .snapshot(try container.decode(PeerMessage.SnapshotHeader.self, forKey: .data))
        default: throw Malformed("its type is not a message to the controller")
        }
        message.sanitize()
        envelope = Envelope(
            session: header.session, run: header.run, sender: header.sender, sequence: header.sequence, content: message
        )
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: EnvelopeKey.self)
        try EnvelopeHeader.encode(envelope, type: envelope.content.type, into: &container)
        switch envelope.content {
        case .hello(let data): try container.encode(data, forKey: .data)
        case .listener(let data): try container.encode(data, forKey: .data)
        case .exited(let data): try container.encode(data, forKey: .data)
        case .fetch(let data): try container.encode(data, forKey: .data)
        case .worker(let data): try container.encode(data, forKey: .data)
        case .snapshot(let data): try container.encode(data, forKey: .data)
        }
    }
}

extension PeerMessage {
    /// Makes all text printable and limits its length.
    fileprivate mutating func sanitize() {
        func line(_ text: String?) -> String? {
            let joined = text.map { $0.split(separator: "\n").joined(separator: "; ") }
            return joined.map { PlanText.printable($0, limit: FleetLimits.text) }
        }
        switch self {
        case .hello(var hello):
            hello.name = PeerIdentity.displayName(hello.name)
            hello.software = PlanText.printable(hello.software, limit: FleetLimits.name)
            hello.snapshotVersion = hello.snapshotVersion.map { PlanText.printable($0, limit: FleetLimits.name) }
            self = .hello(hello)
        case .exited(var exit):
            exit.error = line(exit.error)
            exit.stderr = PlanText.printable(exit.stderr, limit: FleetLimits.stderr, keepingLines: true)
            self = .exited(exit)
        case .worker(var status):
            status.reason = line(status.reason)
            self = .worker(status)
        case .snapshot(var header):
            header.reason = line(header.reason)
            self = .snapshot(header)
        case .listener, .fetch: break
        }
    }
}

/// The fields that all versions of the protocol have in common: `wsperf`, `from`, and in a refusal `data.message`.
private struct ForeignCoding: Decodable {
    var envelope: ForeignEnvelope

    private struct Details: Decodable {
        var message: String?
        var software: String?
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: EnvelopeKey.self)
        let sender = try container.decode(String.self, forKey: .sender)
        guard PeerIdentity.isValid(sender) else { throw Malformed("not an identity") }
        let details = try? container.decode(Details.self, forKey: .data)
        envelope = ForeignEnvelope(
            version: try container.decode(Int.self, forKey: .version), sender: sender,
            message: details?.message.map { PlanText.printable($0, limit: FleetLimits.text) },
            software: details?.software.map { PlanText.printable($0, limit: FleetLimits.name) })
    }
}
