import Testing
import WSPerfCore

@testable import WSPerfFleet

@Suite struct WireCodecTests {
    static let commands: [Command] = [
        .beacon(.init(software: "0.1.0", run: "s-1", closing: false)),
        .beacon(.init(software: "x", run: nil, closing: true)),
        .welcome(.init(name: "alpha", livenessMilliseconds: 5000)), .rejoin, .refuse(.init(message: "no")),
        .launch(
            .init(number: 2, livenessMilliseconds: 1, launchMilliseconds: 2, workers: [WorkerOrder(id: "w0", index: 0)])
        ),
        .launch(
            .init(
                number: 2, livenessMilliseconds: 1, launchMilliseconds: 2, workers: [],
                files: [FileReference(name: "log", sha256: String(repeating: "a", count: 64), size: 7)])),
        .chunk(.init(file: String(repeating: "a", count: 64), number: 3)),
        .taken(.init(workers: ["w0", "w1"])), .end, .plan, .start, .stop, .abort,
        .acknowledge(.init(upTo: .max, missing: [1, 2])),
    ]
    static let reports: [PeerMessage] = [
        .hello(.init(role: .listener, name: "alpha", pid: 7, software: "0.1.0")),
        .listener(.init(number: 1, launched: 2, alive: 2, leaving: false)),
        .exited(WorkerExit(worker: "w0", pid: 3, status: nil, signal: 9, error: nil, stderr: "last\nwords")),
        .fetch(.init(file: String(repeating: "a", count: 64), first: 1, count: 2, stored: 1)),
        .worker(.init(state: .running, pid: 3, reason: "because")),
        .snapshot(.init(sequence: 1, final: true, reason: nil)),
    ]

    private func envelope<Content>(_ content: Content) -> Envelope<Content> {
        Envelope(session: "s", run: "s-1", sender: "p", sequence: 42, content: content)
    }

    private func parts(_ message: WireMessage) -> [[UInt8]] {
        [Array(message.topic.utf8), message.envelope] + (message.body.map { [$0.bytes] } ?? [])
    }

    @Test(arguments: commands) func everyCommandComesBack(_ command: Command) {
        let message = WireCodec.encode(envelope(command), topic: Topic.all, body: SharedBytes([1, 2]))
        guard case .message(let read, let body) = WireCodec.decodeCommand(parts(message), topics: [Topic.all]) else {
            Issue.record("unreadable")
            return
        }
        #expect(read.content == command)
        #expect(read.session == "s" && read.run == "s-1" && read.sender == "p" && read.sequence == 42)
        #expect(body == [1, 2])
    }

    @Test(arguments: reports) func everyReportComesBack(_ report: PeerMessage) {
        guard case .message(let read, let body) = WireCodec.decodePeerMessage(parts(WireCodec.encode(envelope(report))))
        else {
            Issue.record("unreadable")
            return
        }
        #expect(read.content == report)
        #expect(body == [])
    }

    @Test func theFormIsTheOneWrittenDown() {
        let message = WireCodec.encode(envelope(PeerMessage.worker(.init(state: .prepared, pid: 3, reason: nil))))
        #expect(message.topic == "controller/")
        #expect(
            String(decoding: message.envelope, as: UTF8.self)
                == #"{"data":{"pid":3,"state":"prepared"},"from":"p","run":"s-1","seq":42,"session":"s","type":"worker","wsperf":2}"#
        )
    }

    @Test(arguments: [
        "", "{", "[]", "null", "{}", #"{"wsperf":2}"#, #"{"wsperf":"1"}"#,
        #"{"wsperf":2,"session":"s","from":"p","seq":1,"type":"nonsense"}"#,
        #"{"wsperf":2,"session":"s","from":"p","seq":1,"type":"beacon","data":{}}"#,
        #"{"wsperf":2,"session":"s","from":"p","seq":1,"type":"listener"}"#,
        #"{"wsperf":2,"session":"s","from":"p","seq":-1,"type":"listener","data":{"number":1,"launched":1,"alive":1,"leaving":false}}"#,
        #"{"wsperf":2,"session":"s","from":"p","seq":99999999999999999999,"type":"end"}"#,
        #"{"wsperf":2,"session":"s","from":"../p","seq":1,"type":"listener","data":{"number":1,"launched":1,"alive":1,"leaving":false}}"#,
        #"{"wsperf":2,"session":"a b","from":"p","seq":1,"type":"listener","data":{"number":1,"launched":1,"alive":1,"leaving":false}}"#,
        #"{"wsperf":2,"session":"s","from":"","seq":1,"type":"listener","data":{"number":1,"launched":1,"alive":1,"leaving":false}}"#,
        #"{"wsperf":2,"session":"s","from":"p","seq":1,"type":"worker","data":{"state":"dancing","pid":1}}"#,
        #"{"wsperf":2,"session":"s","from":"p","seq":1,"type":"snapshot","data":{"sequence":1.5,"final":true}}"#,
    ])
    func whatIsNotAReportIsUnreadable(_ text: String) {
        guard case .unreadable = WireCodec.decodePeerMessage([Array(Topic.controller.utf8), Array(text.utf8)]) else {
            Issue.record("was read")
            return
        }
    }

    @Test(arguments: [
        ("{", "it is not JSON"), ("[]", "it is not a JSON object"),
        (#"{"wsperf":2,"session":"s","from":"p","seq":1,"type":"nonsense"}"#, "type is not known"),
        (#"{"wsperf":2,"session":"s","from":"p","type":"worker"}"#, "seq is missing"),
        (#"{"wsperf":2,"session":"s","from":"p","seq":1,"type":"worker"}"#, "data is missing"),
        (
            #"{"wsperf":2,"session":"s","from":"p","seq":1,"type":"worker","data":{"state":"dancing","pid":1}}"#,
            "data.state has an impossible value"
        ),
        (
            #"{"wsperf":2,"session":"s","from":"p","seq":1,"type":"worker","data":{"state":"waiting","pid":"1"}}"#,
            "data.pid is of the wrong type"
        ),
    ])
    func whatIsWrongIsNamed(_ text: String, _ offence: String) {
        guard
            case .unreadable(let message) = WireCodec.decodePeerMessage([
                Array(Topic.controller.utf8), Array(text.utf8),
            ])
        else {
            Issue.record("was read")
            return
        }
        #expect(message.offence == offence)
        #expect(message.sender == (text.contains("from") ? "p" : nil))
    }

    @Test func partsAreCountedAndMeasured() {
        let good = parts(WireCodec.encode(envelope(Self.reports[1])))
        let wrong: [[[UInt8]]] = [
            [], [good[0]], [good[1], good[0]], good + [[], []], [good[0], good[1] + [0]],
            [Array("controllers/".utf8), good[1]], [good[0], [UInt8](repeating: 32, count: FleetLimits.envelope + 1)],
            good + [[UInt8](repeating: 0, count: FleetLimits.peerMessageBody + 1)],
            [good[0], [UInt8](repeating: UInt8(ascii: "["), count: 200_000)],
        ]
        for parts in wrong {
            guard case .unreadable = WireCodec.decodePeerMessage(parts) else {
                Issue.record("was read: \(parts.map(\.count))")
                continue
            }
        }
    }

    @Test func anotherVersionIsToldFromNonsense() {
        let text = #"{"wsperf":9,"from":"x","type":"greetings","data":{"software":"7.0\u001b[2J"},"more":[{}]}"#
        guard
            case .foreign(let foreign) = WireCodec.decodePeerMessage([Array(Topic.controller.utf8), Array(text.utf8)])
        else {
            Issue.record("not foreign")
            return
        }
        #expect(foreign == ForeignEnvelope(version: 9, sender: "x", message: nil, software: "7.0\\u{1b}[2J"))
    }

    @Test func textsFromTheNetworkAreMadePrintable() {
        let exit = WorkerExit(
            worker: "w", pid: 1, status: 1, stderr: "a\u{1b}[31mred\nb\u{7}" + String(repeating: "x", count: 9999))
        guard
            case .message(let read, _) = WireCodec.decodePeerMessage(
                parts(WireCodec.encode(envelope(PeerMessage.exited(exit))))),
            case .exited(let clean) = read.content
        else {
            Issue.record("unreadable")
            return
        }
        #expect(clean.stderr.hasPrefix("a\\u{1b}[31mred\nb\\u{7}xxx"))
        #expect(clean.stderr.count < FleetLimits.stderr + 20)
    }

    /// Bytes changed, cut and put together at random never do more than being dropped.
    @Test func mutatedMessagesDoNoHarm() {
        var random = TestRandom(seed: 1)
        for _ in 0..<3000 {
            let base = parts(WireCodec.encode(envelope(Self.reports[Int.random(in: 0..<5, using: &random)]), body: [1]))
            var mutated = base
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let part = Int.random(in: 0..<mutated.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0 where !mutated[part].isEmpty:
                    mutated[part][Int.random(in: 0..<mutated[part].count, using: &random)] = UInt8.random(
                        in: 0...255, using: &random)
                case 1:
                    mutated[part] = Array(mutated[part].prefix(Int.random(in: 0...mutated[part].count, using: &random)))
                case 2: mutated[part] += mutated[part]
                default: mutated.swapAt(part, Int.random(in: 0..<mutated.count, using: &random))
                }
            }
            _ = WireCodec.decodePeerMessage(mutated)
            _ = WireCodec.decodeCommand([Array(Topic.all.utf8)] + mutated.dropFirst(), topics: [Topic.all])
            var controller = ControllerMachine(session: "s", now: FleetInstant(nanoseconds: 0))
            controller.receive(WireCodec.decodePeerMessage(mutated), now: FleetInstant(nanoseconds: 0))
        }
    }

    @Test func aPlanComesBackWithItsFiles() throws {
        var plan = Plan(target: try Target("ws://127.0.0.1:1/"))
        plan.messages = 3
        let parcel = PlanParcel(
            document: plan.document,
            files: [("a", String(repeating: "1", count: 64)), ("b/c", String(repeating: "f", count: 64))])
        let bytes = parcel.encoded()
        let read = try PlanParcel(decoding: bytes)
        #expect(try Plan(document: #require(read.document)) == plan)
        #expect(read.files.map(\.path) == ["a", "b/c"])
        #expect(read.files.map(\.sha256) == parcel.files.map(\.sha256))
        for length in 0..<bytes.count {
            #expect(throws: (any Error).self) { try PlanParcel(decoding: Array(bytes.prefix(length))) }
        }
        #expect(throws: (any Error).self) { try PlanParcel(decoding: bytes + [0]) }
        // A long plan is one of the files, or else there is none.
        let digest = String(repeating: "2", count: 64)
        let long = try PlanParcel(
            decoding: PlanParcel(document: nil, files: [("a", digest), ("", String(repeating: "3", count: 64))])
                .encoded())
        #expect(long.document == nil && long.planFile == String(repeating: "3", count: 64))
        #expect(throws: FleetError.self) {
            try PlanParcel(decoding: PlanParcel(document: nil, files: [("a", digest)]).encoded())
        }
    }
}
