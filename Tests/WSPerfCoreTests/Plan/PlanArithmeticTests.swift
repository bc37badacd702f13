import Testing

@testable import WSPerfCore

@Suite struct PlanArithmeticTests {
    private func arithmetic(_ json: String, attachments: [String: [UInt8]] = [:]) throws -> PlanArithmetic {
        var plan = try Plan(document: PlanNode(json: json))
        plan.attachments = attachments
        return plan.arithmetic
    }

    @Test func periodic() throws {
        let result = try arithmetic(
            #"{"target":"ws://h/","machines":2,"processes":3,"instances":100,"threads":2,"interval":"500ms","messages":10,"message_length":100,"ramp":{"rate":"50/s"}}"#
        )
        #expect(result.connections == 600)
        #expect(result.workers == 6)
        #expect(result.openingTime == .milliseconds(1980))
        #expect(result.messagesPerConnection == 10)
        #expect(result.messages == 6000)
        #expect(result.messagesPerSecond == 1200)
        #expect(result.bytesPerSecond == 120_000)
        #expect(result.localPortsPerMachine == 300)
        #expect(result.descriptorsPerWorker >= 100 + 2 * 3 + 3)
        #expect(result.expectedDuration == .milliseconds(6980))
    }

    @Test func durationBoundsTheMessages() throws {
        let result = try arithmetic(
            #"{"target":"ws://h/","interval":"2s","messages":100,"duration":"10s","ramp":{"over":"3s"}}"#)
        #expect(result.messagesPerConnection == 5)
        #expect(result.expectedDuration == .seconds(13))
    }

    @Test func timeLimitWins() throws {
        let result = try arithmetic(#"{"target":"ws://h/","interval":"2s","messages":100,"time_limit":"7s"}"#)
        #expect(result.limit == .seconds(7))
    }

    @Test func handshakeAlone() throws {
        let result = try arithmetic(
            #"{"target":"ws://h/","instances":11,"send_messages":false,"ramp":{"rate":"10/s"}}"#)
        #expect(result.messages == 0)
        #expect(result.messagesPerSecond == 0)
        #expect(result.bytesPerSecond == 0)
        #expect(result.expectedDuration == .seconds(1))
    }

    @Test func closedLoop() throws {
        let result = try arithmetic(#"{"target":"ws://h/","interval":0,"in_flight":1,"messages":5}"#)
        #expect(result.messagesPerConnection == 5)
        #expect(result.messagesPerSecond == nil)
        #expect(result.expectedDuration == nil)
    }

    @Test func ownScheduler() throws {
        let result = try arithmetic(#"{"target":"ws://h/","schedule":"burst"}"#)
        #expect(result.messages == nil)
        #expect(result.messagesPerSecond == nil)
    }

    @Test func replay() throws {
        let log = """
            {"t_us": 0, "conn": 0, "dir": "send", "op": 1, "len": 100}
            {"t_us": 500000, "conn": 0, "dir": "receive", "op": 1, "len": 999}
            {"t_us": 1000000, "conn": 0, "dir": "send", "op": 1, "len": 200}
            {"t_us": 4000000, "conn": 0, "dir": "send", "op": 1, "len": 300}
            """
        let attachments = ["x.jsonl": Array(log.utf8)]
        let once = try arithmetic(
            #"{"target":"ws://h/","instances":10,"ramp":{"over":"0"},"schedule":{"kind":"replay","log":"x.jsonl","speed":2}}"#,
            attachments: attachments)
        #expect(once.messagesPerConnection == 3)
        #expect(once.messages == 30)
        #expect(once.messagesPerSecond == 15)
        #expect(once.bytesPerSecond == 3000)
        #expect(once.expectedDuration == .seconds(2))
        let looped = try arithmetic(
            #"{"target":"ws://h/","messages":7,"schedule":{"kind":"replay","log":"x.jsonl","loop":true}}"#,
            attachments: attachments)
        #expect(looped.messagesPerConnection == 7)
        let short = try arithmetic(
            #"{"target":"ws://h/","duration":"1s","schedule":{"kind":"replay","log":"x.jsonl","loop":true}}"#,
            attachments: attachments)
        #expect(short.messagesPerConnection == 0.75)
        // Two recorded connections, of one and two messages, played by three: 1 + 2 + 1.
        let recorded = [
            "y": Array(
                """
                {"t_us": 5, "conn": 7, "len": 1}
                {"t_us": 5, "conn": 9, "len": 1}
                {"t_us": 5, "conn": 9, "len": 4}
                """.utf8)
        ]
        let two = try arithmetic(
            #"{"target":"ws://h/","instances":3,"schedule":{"kind":"replay","log":"y"}}"#, attachments: recorded)
        #expect(two.messages == 4)
        #expect(two.messagesPerSecond == nil)
        #expect(two.notices == [])
        // One connection plays the first of them.
        let one = try arithmetic(
            #"{"target":"ws://h/","instances":1,"schedule":{"kind":"replay","log":"y"}}"#, attachments: recorded)
        #expect(one.messages == 1)
        #expect(
            one.notices == [
                "the log has 2 connections, but the run has only 1: it does not send the messages of the others"
            ])
        let missing = try arithmetic(#"{"target":"ws://h/","schedule":{"kind":"replay","log":"/does/not/exist"}}"#)
        #expect(missing.messages == nil)
        #expect(missing.bytesPerSecond == nil)
    }

    @Test func lengths() throws {
        func bytes(_ payload: String) throws -> Double? {
            try arithmetic(#"{"target":"ws://h/","messages":1,"payload":\#(payload)}"#, attachments: ["f": [1, 2, 3]])
                .bytesPerSecond
        }
        #expect(try bytes(#"{"length":{"uniform":[16,512]}}"#) == 264)
        #expect(try bytes(#"{"length":{"normal":{"mean":200,"stddev":5}}}"#) == 200)
        #expect(try bytes(#"{"length":{"exponential":{"mean":200}}}"#) == 200)
        #expect(try bytes(#"{"length":{"weighted":[[10,3],[50,1]]}}"#) == 20)
        #expect(try bytes(#"{"kind":"fixed","data":"é!"}"#) == 3)
        #expect(try bytes(#"{"kind":"fixed","file":"f"}"#) == 3)
        #expect(try bytes(#"{"kind":"own"}"#) == nil)
    }

    struct Limit: Sendable, CustomTestStringConvertible {
        let json: String
        let seconds: Double
        init(_ json: String, _ parts: Double...) {
            self.json = json
            seconds = parts.reduce(0, +)
        }
        var testDescription: String { json }
    }

    /// The sum of everything that a run may take: the ramp, a second of the generator's own and a hundredth for each
    /// connection to be opened slowly, the sending (with 10 s for each time that a message may be held), and 25 s for
    /// connecting, the last replies and closing.
    @Test(
        arguments: [
            // Ten messages that may each wait for the socket.
            Limit(#"{"interval":"500ms","messages":10}"#, 1.01, 5, 100, 25),
            // A closed loop: each may wait for a reply as well.
            Limit(#"{"interval":"500ms","messages":10,"in_flight":3}"#, 1.01, 5, 200, 25),
            Limit(#"{"interval":0,"in_flight":1,"messages":5}"#, 1.01, 100, 25),
            // So may the ping after each message.
            Limit(#"{"interval":"500ms","messages":10,"match":"ping"}"#, 1.01, 5, 200, 25),
            Limit(#"{"interval":"500ms","messages":10,"match":"ping","in_flight":1}"#, 1.01, 5, 300, 25),
            // After `duration`, a connection may still write the bytes of its last message.
            Limit(#"{"interval":"2s","duration":"10s","ramp":{"over":"3s"}}"#, 3, 1.01, 20, 25),
            Limit(#"{"interval":"2s","duration":"10s","in_flight":1}"#, 1.01, 20, 25),
            Limit(#"{"interval":"2s","duration":"10s","messages":100,"in_flight":1}"#, 1.01, 20, 25),
            Limit(#"{"interval":"1s","duration":"1h","messages":1}"#, 1.01, 1, 10, 25),
            Limit(#"{"schedule":"burst","duration":"9s"}"#, 1.01, 19, 25),
            Limit(#"{"schedule":"burst","duration":"3h"}"#, 1.01, 10_810, 25),
            Limit(#"{"schedule":"burst"}"#, 1.01, 3600, 10, 25),
            Limit(#"{"schedule":"burst","messages":6,"in_flight":1}"#, 1.01, 3600, 120, 25),
            Limit(#"{"send_messages":false,"instances":11,"ramp":{"rate":"10/s"}}"#, 1, 1.11, 25),
            // However steep the ramp, a worker may open no more than 100 connections a second.
            Limit(
                #"{"instances":5000,"messages":1,"ramp":{"rate":"1000000/s"},"interval":0,"in_flight":1}"#,
                0.004999, 51, 20, 25),
            Limit(#"{"instances":5000,"send_messages":false,"ramp":{"over":"7s"}}"#, 7, 51, 25),
            // Or with `max_opening`, and each may take the whole time to connect.
            Limit(#"{"instances":100,"send_messages":false,"ramp":{"over":0,"max_opening":30}}"#, 1, 40, 25),
            Limit(#"{"instances":100,"send_messages":false,"ramp":{"over":0,"max_opening":100}}"#, 1, 10, 25),
            Limit(#"{"instances":5000,"send_messages":false,"ramp":{"over":0,"max_opening":5000}}"#, 51, 25),
            // Three loops share four: two of them open one at a time.
            Limit(
                #"{"instances":10,"threads":3,"send_messages":false,"ramp":{"over":0,"max_opening":4}}"#, 1, 40, 25),
            // A log of three messages in 4 s on one connection, and of one on the other.
            Limit(#"{"schedule":{"kind":"replay","log":"x"}}"#, 1.01, 4, 30, 25),
            Limit(#"{"schedule":{"kind":"replay","log":"x","speed":2},"in_flight":1}"#, 1.01, 2, 60, 25),
            Limit(
                #"{"schedule":{"kind":"replay","log":"x"},"instances":2,"in_flight":1,"messages":2,"ramp":{"over":0}}"#,
                1.02, 4, 40, 25),
            Limit(#"{"schedule":{"kind":"replay","log":"x","loop":true},"messages":7}"#, 1.01, 12, 70, 25),
            Limit(
                #"{"schedule":{"kind":"replay","log":"x","loop":true},"messages":7,"in_flight":1,"instances":2,"ramp":{"over":0}}"#,
                1.02, 28, 140, 25),
            Limit(
                #"{"schedule":{"kind":"replay","log":"x","loop":true},"duration":"1s","in_flight":1}"#, 1.01, 11, 25),
            // Three new attempts after 15 s, 20 s and 20 s, each of which has its turn (1.01 s), 10 s to open, 20 s to be
            // held up in, and 5 s to close; none is open for as long as it takes to start over.
            Limit(
                #"{"send_messages":false,"reconnect":{"limit":3,"backoff":{"initial":"15s","max":"20s"}}}"#,
                1.01, 25, 55, 3 * 36.01),
            Limit(
                #"{"messages":1,"interval":"1s","timeouts":{"connect":"2s","reply":"3s","close":"4s"},"reconnect":{"limit":2,"schedule":"restart","backoff":{"initial":"15s"}}}"#,
                1.01, 13, 45, 2 * 14.01),
            // After 20 s open the attempts start again: twice in 50 s, and once after that.
            Limit(
                #"{"interval":"1s","duration":"50s","reconnect":{"limit":3,"backoff":{"initial":"15s","max":"20s"}}}"#,
                1.01, 60, 25, 4 * 163.03),
            // Nothing says how often: an hour, or as long as it sends.
            Limit(
                #"{"interval":"1s","messages":50,"reconnect":{"limit":3,"backoff":{"initial":"15s","max":"20s"}}}"#,
                1.01, 550, 25, 163.03, 3600),
            Limit(#"{"interval":"1s","duration":"50s","reconnect":{"limit":"none"}}"#, 1.01, 60, 25, 3600),
            Limit(#"{"interval":"1s","duration":"10h","reconnect":{"limit":"none"}}"#, 1.01, 36_010, 25, 36_010),
            // The user's own word counts.
            Limit(#"{"interval":"2s","messages":100,"time_limit":"7s"}"#, 7),
        ])
    func limitIsTheSumOfWhatARunMayTake(_ expected: Limit) throws {
        let log = """
            {"t_us": 0, "conn": 0, "len": 100}
            {"t_us": 1000000, "conn": 0, "len": 200}
            {"t_us": 4000000, "conn": 0, "len": 300}
            {"t_us": 2000000, "conn": 1, "len": 300}
            """
        let one = log.split(separator: "\n").dropLast().joined(separator: "\n")
        let given = try PlanNode(json: expected.json)
        let base = try PlanNode(json: #"{"target":"ws://h/","ramp":{"rate":"1000/s"}}"#)
        let document = base.merging(given)
        var plan = try Plan(document: document)
        plan.attachments = ["x": Array((plan.instances > 1 ? log : one).utf8)]
        #expect(abs(plan.arithmetic.limit.inSeconds - expected.seconds) < 1e-6)
    }

    /// The deadline of randomized schedules holds for sums really drawn, and is not absurdly far away.
    @Test(arguments: [1, 10, 1000])
    func randomizedTailIsABound(messages: Int) throws {
        for (distribution, extra) in [
            ("exponential", ""), ("uniform", ""), ("normal", #","stddev":"1s""#), ("poisson", ""),
        ] {
            let plan = try Plan(
                document: PlanNode(
                    json:
                        #"{"target":"ws://h/","ramp":{"over":0},"messages":\#(messages),"schedule":{"kind":"randomized","distribution":"\#(distribution)","interval":"1s"\#(extra)}}"#
                ))
            // Without what is not drawn at random.
            let limit = plan.arithmetic.limit.inSeconds - 26.01 - Double(messages) * 10
            var generator = SeededGenerator(seed: 7, stream: 0)
            var worst = 0.0
            for _ in 0..<200 {
                var sum = 0.0
                for _ in 0..<messages {
                    let (u, v) = (
                        Double.random(in: 0x1p-53...1, using: &generator), Double.random(in: 0..<1, using: &generator)
                    )
                    switch distribution {
                    case "exponential": sum -= logarithm(u)
                    case "uniform": sum += 2 * u
                    case "normal": sum += max(0, 1 + (-2 * logarithm(u)).squareRoot() * cosine(2 * .pi * v))
                    default:
                        var product = Double.random(in: 0..<1, using: &generator)
                        while product > 0.36787944117144233 {
                            sum += 1
                            product *= Double.random(in: 0..<1, using: &generator)
                        }
                    }
                }
                worst = max(worst, sum)
            }
            #expect(worst < limit)
            #expect(limit < 2.5 * Double(messages) + 60)
        }
    }

    @Test func exponentialTailIsTheFormula() throws {
        let limit = try arithmetic(
            #"{"target":"ws://h/","instances":1000,"ramp":{"over":0},"messages":10,"interval":"1s","randomized_interval":true}"#
        ).limit.inSeconds
        let t = 6.907755278982137 + 20
        #expect(abs(limit - (11 + 10 + (2 * 10 * t).squareRoot() + t + 100 + 25)) < 1e-6)
    }

    @Test func neverOverflows() throws {
        let result = try arithmetic(
            #"{"target":"ws://h/","machines":10000,"processes":100,"instances":1000,"interval":"8784h","messages":1000000000,"in_flight":1,"timeouts":{"reply":"8784h"}}"#
        )
        #expect(result.connections == 1_000_000_000)
        #expect(result.limit == .seconds(10 * 365 * 86_400))
    }

    /// Also of a plan that has not been checked.
    @Test func neverTraps() throws {
        var plan = Plan(target: try Target("ws://h/"))
        plan.threads = 0
        plan.maxOpening = 0
        for rate in [0, -1, Double.nan, .infinity, -.infinity] {
            plan.ramp = .rate(perSecond: rate)
            for instances in [-1, 0, 1, 2] {
                plan.instances = instances
                #expect(plan.arithmetic.limit > .zero)
            }
        }
    }
}
