import Foundation
import Testing

/// Docs/Failures.md names a test for each of its rows; they must be there.
@Suite struct FailuresDocumentTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func everyRowNamesTestsThatExist() throws {
        let document = try String(contentsOf: Self.root.appending(path: "Docs/Failures.md"), encoding: .utf8)
        let files = try #require(
            FileManager.default.enumerator(at: Self.root.appending(path: "Tests"), includingPropertiesForKeys: nil))
        var sources: [String] = []
        for case let file as URL in files where file.pathExtension == "swift" {
            sources.append(try String(contentsOf: file, encoding: .utf8))
        }
        var named = 0
        for match in document.matches(of: /`(\w+Tests)(?:\.(\w+))?`/) {
            let suite = sources.first { $0.contains("struct \(match.output.1) ") }
            #expect(suite != nil, "there is no suite \(match.output.1)")
            if let test = match.output.2 {
                #expect(suite?.contains("func \(test)(") == true, "there is no \(match.output.1).\(test)")
            }
            named += 1
        }
        #expect(named > 40)
        let rows = document.components(separatedBy: "## What it costs")[0]
        for line in rows.split(separator: "\n") where line.hasPrefix("| ") && !line.hasPrefix("| what |") {
            #expect(line.contains("Tests"), "no test proves: \(line)")
        }
    }
}
