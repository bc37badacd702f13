import Foundation
import Testing
import WSPerfCore

@testable import WSPerfReport

@Suite("Progress")
struct ProgressTests {
    private func text(_ events: some Sequence<RunEvent>) -> String {
        var line = ProgressLine()
        for event in events { line.fold(event) }
        return line.text
    }

    @Test("says where a run is")
    func line() {
        let events = RunFixture.allWell
        #expect(text([]) == "")
        #expect(text(events.prefix(2)) == "waiting for the load machines · 0 of 4 workers ready")
        #expect(text(events.prefix(5)) == "starting the workers · 2 of 4 workers ready")
        let second = events.prefix(9 + 8)
        #expect(
            text(second).hasPrefix(
                "sending messages · 880 open, 1,000 of 1,000 opened · 6,000 sent, 6,000 received · 800 msg/s · rtt p99 5."
            ))
        #expect(text(events) == "done · 0 open, 1,000 of 1,000 opened · 10,000 sent, 10,000 received")
        #expect(text(RunFixture.oneKilled).hasSuffix(" · 20 failed · 1 worker LOST"))
        #expect(text(RunFixture.allRefused) == "done · 0 open, 0 of 200 opened · 200 failed")
    }

    @Test("copes with any times in any order")
    func hostile() {
        var line = ProgressLine()
        for elapsed in [.max, 0, 5, .max - 1, 1 << 63] as [UInt64] {
            line.fold(
                .snapshot(
                    worker: "x",
                    EncodedSnapshot(
                        Snapshot(
                            sequence: 1, elapsed: elapsed, isFinal: false,
                            statistics: RunFixture.statistics(opened: 1, messages: 1, outcomes: [.succeeded: 9])))))
            #expect(!line.text.isEmpty)
        }
    }

    @Test("is plain lines at most every two seconds if there is no terminal")
    func plain() throws {
        let pipe = Pipe()
        // It opens the pipe a second time, and closes it with its own end.
        var writer = Optional(ProgressWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor))
        writer?.record(RunFixture.started(), at: 0)
        for step in 0..<100 {
            writer?.record(.workerReady(RunFixture.worker(0)), at: UInt64(step) * 100_000_000)
        }
        writer?.record(.notice("evil \u{1b}[2J"), at: 10_000_000_000)
        writer?.record(.ended(.finished, elapsed: 1), at: 10_000_000_001)
        writer = nil
        try pipe.fileHandleForWriting.close()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let lines = output.split(separator: "\n")
        #expect(lines.count == 7)
        #expect(
            lines.first == "0 of 4 workers ready" && lines[5] == #"evil \u{1b}[2J"#
                && lines.last == "done · 100 of 4 workers ready")
        #expect(!output.contains("\r") && !output.contains("\u{1b}"))
    }

    @Test("is no line twice if there is no terminal")
    func onlyNews() throws {
        let pipe = Pipe()
        // It opens the pipe a second time, and closes it with its own end.
        var writer = Optional(ProgressWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor))
        writer?.record(RunFixture.started(), at: 0)
        for step in 1...10 { writer?.record(.phase(.launching), at: UInt64(step) * 5_000_000_000) }
        writer = nil
        try pipe.fileHandleForWriting.close()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(output == "0 of 4 workers ready\nstarting the workers · 0 of 4 workers ready\n")
    }

    @Test("is one line rewritten in place, at most five times a second, on a terminal")
    func terminal() throws {
        var (controlling, terminal): (Int32, Int32) = (-1, -1)
        var size = winsize(ws_row: 24, ws_col: 30, ws_xpixel: 0, ws_ypixel: 0)
        guard openpty(&controlling, &terminal, nil, nil, &size) == 0 else {
            Issue.record("no pseudo-terminal")
            return
        }
        defer { close(controlling) }
        var writer = Optional(ProgressWriter(descriptor: terminal))
        writer?.record(RunFixture.started(), at: 0)
        for step in 1...10 { writer?.record(RunFixture.snapshots(0)[0], at: UInt64(step) * 100_000_000) }
        writer?.record(.notice("look"), at: 1_000_000_001)
        writer?.record(.ended(.finished, elapsed: 1), at: 1_000_000_002)
        writer = nil
        close(terminal)
        // A pseudo-terminal returns its content in pieces, and EIO at the end.
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(controlling, &piece, piece.count), count > 0 { bytes += piece.prefix(count) }
        let output = String(decoding: bytes, as: UTF8.self)
        let pieces = output.components(separatedBy: "\r")
        let lines = pieces.filter { $0.contains("\u{1b}[K") }.map { $0.replacingOccurrences(of: "\u{1b}[K", with: "") }
        #expect(lines.count == 1 + 5 + 1 + 1, "\(pieces)")
        #expect(lines.allSatisfy { $0.count <= 30 || $0.contains("look") }, "\(lines)")
        #expect(output.contains("look") && output.hasSuffix("\u{1b}[K\r\n"))
    }
}
