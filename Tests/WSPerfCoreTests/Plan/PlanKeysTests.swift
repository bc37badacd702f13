import Foundation
import Testing

@testable import WSPerfCore

@Suite struct PlanKeysTests {
    /// Every key that any plan can have is in both manuals.
    @Test func everyKeyIsDocumented() throws {
        var keys = Set(PlanNode.shorthands)
        for json in PlanDocumentTests.documents {
            let reader = PlanReader(try PlanNode(json: json).expandingShorthands())
            _ = Plan.read(reader)
            for path in reader.knownPaths where !path.hasPrefix("headers") {
                for part in path.split(separator: ".") { keys.insert(String(part.prefix { $0 != "[" })) }
            }
        }
        #expect(
            keys.isSuperset(of: [
                "distribution", "unit", "stddev", "weighted", "server_name", "liveness", "file", "runs",
            ]))
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        for document in ["Docs/Plan.md", "Docs/PlanInSwift.md"] {
            let manual = try String(contentsOf: root.appendingPathComponent(document), encoding: .utf8)
            let words = Set(manual.split { !($0.isLetter || $0 == "_") }.map(String.init))
            #expect(keys.subtracting(words).sorted() == [], "not in \(document)")
        }
    }
}
