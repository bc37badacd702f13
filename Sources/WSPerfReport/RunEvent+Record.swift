import WSPerfCore

/// An event's form in a journal: a JSON object, followed by the body of a snapshot. Docs/Results.md describes it.
extension RunEvent {
    /// The record's content, without its length and checksum.
    var record: [UInt8] {
        let header = Array(header.compact().utf8)
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(truncatingIfNeeded: header.count))
        bytes += header
        if case .snapshot(_, let snapshot) = self { bytes += snapshot.bytes }
        return bytes
    }

    /// Decodes the result of `record`; nil for any other bytes.
    init?(record bytes: [UInt8]) {
        guard let length = bytes.littleEndian(at: 0), bytes.count - 4 >= length,
            let header = try? PlanNode(json: Array(bytes[4..<4 + Int(length)]))
        else { return nil }
        let body = Array(bytes[(4 + Int(length))...])
        guard let event = RunEvent(header: header, body: body) else { return nil }
        self = event
    }

    /// Why the body of a snapshot's record cannot be decoded; nil if something else is wrong with the record.
    static func snapshotFault(record bytes: [UInt8]) -> String? {
        guard let length = bytes.littleEndian(at: 0), bytes.count - 4 >= length,
            let header = try? PlanNode(json: Array(bytes[4..<4 + Int(length)])), header["event"]?.text == "snapshot"
        else { return nil }
        do throws(SnapshotDecodingError) {
            _ = try Snapshot(decoding: Array(bytes[(4 + Int(length))...]))
            return nil
        } catch {
            return error.description
        }
    }

    private var header: JSONValue {
        switch self {
        case .started(let run, let startedAt, let plan):
            .object([
                ("event", .string("started")), ("run", .string(run)), ("started_at_ms", .integer(startedAt)),
                ("plan", .verbatim(plan.document.json)), ("plan_summary", plan.summary),
            ])
        case .phase(let phase): .object([("event", .string("phase")), ("phase", .string(phase.rawValue))])
        case .workerReady(let info):
            .object([
                ("event", .string("worker_ready")), ("worker", .string(info.id)),
                ("index", .integer(Int64(info.index))),
                ("machine", .string(info.machine)), ("pid", .integer(Int64(info.pid))),
                ("waited_ns", .optional(info.waited)),
            ])
        case .snapshot(let worker, let encoded):
            .object(
                [("event", .string("snapshot")), ("worker", .string(worker))]
                    + (encoded.firstSequence == encoded.snapshot.sequence
                        ? [] : [("first", .unsigned(encoded.firstSequence))]))
        case .workerEnded(let worker, let end):
            .object([
                ("event", .string("worker_ended")), ("worker", .string(worker)), ("lost", .bool(end.lost)),
                ("status", .optional(end.status)), ("signal", .optional(end.signal)), ("reason", .string(end.reason)),
                ("stderr", .string(end.stderr)),
            ])
        case .notice(let text): .object([("event", .string("notice")), ("text", .string(text))])
        case .thresholdFailed(let index, let value):
            .object([
                ("event", .string("threshold_failed")), ("index", .integer(Int64(index))), ("value", .number(value)),
            ])
        case .failed(let reason, let status):
            .object([
                ("event", .string("failed")), ("reason", .string(reason)), ("exit", .integer(Int64(status))),
            ])
        case .ended(let end, let elapsed):
            .object([
                ("event", .string("ended")), ("end", .string(end.rawValue)), ("elapsed_ns", .unsigned(elapsed)),
            ])
        }
    }

    private init?(header: PlanNode, body: [UInt8]) {
        func number<Number: FixedWidthInteger>(_ key: String) -> Number? { header[key]?.text.flatMap { Number($0) } }
        func text(_ key: String) -> String? { header[key]?.text }
        let event: RunEvent? =
            switch text("event") {
            case "started":
                if let run = text("run"), let startedAt: Int64 = number("started_at_ms"), let plan = header["plan"] {
                    .started(
                        run: run, startedAt: startedAt,
                        plan: RecordedPlan(document: plan, summary: header["plan_summary"]))
                } else {
                    nil
                }
            case "phase": text("phase").flatMap { RunPhase(rawValue: $0) }.map { .phase($0) }
            case "worker_ready":
                if let id = text("worker"), let index: Int = number("index"), let machine = text("machine"),
                    let pid: Int32 = number("pid")
                {
                    .workerReady(
                        WorkerInfo(id: id, index: index, machine: machine, pid: pid, waited: number("waited_ns")))
                } else {
                    nil
                }
            case "snapshot":
                if let worker = text("worker"), let snapshot = try? EncodedSnapshot(decoding: body) {
                    .snapshot(worker: worker, number("first").map { snapshot.merged(from: $0) } ?? snapshot)
                } else {
                    nil
                }
            case "worker_ended":
                if let worker = text("worker"), let lost = text("lost"), let reason = text("reason"),
                    let stderr = text("stderr")
                {
                    .workerEnded(
                        worker: worker,
                        WorkerEnd(
                            lost: lost == "true", status: number("status"), signal: number("signal"), reason: reason,
                            stderr: stderr))
                } else {
                    nil
                }
            case "notice": text("text").map { .notice($0) }
            case "threshold_failed":
                if let index: Int = number("index"), let value = text("value").flatMap({ Double($0) }) {
                    .thresholdFailed(index: index, value: value)
                } else {
                    nil
                }
            case "failed":
                if let reason = text("reason"), let status: Int32 = number("exit") {
                    .failed(reason: reason, exitStatus: status)
                } else {
                    nil
                }
            case "ended":
                if let end = text("end").flatMap({ RunEnd(rawValue: $0) }), let elapsed: UInt64 = number("elapsed_ns") {
                    .ended(end, elapsed: elapsed)
                } else {
                    nil
                }
            default: nil
            }
        guard let event else { return nil }
        if case .snapshot = event {} else if !body.isEmpty { return nil }
        self = event
    }
}

extension RecordedPlan {
    /// The part of the plan that a journal stores in addition to the document.
    fileprivate var summary: JSONValue {
        let (perSecond, time): (JSONValue, JSONValue) =
            switch ramp {
            case .rate(let perSecond): (.number(perSecond), .null)
            case .over(let time): (.null, .integer(time.nanoseconds))
            case nil: (.null, .null)
            }
        return .object([
            ("name", .string(name)), ("target", .string(target)), ("machines", .unsigned(machines)),
            ("processes", .unsigned(processes)), ("instances", .unsigned(instances)),
            ("opening_per_s", perSecond), ("opening_over_ns", time), ("max_opening", .optional(maxOpening)),
            ("sends_messages", .bool(sendsMessages)), ("messages", .optional(messages)),
            ("schedule", .string(schedule)), ("payload", .string(payload)),
            ("closed_loop_without_pauses", .bool(isClosedLoopWithoutPauses)),
            ("time_limit_ns", timeLimit.map { .integer($0.nanoseconds) } ?? .null),
            ("on_lost_worker", .string(onLostWorker.rawValue)),
            (
                "thresholds",
                .array(
                    thresholds.map { threshold in
                        .object([
                            ("check", .string("\(threshold)")), ("after_ns", .integer(threshold.grace.nanoseconds)),
                            ("abort", .bool(threshold.aborts)),
                        ])
                    })
            ),
        ])
    }

    /// Decodes a record. If the summary is absent or lacks a key, everything is derived from the document.
    fileprivate init(document: PlanNode, summary: PlanNode?) {
        func text(_ key: String) -> String? { summary?[key]?.text }
        func number<Number: LosslessStringConvertible>(_ key: String) -> Number? { text(key).flatMap { Number($0) } }
        guard let name = text("name"), let target = text("target"), let schedule = text("schedule"),
            let payload = text("payload"), let machines: UInt64 = number("machines"),
            let processes: UInt64 = number("processes"), let instances: UInt64 = number("instances"),
            let sendsMessages: Bool = number("sends_messages"),
            let isClosed: Bool = number("closed_loop_without_pauses"),
            let onLostWorker = text("on_lost_worker").flatMap({ LostWorkerPolicy(rawValue: $0) })
        else {
            self.init(document: document)
            return
        }
        self.init(unread: document)
        (self.name, self.target, self.schedule, self.payload) = (name, target, schedule, payload)
        (self.machines, self.processes, self.instances) = (machines, processes, instances)
        if let perSecond: Double = number("opening_per_s") { ramp = .rate(perSecond: perSecond) }
        if let time: Int64 = number("opening_over_ns") { ramp = .over(.nanoseconds(time)) }
        maxOpening = number("max_opening")
        self.sendsMessages = sendsMessages
        messages = number("messages")
        isClosedLoopWithoutPauses = isClosed
        if let time: Int64 = number("time_limit_ns") { timeLimit = .nanoseconds(time) }
        self.onLostWorker = onLostWorker
        guard case .sequence(let entries)? = summary?["thresholds"]?.content else { return }
        thresholds = entries.compactMap { entry in
            guard let check = entry["check"]?.text else { return nil }
            let grace = entry["after_ns"]?.text.flatMap { Int64($0) } ?? 0
            return try? Threshold(check, aborts: entry["abort"]?.text == "true", grace: .nanoseconds(grace))
        }
    }
}
