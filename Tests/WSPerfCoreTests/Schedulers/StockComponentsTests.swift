import Testing

@testable import WSPerfCore

@Suite struct StockComponentsTests {
    private func plan(_ schedule: SchedulePlan, _ payload: PayloadPlan = .random()) throws -> Plan {
        var plan = Plan(target: try Target("ws://127.0.0.1:9/"))
        plan.schedule = schedule
        plan.payload = payload
        plan.seed = 7
        plan.attachments["log.jsonl"] = Array(
            """
            {"t_us": 0, "conn": 0, "op": 1, "data": "grüß"}
            {"t_us": 1000, "conn": 0, "op": 2, "len": 50}
            {"t_us": 500, "conn": 1, "op": 1, "len": 9}
            """.utf8)
        return plan
    }

    private func schedulers(_ plan: Plan) throws -> SchedulerPool {
        let factory = try #require(Registry().schedulers[plan.schedule.kind])
        return try factory(ComponentContext(options: plan.schedule.component.options, plan: plan))(4)
    }

    private func payloads(_ plan: Plan) throws -> PayloadPool {
        let factory = try #require(Registry().payloads[plan.payload.kind])
        return try factory(ComponentContext(options: plan.payload.component.options, plan: plan))(0)
    }

    private func steps(_ plan: Plan, connection: Int, _ count: Int) throws -> [ScheduledMessage?] {
        let pool = try schedulers(plan)
        var random = SeededGenerator(seed: plan.seed, stream: UInt64(connection))
        pool.start(slot: 1, connection: connection, random: &random)
        return (0..<count).map { _ in pool.next(slot: 1, random: &random) }
    }

    @Test func stockKinds() {
        let registry = Registry()
        #expect(Set(registry.schedulers.keys) == ["periodic", "randomized", "replay"])
        #expect(Set(registry.payloads.keys) == ["random", "fixed", "replay"])
    }

    @Test func periodic() throws {
        let aligned = try plan(.periodic(PeriodicOptions(interval: .milliseconds(20), phase: .aligned)))
        #expect(try steps(aligned, connection: 0, 3).map(\.?.offset) == [0, 20_000_000, 40_000_000])
        let random = try plan(.periodic(every: .seconds(1)))
        let expected = offsets(of: .periodic(every: .seconds(1)), 3, seed: 7, stream: 2)
        #expect(try steps(random, connection: 2, 3).map(\.?.offset) == expected)
    }

    @Test func randomized() throws {
        let expected = offsets(of: .randomized(.exponential(mean: .seconds(2))), 5, seed: 7, stream: 1)
        let randomized = try plan(.randomized(.exponential(mean: .seconds(2))))
        #expect(try steps(randomized, connection: 1, 5).map(\.?.offset) == expected)
    }

    @Test func replay() throws {
        let replay = try plan(.replay(ReplayOptions(log: "log.jsonl", speed: 2)), .replay)
        let played = try steps(replay, connection: 2, 3)
        #expect(played.map(\.?.offset) == [0, 500_000, nil])
        #expect(played.map(\.?.length) == [6, 50, nil])
        let pool = try payloads(replay)
        var random = SeededGenerator(seed: 7, stream: 2)
        let message = try #require(played[0])
        let context = MessageContext(connection: 2, index: 0, scheduled: message)
        #expect(pool.kind(for: context) == .text)
        #expect(pool.length(for: context, using: &random) == 6)
        #expect(filled(6) { pool.fill(&$0, for: context, using: &random) } == Array("grüß".utf8))
    }

    @Test func scheduleAndPayloadShareOneLog() throws {
        let replay = try plan(.replay(ReplayOptions(log: "log.jsonl")))
        let options = ReplayOptions(log: "log.jsonl")
        let log = try ReplayLog.load(options, of: replay)
        #expect(try ReplayLog.load(options, of: replay) === log)
        var other = replay
        other.attachments["log.jsonl"]?.append(0x0A)
        #expect(try ReplayLog.load(options, of: other) !== log)
    }

    @Test func fixedAndRandomPayloads() throws {
        var random = SeededGenerator(seed: 7, stream: 0)
        let context = MessageContext(connection: 0, index: 0, scheduled: ScheduledMessage(offset: 0))
        let text = try payloads(try plan(.periodic(), .fixed(FixedPayloadOptions(source: .data("hello")))))
        #expect(text.kind(for: context) == .text)
        #expect(text.length(for: context, using: &random) == 5)
        #expect(filled(5) { text.fill(&$0, for: context, using: &random) } == Array("hello".utf8))
        let file = try payloads(
            try plan(.periodic(), .fixed(FixedPayloadOptions(format: .binary, source: .file("log.jsonl")))))
        #expect(file.kind(for: context) == .binary)
        #expect(file.length(for: context, using: &random) > 100)
        let noise = try payloads(
            try plan(.periodic(), .random(RandomPayloadOptions(format: .binary, length: .fixed(77)))))
        #expect(noise.kind(for: context) == .binary)
        #expect(noise.length(for: context, using: &random) == 77)
    }

    @Test func faults() throws {
        var broken = try plan(.replay(ReplayOptions(log: "log.jsonl")), .replay)
        broken.attachments["log.jsonl"] = Array("{\"t_us\": 0, \"len\": 1}\n{\"t_us\": -5}".utf8)
        let reason =
            "schedule.log: log.jsonl:2: t_us must be a whole number of microseconds from 0 to 9007199254740992, not -5"
        #expect(message { try schedulers(broken) } == reason)
        #expect(message { try payloads(broken) } == reason)
        let missing = try plan(.replay(ReplayOptions(log: "/nowhere/log.jsonl")))
        #expect(message { try schedulers(missing) }?.contains("cannot read /nowhere/log.jsonl") == true)
        var still = try plan(.replay(ReplayOptions(log: "log.jsonl", loop: true)))
        still.attachments["log.jsonl"] = Array(#"{"t_us": 5, "len": 1}"#.utf8)
        #expect(
            message { try schedulers(still) }
                == "schedule.loop: a log whose messages all have the same time cannot loop")
        let stray = try plan(.periodic(), .replay)
        #expect(message { try payloads(stray) } == "payload.kind: replay needs the replay schedule, whose log it sends")
        var noText = try plan(.periodic(), .fixed(FixedPayloadOptions(source: .file("blob"))))
        noText.attachments["blob"] = [0xFF]
        #expect(
            message { try payloads(noText) }
                == "payload.file: its contents are not valid UTF-8: write format: binary")
    }

    private func message(_ body: () throws -> some AnyObject) -> String? {
        do {
            _ = try body()
            return nil
        } catch {
            return "\(error)"
        }
    }
}
