import Foundation
import Testing

/// Docs/Proofs.md names the tests that prove each row of Docs/Failures.md.
@Suite struct FailuresDocumentTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func document(_ name: String) throws -> String {
        try String(contentsOf: Self.root.appending(path: "Docs/\(name)"), encoding: .utf8)
    }

    @Test func everyNamedTestExists() throws {
        let files = try #require(
            FileManager.default.enumerator(at: Self.root.appending(path: "Tests"), includingPropertiesForKeys: nil))
        var sources: [String] = []
        for case let file as URL in files where file.pathExtension == "swift" {
            sources.append(try String(contentsOf: file, encoding: .utf8))
        }
        var named = 0
        for match in try document("Proofs.md").matches(of: /`(\w+Tests)(?:\.(\w+))?`/) {
            let suite = sources.first { $0.contains("struct \(match.output.1) ") }
            #expect(suite != nil, "there is no suite \(match.output.1)")
            if let test = match.output.2 {
                #expect(suite?.contains("func \(test)(") == true, "there is no \(match.output.1).\(test)")
            }
            named += 1
        }
        #expect(named > 40)
    }

    @Test func everyRowHasTests() throws {
        // The list's items are wrapped.
        let proofs = try document("Proofs.md").split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let tables = try document("Failures.md").components(separatedBy: "## What a fleet costs")[0]
        var rows = 0
        for line in tables.split(separator: "\n") where line.hasPrefix("| ") && !line.hasPrefix("| what |") {
            let what = line.dropFirst(2).components(separatedBy: " | ")[0]
            #expect(proofs.contains("- \(what): `"), "no test proves: \(what)")
            rows += 1
        }
        #expect(rows > 35)
    }
}
