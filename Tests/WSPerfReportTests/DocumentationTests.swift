import Foundation
import Testing
import WSPerfCore

@testable import WSPerfReport

@Suite("Docs/Results.md")
struct DocumentationTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func text(_ path: String) throws -> String {
        try String(decoding: Data(contentsOf: Self.root.appending(path: path)), as: UTF8.self)
    }

    @Test("names every outcome there is")
    func outcomes() throws {
        let document = try text("Docs/Results.md")
        let source = try text("Sources/WSPerfCore/Statistics/Outcome.swift")
        let names = source.matches(of: #/static let \w+ = Outcome\("([a-z0-9_]+)"\)/#).map { String($0.output.1) }
        #expect(names.count >= 20 && names.contains("succeeded"))
        for name in names + ["upgrade_status_NNN", "closed_NNNN", "upgrade_status_503", "closed_1011"] {
            #expect(document.contains("`\(name)`"), "\(name) is not described")
        }
    }

    @Test("names every key of summary.json, every column and every verdict")
    func keys() throws {
        let document = try text("Docs/Results.md")
        let summary = RunAccumulator.summary(of: RunFixture.oneKilled)
        let json = try PlanNode(json: summary.json())
        var keys: Set<String> = []
        func collect(_ node: PlanNode) {
            switch node.content {
            case .mapping(let entries):
                for entry in entries where entry.key != "plan" && entry.key != "outcomes" {
                    keys.insert(entry.key)
                    collect(entry.value)
                }
            case .sequence(let nodes): nodes.forEach(collect)
            case .null, .scalar: break
            }
        }
        collect(json)
        let columns = TimelineRow.header.split(separator: ",").map { String($0) }
        let phases = RunPhase.allCases.map(\.rawValue)
        for name in keys.union(columns).union(phases).union(GeneratorVerdict.allCases.map(\.rawValue)) {
            let isNamed = document.contains("`\(name)`") || document.contains(".\(name)`")
            #expect(isNamed, "\(name) is not described")
        }
        #expect(document.contains("`\(RunSummary.schema)`"))
    }

    @Test("names every exit status")
    func exitStatuses() throws {
        let document = try text("Docs/Results.md")
        let statuses = [
            ExitStatus.success, ExitStatus.usage, ExitStatus.invalid, ExitStatus.notKept,
            ExitStatus.interrupted,
        ]
        for status in statuses { #expect(document.contains("\n| \(status) | ")) }
    }
}
