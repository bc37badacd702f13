import WSPerfCore

/// The events of small runs, as a coordinator would report them; always the same.
enum RunFixture {
    static let second: UInt64 = 1_000_000_000

    static func plan(
        machines: Int = 2, processes: Int = 2, instances: Int = 250, inFlight: Int? = nil,
        schedule: PlanNode = schedule, ramp: PlanNode = .mapping(["rate": .string("1000/s")])
    ) -> PlanNode {
        .mapping([
            "name": .string("demo"),
            "target": .string("ws://127.0.0.1:9000/"),
            "machines": .integer(machines),
            "processes": .integer(processes),
            "instances": .integer(instances),
            "schedule": schedule,
            "payload": .mapping([
                "kind": .string("random"), "format": .string("text"),
                "length": .mapping(["uniform": .sequence([.integer(16), .integer(512)])]),
            ]),
            "messages": .integer(10),
            "ramp": ramp,
            "in_flight": inFlight.map { .integer($0) } ?? .null,
        ])
    }

    static let schedule: PlanNode = .mapping([
        "kind": .string("randomized"), "interval": .string("1s"), "distribution": .string("exponential"),
    ])

    static func started(_ plan: PlanNode = plan()) -> RunEvent {
        .started(run: "run-7f3a", startedAt: 1_767_225_600_123, plan: RecordedPlan(document: plan))
    }

    static func worker(_ index: Int, id: String? = nil) -> WorkerInfo {
        WorkerInfo(
            id: id ?? "w\(index)", index: index, machine: "host-\(index / 2)",
            pid: Int32(truncatingIfNeeded: 4000 &+ index),
            waited: 210_000_000)
    }

    /// A delta: these connections open, send `messages` each and get these outcomes.
    static func statistics(
        opened: UInt64 = 0, messages: UInt64 = 0, outcomes: [Outcome: UInt64] = [:], seed: UInt64 = 1,
        lag: UInt64 = 40_000
    ) -> LoadStatistics {
        var statistics = LoadStatistics()
        var state = seed
        func next(_ below: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % below
        }
        statistics.started = opened
        statistics.opened = opened
        statistics.outcomes = outcomes
        statistics.ended = outcomes.values.reduce(0, +)
        for _ in 0..<opened {
            let (connect, upgrade) = (20_000 + next(60_000), 150_000 + next(900_000))
            statistics.tcpConnect.record(connect)
            statistics.upgrade.record(upgrade)
            statistics.handshake.record(connect + upgrade)
            statistics.openLag.record(connect / 50)
            statistics.handshakeResponse.record(connect + upgrade + connect / 50)
        }
        // As fast as the plan's ramp asks, in each worker.
        if opened > 0 { statistics.lastStart = (opened - 1) * 1_000_000 + 600 }
        statistics.sent = messages
        statistics.received = messages
        statistics.bytesSent = messages * 264
        statistics.bytesReceived = messages * 264
        for _ in 0..<messages {
            let (late, service) = (lag / 2 + next(lag), 180_000 + next(400_000) + next(40) / 39 * 5_000_000)
            statistics.sendLag.record(late)
            statistics.rttService.record(service)
            statistics.rttResponse.record(late + service)
        }
        statistics.cpuUser = messages * 3000
        statistics.cpuSystem = messages * 9000
        if messages > 0 {
            statistics.loopTime = second
            statistics.loopBusy = messages * 12_000
            statistics.loopCPU = messages * 11_500
        }
        return statistics
    }

    static func snapshot(
        _ worker: Int, _ sequence: UInt64, final: Bool = false, _ statistics: LoadStatistics
    ) -> RunEvent {
        .snapshot(
            worker: "w\(worker)",
            EncodedSnapshot(
                Snapshot(sequence: sequence, elapsed: sequence * second, isFinal: final, statistics: statistics)))
    }

    /// The snapshots of a worker whose 250 connections all succeed.
    static func snapshots(_ worker: Int) -> [RunEvent] {
        let seed = UInt64(worker) * 10
        return [
            snapshot(worker, 1, statistics(opened: 250, messages: 200, seed: seed + 1)),
            snapshot(worker, 2, statistics(messages: 1300, outcomes: [.succeeded: 30], seed: seed + 2)),
            snapshot(worker, 3, final: true, statistics(messages: 1000, outcomes: [.succeeded: 220], seed: seed + 3)),
        ]
    }

    static let beginning: [RunEvent] =
        [started(), .phase(.waitingForListeners), .phase(.launching)] + (0..<4).map { .workerReady(worker($0)) }
        + [.phase(.connecting), .phase(.sending)]

    /// Four workers of 250 connections each; everything succeeds.
    static let allWell: [RunEvent] =
        beginning + (0..<3).flatMap { round in (0..<4).map { snapshots($0)[round] } }
        + (0..<4).map { .workerEnded(worker: "w\($0)", WorkerEnd(lost: false, status: 0, reason: "finished")) }
        + [.phase(.done), .ended(.finished, elapsed: 3_412_345_678)]

    /// The same, but the last worker is killed after its second snapshot, and the target has failed some connections.
    static let oneKilled: [RunEvent] =
        beginning + (0..<2).flatMap { round in (0..<4).map { snapshots($0)[round] } }
        + [
            .workerEnded(
                worker: "w3",
                WorkerEnd(
                    lost: true, signal: 9, reason: "killed by signal 9",
                    stderr: "warning: low memory\nfatal: \u{1b}[31mout of it\n")),
            .notice("listener host-1 reported the death of a worker"),
        ]
        + (0..<2).map { snapshots($0)[2] }
        + [
            snapshot(
                2, 3, final: true,
                statistics(messages: 900, outcomes: [.succeeded: 200, .closed(1011): 17, .reset: 3], seed: 99))
        ]
        + (0..<3).map { .workerEnded(worker: "w\($0)", WorkerEnd(lost: false, status: 0, reason: "finished")) }
        + [.phase(.done), .ended(.finished, elapsed: 4_000_000_000)]

    /// More than one loop can do: connections open late and slowly, messages are late or are not sent at all.
    static let overloaded: [RunEvent] = {
        let ramp: PlanNode = .mapping(["rate": .string("9000/s"), "max_opening": .integer(500)])
        var opening = statistics(opened: 1000, messages: 400, seed: 5, lag: 2_000_000_000)
        opening.lastStart = 161_030_000
        opening.openLag.reset()
        opening.handshakeResponse.reset()
        for late in 0..<1000 as Range<UInt64> {
            opening.openLag.record(late * 50_000)
            opening.handshakeResponse.record(600_000 + late * 50_000)
        }
        opening.loopBusy = 985_000_000
        opening.loopCPU = 960_000_000
        var ending = statistics(messages: 600, outcomes: [.succeeded: 1000], seed: 6, lag: 2_000_000_000)
        ending.unsent = 4321
        ending.untimed = 17
        ending.loopBusy = 980_000_000
        ending.loopCPU = 940_000_000
        return [
            started(plan(machines: 1, processes: 1, instances: 1000, ramp: ramp)), .workerReady(worker(0)),
            snapshot(0, 1, opening), snapshot(0, 2, final: true, ending),
            .workerEnded(worker: "w0", WorkerEnd(lost: false, status: 0, reason: "finished")),
            .ended(.finished, elapsed: 2_050_000_000),
        ]
    }()

    /// Nothing listens where the target should be.
    static let allRefused: [RunEvent] =
        [started(plan(machines: 1, processes: 2, instances: 100))] + (0..<2).map { .workerReady(worker($0)) }
        + (0..<2).flatMap { index -> [RunEvent] in
            var statistics = LoadStatistics()
            statistics.started = 100
            statistics.outcomes = [.refused: 100]
            return [
                snapshot(index, 1, final: true, statistics),
                .workerEnded(worker: "w\(index)", WorkerEnd(lost: false, status: 0, reason: "finished")),
            ]
        } + [.ended(.finished, elapsed: 230_000_000)]

    /// `allWell` with thresholds, of which some are not kept and one ended the load.
    static let thresholds: [RunEvent] = {
        guard case .mapping(var entries) = plan().content else { preconditionFailure("a plan is a mapping") }
        entries.append(
            PlanNode.Entry(
                key: "thresholds",
                value: .sequence([
                    .string("connections.succeeded >= 99.9 %"), .string("response.p99 < 1ms"),
                    .mapping([
                        "check": .string("messages.sent <= 5000"), "abort": .boolean(true), "after": .string("2s"),
                    ]),
                    .string("handshake.tls.p95 < 1s"), .string("errors.rate < 1/s"),
                ])))
        var events = allWell
        events[0] = started(.mapping(entries))
        events.insert(.thresholdFailed(index: 2, value: 6000), at: events.count - 6)
        return events
    }()
}
