import Testing
import WSPerfCore

@testable import WSPerfReport

@Suite("RunJournal")
struct RunJournalTests {
    /// One event of each kind, with everything that text may contain.
    static let everything: [RunEvent] =
        [
            RunFixture.started(), RunFixture.snapshot(0, 1, RunFixture.statistics(opened: 2, messages: 5)),
            .workerReady(WorkerInfo(id: "a\"b\\c", index: 7, machine: "héte\u{1F600}\u{85}", pid: .max)),
            .workerReady(WorkerInfo(id: "w", index: 8, machine: "m", pid: 1, waited: .max)),
            .workerEnded(
                worker: "w", WorkerEnd(lost: true, status: -1, signal: 15, reason: "\u{1b}[0m", stderr: "a\nb\r\t\u{0}")
            ),
            .workerEnded(worker: "", WorkerEnd(lost: false, reason: "")),
            .notice("\u{7f}\u{2028}\"quoted\""), .failed(reason: "no \"x\"", exitStatus: 2),
        ] + RunPhase.allCases.map { .phase($0) }
        + ([.finished, .interrupted, .incomplete, .overdue] as [RunEnd]).map { .ended($0, elapsed: .max) }

    private func journal(_ events: [RunEvent], in directory: TemporaryDirectory) throws -> [UInt8] {
        let journal = try RunJournal(path: "\(directory.path)/j")
        for event in events { try journal.append(event) }
        try journal.synchronize()
        return try directory.bytes("j")
    }

    private func contents(_ directory: TemporaryDirectory) throws -> (events: [RunEvent], dropped: UInt64) {
        let reader = try JournalReader(path: "\(directory.path)/j")
        var events: [RunEvent] = []
        while let event = reader.next() { events.append(event) }
        #expect(reader.next() == nil)
        return (events, reader.droppedBytes)
    }

    @Test("gives back every event as it was")
    func roundTrip() throws {
        let directory = try TemporaryDirectory()
        let events = Self.everything + RunFixture.allWell
        _ = try journal(events, in: directory)
        let (read, dropped) = try contents(directory)
        #expect(read == events && dropped == 0)
    }

    /// Plans that differ in everything that reports say of a plan.
    static let plans: [RecordedPlan] = {
        guard let target = try? Target("ws://127.0.0.1:9000/é?x=1") else { return [] }
        let plain = Plan(target: target)
        var closed = plain
        closed.name = "a \"closed\" loop"
        (closed.machines, closed.processes, closed.instances, closed.messages) = (3, 2, 500, 10)
        (closed.inFlight, closed.schedule) = (1, .periodic(every: .zero))
        (closed.ramp, closed.maxOpening) = (.over(.milliseconds(1500)), 40)
        (closed.timeLimit, closed.onLostWorker) = (.seconds(90), .abort)
        var silent = plain
        (silent.sendMessages, silent.ramp) = (false, .rate(perSecond: 0.1))
        var custom = plain
        custom.schedule = .custom(kind: "my-own", options: .mapping(["steps": .sequence([.integer(1), .null])]))
        return [plain, closed, silent, custom].map { RecordedPlan($0) }
    }()

    @Test("gives back what reports need of the plan, and keeps it apart from the document", arguments: plans)
    func recordedPlan(plan: RecordedPlan) throws {
        let started = RunEvent.started(run: "r", startedAt: 1, plan: plan)
        #expect(RunEvent(record: started.record) == started)
        // A document that only another version understands changes nothing in it.
        var foreign = plan
        foreign.document = .mapping(["format": .integer(2)])
        let foreignStart = RunEvent.started(run: "r", startedAt: 1, plan: foreign)
        #expect(RunEvent(record: foreignStart.record) == foreignStart)
    }

    @Test("derives what reports need from the document where an earlier version recorded that alone", arguments: plans)
    func olderRecord(plan: RecordedPlan) {
        func event(_ rest: String) -> RunEvent? {
            let json = #"{"event":"started","run":"r","started_at_ms":1,"plan":"# + plan.document.json + rest + "}"
            var bytes: [UInt8] = []
            bytes.append(littleEndian: UInt32(json.utf8.count))
            return RunEvent(record: bytes + Array(json.utf8))
        }
        let expected = RunEvent.started(run: "r", startedAt: 1, plan: plan)
        #expect(event("") == expected)
        #expect(event(#","plan_summary":{"name":"incomplete"}"#) == expected)
    }

    @Test("takes the keys that every version has from a plan that this one cannot read")
    func unreadablePlan() throws {
        let document = try PlanNode(
            json:
                #"{"name":"n","target":"quic://x","machines":2,"processes":3,"instances":4,"time_limit":"5s","new":1}"#)
        let plan = RecordedPlan(document: document)
        #expect(plan.document == document && plan.name == "n" && plan.target == "quic://x")
        #expect(plan.workers == 6 && plan.instances == 4 && plan.timeLimit == .seconds(5) && plan.ramp == nil)
    }

    @Test("writes every event to disk when it is appended")
    func writtenThrough() throws {
        let directory = try TemporaryDirectory()
        let journal = try RunJournal(path: "\(directory.path)/j")
        for (index, event) in Self.everything.enumerated() {
            try journal.append(event)
            #expect(try contents(directory).events.count == index + 1)
        }
    }

    @Test("reads everything before a torn end, wherever it is torn")
    func torn() throws {
        let directory = try TemporaryDirectory()
        let events = Array(Self.everything.prefix(9))
        var ends: [Int] = [RunJournal.head.count]
        for count in 1...events.count { ends.append(try journal(Array(events[..<count]), in: directory).count) }
        let whole = try directory.bytes("j")
        for length in 0..<whole.count {
            try directory.write(whole[..<length], to: "j")
            guard length >= RunJournal.head.count else {
                #expect(throws: RunDirectoryError.self) { try contents(directory) }
                continue
            }
            let expected = ends.count { $0 <= length } - 1
            let (read, dropped) = try contents(directory)
            try #require(read.count == expected && Int(dropped) == length - ends[expected], "at \(length)")
        }
    }

    @Test("reads everything before a changed byte, whichever it is")
    func corrupted() throws {
        let directory = try TemporaryDirectory()
        let events = Array(Self.everything.prefix(7))
        var ends: [Int] = [RunJournal.head.count]
        for count in 1...events.count { ends.append(try journal(Array(events[..<count]), in: directory).count) }
        let whole = try directory.bytes("j")
        for place in RunJournal.head.count..<whole.count {
            var bytes = whole
            bytes[place] ^= 0x41
            try directory.write(bytes, to: "j")
            let intact = ends.count { $0 <= place } - 1
            let (read, dropped) = try contents(directory)
            try #require(read == Array(events[..<intact]) && Int(dropped) == whole.count - ends[intact], "at \(place)")
        }
    }

    @Test(
        "is not a journal, or one of another version, which is named",
        arguments: [
            ("", "it is not a journal"), ("{}", "it is not a journal"), ("wsperf journal 1", "it is not a journal"),
            ("wsperf journal x\n", "it is not a journal"), ("\n", "it is not a journal"),
            (String(repeating: "wsperf journal 2, ", count: 99), "it is not a journal"),
            (
                "wsperf journal 7, statistics 2, and more\n",
                "its journal has version 7, and this program reads version 2"
            ),
            (
                "wsperf journal 2, statistics 9\n",
                "the statistics in its journal have version 9, and this program reads version 2"
            ),
        ])
    func notAJournal(text: String, reason: String) throws {
        let directory = try TemporaryDirectory()
        try directory.write(text.utf8, to: "j")
        let error = try #require(throws: RunDirectoryError.self) { try contents(directory) }
        #expect(error == .noJournal(path: "\(directory.path)/j", reason: reason))
    }

    @Test("of version 1, which did not name its statistics, is still read")
    func firstVersion() throws {
        let directory = try TemporaryDirectory()
        let bytes = try journal(RunFixture.allWell, in: directory)
        try directory.write(Array("wsperf journal 1\n".utf8) + bytes.dropFirst(RunJournal.head.count), to: "j")
        #expect(try contents(directory) == (RunFixture.allWell, 0))
    }

    @Test("does not trust a length beyond the end of the file")
    func hugeLength() throws {
        let directory = try TemporaryDirectory()
        try directory.write(
            RunJournal.head + [0xff, 0xff, 0xff, 0x03, 1, 2, 3, 4] + [UInt8](repeating: 7, count: 99), to: "j")
        #expect(try contents(directory) == ([], 107))
    }

    @Test("refuses records that are not events")
    func unknown() {
        func record(_ json: String, _ body: [UInt8] = []) -> [UInt8] {
            var bytes: [UInt8] = []
            bytes.append(littleEndian: UInt32(json.utf8.count))
            return bytes + Array(json.utf8) + body
        }
        #expect(RunEvent(record: record(#"{"event":"notice","text":"x"}"#)) == .notice("x"))
        for json in [
            "", "{", "[]", "{}", #"{"event":"new"}"#, #"{"event":"notice"}"#, #"{"event":"phase","phase":"x"}"#,
            #"{"event":"snapshot","worker":"w"}"#, #"{"event":"ended","end":"finished","elapsed_ns":-1}"#,
            #"{"event":"worker_ready","worker":"w","index":"x","machine":"m","pid":1}"#, #"{"event":"worker_ended"}"#,
            #"{"event":"started","run":"r","started_at_ms":1}"#,
        ] {
            #expect(RunEvent(record: record(json)) == nil, "\(json)")
        }
        #expect(RunEvent(record: record(#"{"event":"notice","text":"x"}"#, [0])) == nil)
        #expect(RunEvent(record: [1, 0]) == nil && RunEvent(record: [255, 255, 255, 255, 1]) == nil)
    }

    @Test("uses the usual CRC-32")
    func checksum() {
        #expect(CRC32.checksum(Array("123456789".utf8)) == 0xcbf4_3926)
        #expect(CRC32.checksum([UInt8]()) == 0)
    }
}
