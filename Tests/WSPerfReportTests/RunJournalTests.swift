import Testing
import WSPerfCore

@testable import WSPerfReport

@Suite("RunJournal")
struct RunJournalTests {
    /// One of each kind, with all that text may hold.
    static let everything: [RunEvent] =
        [
            RunFixture.started(), RunFixture.snapshot(0, 1, RunFixture.statistics(opened: 2, messages: 5)),
            .workerReady(WorkerInfo(id: "a\"b\\c", index: 7, machine: "héte\u{1F600}\u{85}", pid: .max)),
            .workerEnded(
                worker: "w", WorkerEnd(lost: true, status: -1, signal: 15, reason: "\u{1b}[0m", stderr: "a\nb\r\t\u{0}")
            ),
            .workerEnded(worker: "", WorkerEnd(lost: false, reason: "")),
            .notice("\u{7f}\u{2028}\"quoted\""),
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

    @Test("has every event on disk as soon as it is appended")
    func writtenThrough() throws {
        let directory = try TemporaryDirectory()
        let journal = try RunJournal(path: "\(directory.path)/j")
        for (index, event) in Self.everything.enumerated() {
            try journal.append(event)
            #expect(try contents(directory).events.count == index + 1)
        }
    }

    @Test("counts everything before a torn end, wherever it is torn")
    func torn() throws {
        let directory = try TemporaryDirectory()
        let events = Array(Self.everything.prefix(9))
        var ends: [Int] = [RunJournal.magic.count]
        for count in 1...events.count { ends.append(try journal(Array(events[..<count]), in: directory).count) }
        let whole = try directory.bytes("j")
        for length in 0..<whole.count {
            try directory.write(whole[..<length], to: "j")
            guard length >= RunJournal.magic.count else {
                #expect(throws: RunDirectoryError.self) { try contents(directory) }
                continue
            }
            let expected = ends.count { $0 <= length } - 1
            let (read, dropped) = try contents(directory)
            try #require(read.count == expected && Int(dropped) == length - ends[expected], "at \(length)")
        }
    }

    @Test("counts everything before a byte that has changed, whichever it is")
    func corrupted() throws {
        let directory = try TemporaryDirectory()
        let events = Array(Self.everything.prefix(7))
        var ends: [Int] = [RunJournal.magic.count]
        for count in 1...events.count { ends.append(try journal(Array(events[..<count]), in: directory).count) }
        let whole = try directory.bytes("j")
        for place in RunJournal.magic.count..<whole.count {
            var bytes = whole
            bytes[place] ^= 0x41
            try directory.write(bytes, to: "j")
            let intact = ends.count { $0 <= place } - 1
            let (read, dropped) = try contents(directory)
            try #require(read == Array(events[..<intact]) && Int(dropped) == whole.count - ends[intact], "at \(place)")
        }
    }

    @Test("is no journal of this version", arguments: ["", "wsperf journal 2\n", "{}", "wsperf journal 1"])
    func notAJournal(text: String) throws {
        let directory = try TemporaryDirectory()
        try directory.write(text.utf8, to: "j")
        let error = try #require(throws: RunDirectoryError.self) { try contents(directory) }
        #expect(error.description.contains("no run to report"))
    }

    @Test("never believes a length that the file does not have")
    func hugeLength() throws {
        let directory = try TemporaryDirectory()
        try directory.write(
            RunJournal.magic + [0xff, 0xff, 0xff, 0x03, 1, 2, 3, 4] + [UInt8](repeating: 7, count: 99), to: "j")
        #expect(try contents(directory) == ([], 107))
    }

    @Test("refuses records that are no events")
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

    @Test("has the checksum that everybody has")
    func checksum() {
        #expect(CRC32.checksum(Array("123456789".utf8)) == 0xcbf4_3926)
        #expect(CRC32.checksum([UInt8]()) == 0)
    }
}
