import Foundation
import Testing

/// What the tests read of a run's `summary.json`.
struct SummaryFile: Decodable {
    struct Run: Decodable {
        var valid: Bool
        var exit: Int
        var end: String?
        var reasons: [String]

        enum CodingKeys: String, CodingKey {
            case valid, exit, end
            case reasons = "invalid_because"
        }
    }
    struct Connections: Decodable {
        var planned: Int
        var opened: Int
        var outcomes: [String: Int]
    }
    struct Worker: Decodable {
        var index: Int
        var machine: String
        var pid: Int32
        var lost: Bool
        var signal: Int?
        var status: Int?
        var reason: String
        var planned: Int
        var outcomes: [String: Int]
    }
    var run: Run
    var connections: Connections
    var workers: [Worker]
    var notices: [String]

    init(_ directory: String) throws {
        self = try JSONDecoder().decode(
            SummaryFile.self, from: Data(contentsOf: URL(fileURLWithPath: directory + "/summary.json")))
    }

    /// Checks what holds for every report: each connection has one outcome.
    func expectToAddUp(_ planned: Int, _ location: SourceLocation = #_sourceLocation) {
        #expect(connections.planned == planned, sourceLocation: location)
        #expect(connections.outcomes.values.reduce(0, +) == planned, sourceLocation: location)
        for worker in workers {
            #expect(worker.outcomes.values.reduce(0, +) == worker.planned, sourceLocation: location)
        }
    }
}
