import Foundation
import Testing

@testable import WSPerfCore

/// A log gives the same messages from memory, from a file in blocks, and from a mapped file.
@Suite struct ReplayLogSourceTests {
    private static let text: String = {
        var random = SeededGenerator(seed: 11, stream: 0)
        var lines = ["\u{FEFF}"]
        for number in 0..<300 {
            let connection = random.nextInteger(in: 0...11) * 10
            let head = #"{"t_us": \#(random.nextInteger(in: 0...999)), "conn": \#(connection)"#
            switch number % 6 {
            case 0: lines.append(head + #", "len": \#(number)}"#)
            case 1: lines.append(head + #", "data": "grüß \#(number)"}"#)
            case 2: lines.append(head + #", "data": "{\"a\":\"\n\u00e4\u20ac\ud83d\ude00\\\"} ß\#(number)"}"#)
            case 3: lines.append(head + #", "op": 2, "b64": "3q2+7w=="}"#)
            case 4: lines.append(head + #", "op": 2, "b64": "\/wD\u002fAA=="}"#)
            default: lines.append(#"{"t_us": 5, "dir": "receive", "data": "no"}"#)
            }
        }
        return lines.joined(separator: "\n")
    }()

    private func withFile(_ text: String, _ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("wsperf-\(UUID().uuidString)").path
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private func plan(_ path: String, located: Bool) throws -> (Plan, ReplayOptions) {
        var plan = Plan(target: try Target("ws://h/"))
        let options = ReplayOptions(log: "log")
        plan.fileLocations = located ? ["log": path] : [:]
        return (plan, located ? options : ReplayOptions(log: path))
    }

    @Test(arguments: [7, 100, 4096, 1 << 20]) func blocksOfAFile(_ block: Int) throws {
        let expected = try ReplayLog(parsing: Array(Self.text.utf8), name: "log")
        try withFile(Self.text) { path in
            let file = try ReplayLogSource.OpenFile(path, name: path)
            let log = try ReplayLog(.file(file, path: path, block: block), name: "log", share: .all)
            #expect(messages(log) == messages(expected))
            #expect(log.byteCount == expected.byteCount && log.maximumLength == expected.maximumLength)
        }
    }

    @Test func aMappedFileHoldsNoCopies() throws {
        let expected = try ReplayLog(parsing: Array(Self.text.utf8), name: "log")
        try withFile(Self.text) { path in
            let (plan, options) = try plan(path, located: true)
            let log = try ReplayLog.load(options, of: plan)
            #expect(messages(log) == messages(expected))
            #expect(log.data.count == Self.text.utf8.count)
        }
    }

    /// A worker holds the messages of its own connections, and the figures of the whole log.
    @Test(arguments: [true, false]) func aShareHoldsItsConnections(_ isMapped: Bool) throws {
        let whole = try ReplayLog(parsing: Array(Self.text.utf8), name: "log")
        #expect(whole.connectionCount == 12)
        try withFile(Self.text) { path in
            let (plan, options) = try plan(path, located: isMapped)
            for range in [0..<5, 5..<12, 10..<15, 24..<25, 7..<40] {
                let log = try ReplayLog.load(options, of: plan, share: .connections(range))
                let ranks = Set(range.map { $0 % 12 })
                #expect(messages(log) == messages(whole).filter { ranks.contains($0.rank) })
                #expect(log.entries.count == ranks.reduce(0) { $0 + whole.messageCount(forConnection: $1) })
                #expect(
                    (0..<12).map { log.messageCount(forConnection: $0) }
                        == (0..<12).map { whole.messageCount(forConnection: $0) })
                #expect(log.messageCount == whole.messageCount && log.span == whole.span)
            }
            let none = try ReplayLog.load(options, of: plan, share: .none)
            #expect(none.entries.isEmpty && none.data.isEmpty && none.byteCount == whole.byteCount)
            #expect(try ReplayLog.load(options, of: plan, share: .none) === none)
        }
    }

    /// Text is cut at a character, however it is written; bytes are cut anywhere.
    @Test func cutPayloads() throws {
        let log = try replayLog(
            #"""
            {"t_us": 0, "data": "a\u00e4\u20ac\ud83d\ude00z"}
            {"t_us": 1, "op": 1, "b64": "YcOk4oKs8J+YgHo="}
            {"t_us": 2, "data": "aä€😀z"}
            """#)
        let text = Array("aä€😀z".utf8)
        let source = SharedArray(Array(#""a\u00e4\u20ac\ud83d\ude00z" "YcOk4oKs8J+YgHo=""#.utf8))
        #expect(messages(log).allSatisfy { $0.data == text })
        for size in 0..<text.count {
            let whole = [0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10][size]
            for (place, writing) in [(1, RecordedWriting.escaped), (30, .base64)] {
                let cut = filled(size) {
                    $0.append(source, at: place, length: text.count, writing, .text)
                    $0.pad()
                }
                #expect(cut == Array(text[..<whole]) + Array(repeating: UInt8(ascii: "0"), count: size - whole))
            }
        }
    }

    @Test func aFileThatChangesIsAnError() throws {
        try withFile(Self.text) { path in
            let file = try ReplayLogSource.OpenFile(path, name: path)
            let source = ReplayLogSource.file(file, path: path, block: 100)
            let figures = try ReplayLogFigures(source, name: "log")
            let ranks = Dictionary(uniqueKeysWithValues: zip(figures.connections.keys.sorted(), 0...))
            let starts = figures.connections.keys.sorted().reduce(into: [0 as UInt32]) {
                $0.append(($0.last ?? 0) + (figures.connections[$1] ?? 0))
            }
            for changed in [Self.text + "\n{\"t_us\": 1, \"len\": 1}", String(Self.text.prefix(3000))] {
                let handle = try #require(FileHandle(forWritingAtPath: path))
                try handle.truncate(atOffset: 0)
                try handle.write(contentsOf: Data(changed.utf8))
                try handle.close()
                let again = ReplayLogSource.file(
                    try ReplayLogSource.OpenFile(path, name: path), path: path, block: 100)
                #expect {
                    try ReplayLogFilling(again, name: "log", ranks: ranks, starts: starts, earliest: figures.earliest)
                } throws: { "\($0)".hasPrefix("log") }
            }
        }
    }
}
