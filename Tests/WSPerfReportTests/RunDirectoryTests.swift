import Foundation
import Testing
import WSPerfCore

@testable import WSPerfReport

@Suite("RunDirectory")
struct RunDirectoryTests {
    @Test("is named after the time and the plan, and never the same twice")
    func made() throws {
        let temporary = try TemporaryDirectory()
        let folder = "\(temporary.path)/some/runs"
        let first = try RunDirectory.make(in: folder, name: "two words/ü", startedAt: 1_767_225_600_123)
        let second = try RunDirectory.make(in: folder, name: "two words/ü", startedAt: 1_767_225_600_999)
        #expect(first.path == "\(folder)/20260101T000000Z-two-words--")
        #expect(second.path == first.path + "-2")
    }

    @Test("may be new, empty or an earlier run's")
    func prepared() throws {
        let temporary = try TemporaryDirectory()
        let path = "\(temporary.path)/a/b"
        for _ in 0..<3 {
            let directory = try RunDirectory.prepare(path)
            let recorder = RunRecorder(directory: directory, plan: (text: "p", name: "plan.yaml")) {
                Issue.record("\($0)")
            }
            for event in RunFixture.allRefused { recorder.record(event) }
            #expect(recorder.result?.kept == true)
        }
        _ = try RunDirectory.prepare(path)
        #expect(try FileManager.default.contentsOfDirectory(atPath: path) == [])
    }

    @Test(
        "is refused, and nothing in it changes, if it contains anything else",
        arguments: [
            ["notes.txt"], ["journal.wsj", "summary.json", "thesis.tex"], ["plan.yaml"], ["journal.wsj", "more/"],
        ])
    func occupied(names: [String]) throws {
        let temporary = try TemporaryDirectory()
        for name in names {
            if name.hasSuffix("/") {
                try FileManager.default.createDirectory(
                    atPath: "\(temporary.path)/\(name)", withIntermediateDirectories: true)
            } else {
                try temporary.write([1], to: name)
            }
        }
        let before = try temporary.names
        let error = try #require(throws: RunDirectoryError.self) { try RunDirectory.prepare(temporary.path) }
        guard case .occupied = error else {
            Issue.record("\(error)")
            return
        }
        #expect(try temporary.names == before)
    }

    @Test("is unwritable where the system refuses", arguments: ["/dev/null/x", "/proc/wsperf", ""])
    func unwritable(path: String) throws {
        let error = try #require(throws: RunDirectoryError.self) { try RunDirectory.prepare(path) }
        guard case .unwritable = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test("writes files completely or not at all")
    func atomic() throws {
        let temporary = try TemporaryDirectory()
        let directory = RunDirectory(existing: temporary.path)
        try directory.write("old", to: "x")
        try directory.write("new", to: "x")
        #expect(try temporary.bytes("x") == Array("new".utf8))
        #expect(throws: RunDirectoryError.self) { try directory.write("y", to: "no/such/place") }
        #expect(try temporary.names == ["x"])
    }
}
