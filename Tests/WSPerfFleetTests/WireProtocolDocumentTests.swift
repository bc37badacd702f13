import Foundation
import Testing
import WSPerfCore

@testable import WSPerfFleet

/// Docs/WireProtocol.md is what a worker in another language is written from, so its examples must be true.
@Suite struct WireProtocolDocumentTests {
    private func document() throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "Docs/WireProtocol.md"), encoding: .utf8)
    }

    /// The code block that follows a heading.
    private func block(after heading: String) throws -> String {
        let rest = try document().components(separatedBy: "\n\(heading)\n")
        let blocks = try #require(rest.count == 2 ? rest[1] : nil).components(separatedBy: "```")
        let block = try #require(blocks.count > 2 ? blocks[1] : nil)
        return String(block.drop { $0 != "\n" }.dropFirst())
    }

    @Test func theTestVectorsAreDecodedAsTheySay() throws {
        var vectors: [(verdict: String, bytes: [UInt8])] = []
        for line in try block(after: "### Test vectors").split(separator: "\n") {
            if line.hasPrefix(" ") {
                let bytes = line.split(separator: " ").compactMap { UInt8($0, radix: 16) }
                vectors[vectors.count - 1].bytes += bytes
            } else {
                vectors.append((String(line), []))
            }
        }
        #expect(vectors.count > 10)
        for (verdict, bytes) in vectors {
            do throws(SnapshotDecodingError) {
                let snapshot = try Snapshot(decoding: bytes)
                #expect(verdict.hasPrefix("ok: "))
                if snapshot.statistics.unknownFields.isEmpty { #expect(snapshot.encoded() == bytes, "\(verdict)") }
            } catch {
                #expect(verdict == error.reason)
            }
        }
    }

    @Test func theExamplePlanIsAWholePlan() throws {
        let text = try block(after: "### The plan as JSON")
        let plan = try Plan(document: PlanNode(json: Array(text.utf8)))
        var resolved = plan
        resolved.timeLimit = nil
        #expect(plan.timeLimit == resolved.arithmetic.limit, "the time limit is the resolved one")
        let keys = try #require(plan.document.keys)
        #expect(keys.allSatisfy { text.contains("\"\($0)\":") }, "every key is there")
    }

    /// Every message of the trace is one that the codec reads.
    @Test func theMessagesOfTheTraceAreRead() throws {
        var read = 0
        for line in try block(after: "## A small run").split(separator: "\n") {
            guard let start = line.firstIndex(of: "{") else { continue }
            let envelope = Array(line[start...].utf8)
            if line.contains("controller/ {") {
                guard case .message = WireCodec.decodePeerMessage([Array("controller/".utf8), envelope]) else {
                    Issue.record("\(line)")
                    continue
                }
            } else {
                guard case .message = WireCodec.decodeCommand([Array("all/".utf8), envelope], topics: ["all/"]) else {
                    Issue.record("\(line)")
                    continue
                }
            }
            read += 1
        }
        #expect(read == 10)
    }
}

extension PlanNode {
    fileprivate var keys: [String]? {
        if case .mapping(let entries) = content { entries.map(\.key) } else { nil }
    }
}
