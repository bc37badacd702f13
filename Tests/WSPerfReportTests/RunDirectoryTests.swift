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
