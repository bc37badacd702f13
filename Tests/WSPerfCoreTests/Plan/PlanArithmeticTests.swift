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
        // Opening, ten intervals, and 10 s + 10 s + 5 s of timeouts.
        #expect(result.limit == .milliseconds(1980 + 5000 + 25_000))
    }

    @Test func durationBoundsTheMessages() throws {
        let result = try arithmetic(
            #"{"target":"ws://h/","interval":"2s","messages":100,"duration":"10s","ramp":{"over":"3s"}}"#)
        #expect(result.messagesPerConnection == 5)
        #expect(result.expectedDuration == .seconds(13))
        #expect(result.limit == .seconds(3 + 10 + 25))
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
        #expect(result.limit == .seconds(26))
    }

    @Test func closedLoop() throws {
        let result = try arithmetic(#"{"target":"ws://h/","interval":0,"in_flight":1,"messages":5}"#)
        #expect(result.messagesPerConnection == 5)
        #expect(result.messagesPerSecond == nil)
        #expect(result.expectedDuration == nil)
        // Each of the five may wait 10 s for its reply.
        #expect(result.limit == .seconds(5 * 10 + 25))
    }

    @Test func ownScheduler() throws {
        let result = try arithmetic(#"{"target":"ws://h/","schedule":"burst"}"#)
        #expect(result.messages == nil)
        #expect(result.messagesPerSecond == nil)
        #expect(result.limit == .seconds(3600 + 25))
        #expect(try arithmetic(#"{"target":"ws://h/","schedule":"burst","duration":"9s"}"#).limit == .seconds(9 + 25))
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
        #expect(once.limit == .seconds(2 + 25))
        // Three rounds of four seconds.
        let looped = try arithmetic(
            #"{"target":"ws://h/","messages":7,"schedule":{"kind":"replay","log":"x.jsonl","loop":true}}"#,
            attachments: attachments)
        #expect(looped.messagesPerConnection == 7)
        #expect(looped.limit == .seconds(12 + 25))
        let short = try arithmetic(
            #"{"target":"ws://h/","duration":"1s","schedule":{"kind":"replay","log":"x.jsonl","loop":true}}"#,
            attachments: attachments)
        #expect(short.messagesPerConnection == 0.75)
        #expect(short.limit == .seconds(1 + 25))
        // Two recorded connections, of one and two messages, played by three: 1 + 2 + 1.
        let two = try arithmetic(
            #"{"target":"ws://h/","instances":3,"schedule":{"kind":"replay","log":"y"}}"#,
            attachments: [
                "y": Array(
                    """
                    {"t_us": 5, "conn": 7, "len": 1}
                    {"t_us": 5, "conn": 9, "len": 1}
                    {"t_us": 5, "conn": 9, "len": 4}
                    """.utf8)
            ])
        #expect(two.messages == 4)
        #expect(two.messagesPerSecond == nil)
        #expect(two.limit <= .milliseconds(25_003))
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
            let limit = plan.arithmetic.limit.inSeconds - 25
            var generator = SplitMix(state: 7)
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
        #expect(abs(limit - (10 + (2 * 10 * t).squareRoot() + t + 25)) < 1e-6)
    }

    @Test func neverOverflows() throws {
        let result = try arithmetic(
            #"{"target":"ws://h/","machines":10000,"processes":100,"instances":1000,"interval":"8784h","messages":1000000000,"in_flight":1,"timeouts":{"reply":"8784h"}}"#
        )
        #expect(result.connections == 1_000_000_000)
        #expect(result.limit > .seconds(300_000_000))
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
