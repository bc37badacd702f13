import Testing

@testable import WSPerfCore

@Suite struct ReplaySchedulerTests {
    /// Sizes to the byte, times exactly a tenth.
    @Test func thousandLinesAtTenTimesTheSpeed() throws {
        let lengths = (0..<1000).map { ($0 * 7919) % 5000 }
        let times = (0..<1000).map { Int64($0 * $0 + 3 * $0) * 10 }
        let text = zip(times, lengths)
            .map { #"{"t_us": \#($0), "conn": 0, "dir": "send", "op": \#($1 % 2 + 1), "len": \#($1)}"# }
            .joined(separator: "\n")
        let log = try replayLog(text)
        for connection in [0, 1, 49] {
            let played = play(.replay(log, connection: connection, speed: 10), 2000)
            #expect(played.map(\.length) == lengths)
            #expect(played.map(\.offset) == times.map { $0 * 100 })
            #expect(played.map(\.kind) == lengths.map { $0 % 2 == 0 ? .text : .binary })
            #expect(played.map(\.entry) == Array(0..<1000))
        }
    }

    @Test(
        arguments: [
            (1, [0, 3000, 7000]), (2, [0, 1500, 3500]), (0.5, [0, 6000, 14000]), (3, [0, 1000, 2333]),
            (1e6, [0, 0, 0]), (1e-3, [0, 3_000_000, 7_000_000]), (1e-300, [0, .max, .max]), (1e300, [0, 0, 0]),
        ] as [(Double, [Int64])])
    func speeds(speed: Double, expected: [Int64]) throws {
        let log = try replayLog(
            """
            {"t_us": 10, "len": 1}
            {"t_us": 13, "len": 1}
            {"t_us": 17, "len": 1}
            """)
        #expect(offsets(of: .replay(log, connection: 0, speed: speed), 9) == expected)
    }

    /// The connections of the run take turns on those of the log, in the order of their numbers, and keep the distances
    /// between them.
    @Test func connections() throws {
        let log = try replayLog(
            """
            {"t_us": 100, "conn": 70, "len": 7}
            {"t_us": 200, "conn": 5, "len": 5}
            {"t_us": 150, "conn": 31, "len": 3}
            {"t_us": 300, "conn": 70, "len": 8}
            """)
        let expected: [[(Int64, Int)]] = [[(100_000, 5)], [(50_000, 3)], [(0, 7), (200_000, 8)]]
        for connection in 0..<9 {
            let played = play(.replay(log, connection: connection), 9)
            let wanted = expected[connection % 3]
            #expect(played.map(\.offset) == wanted.map(\.0))
            #expect(played.map(\.length) == wanted.map(\.1))
            #expect(log.messageCount(forConnection: connection) == wanted.count)
        }
    }

    @Test func loops() throws {
        let log = try replayLog(
            """
            {"t_us": 0, "conn": 0, "len": 1}
            {"t_us": 40, "conn": 1, "len": 2}
            {"t_us": 100, "conn": 0, "len": 3}
            """)
        #expect(
            offsets(of: .replay(log, connection: 0, loops: true), 6) == [0, 100, 100, 200, 200, 300].map { $0 * 1000 })
        #expect(offsets(of: .replay(log, connection: 1, loops: true), 4) == [40, 140, 240, 340].map { $0 * 1000 })
        #expect(offsets(of: .replay(log, connection: 1, speed: 4, loops: true), 3) == [10, 35, 60].map { $0 * 1000 })
        #expect(play(.replay(log, connection: 0, loops: true), 5).map(\.entry) == [0, 1, 0, 1, 0])
    }

    @Test func withoutDurationThereIsOneRound() throws {
        let log = try replayLog("{\"t_us\": 3, \"len\": 1}\n{\"t_us\": 3, \"len\": 2}")
        #expect(offsets(of: .replay(log, connection: 0, loops: true), 9) == [0, 0])
    }

    @Test func endlessLoopSaturates() throws {
        let log = try replayLog("{\"t_us\": 0, \"len\": 1}\n{\"t_us\": 9007199254740992, \"len\": 2}")
        for speed in [1, 0.001, 1.5] {
            let played = offsets(of: .replay(log, connection: 0, speed: speed, loops: true), 20)
            #expect(played.count == 20 && played == played.sorted())
            #expect(played[19] == played[18] && (speed > 1 || played[19] == .max))
        }
    }

    @Test func drawsNothing() throws {
        var scheduler = ReplayScheduler(try replayLog(#"{"t_us": 0, "len": 1}"#), connection: 0)
        var random = SeededGenerator(seed: 1, stream: 1)
        let before = random
        _ = scheduler.next(using: &random)
        #expect(random == before)
    }

    @Test func size() {
        #expect(MemoryLayout<ReplayScheduler>.size <= 64)
        #expect(MemoryLayout<ReplayLog.Entry>.stride <= 24)
        #expect(MemoryLayout<ScheduledMessage>.stride <= 32)
    }
}

/// The first messages.
private func play(_ scheduler: ReplayScheduler, _ count: Int) -> [ScheduledMessage] {
    var scheduler = scheduler
    var random = SeededGenerator(seed: 1, stream: 1)
    var messages: [ScheduledMessage] = []
    while messages.count < count, let message = scheduler.next(using: &random) { messages.append(message) }
    return messages
}
