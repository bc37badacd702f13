import Testing

@testable import WSPerfCore

@Suite("LoadStatistics")
struct LoadStatisticsTests {
    /// Statistics in which every field holds something of its own.
    static func sample(seed: UInt64, values: Int = 200) -> LoadStatistics {
        var random = ShapeRandom(seed)
        var statistics = LoadStatistics()
        for (index, field) in LoadStatistics.counters.enumerated() {
            statistics[keyPath: field] = UInt64(index + 1) * 1000 + UInt64.random(in: 0..<1000, using: &random)
        }
        statistics.outcomes = [.succeeded: 5 + seed, .refused: 3, .closed(1011): 1, .upgradeStatus(503): seed + 1]
        for (index, field) in LoadStatistics.distributions.enumerated() {
            let shape = ValueShape.allCases[index % ValueShape.allCases.count]
            for value in shape.values(values + index, seed: seed &+ UInt64(index)) {
                statistics[keyPath: field].record(value)
            }
        }
        return statistics
    }

    @Test("names every stored property in its tables")
    func tables() {
        // A property that is missing from the tables would neither merge nor travel.
        let stored = Mirror(reflecting: LoadStatistics()).children.compactMap(\.label)
        #expect(
            stored.count == LoadStatistics.counters.count + LoadStatistics.distributions.count + 2,
            "LoadStatistics has a stored property that is in none of its tables: \(stored)")
        #expect(Set(LoadStatistics.counters).count == LoadStatistics.counters.count)
        #expect(Set(LoadStatistics.distributions).count == LoadStatistics.distributions.count)
    }

    @Test("merges every field, in any order")
    func merging() {
        let parts = (0..<5).map { Self.sample(seed: UInt64($0)) }
        var forwards = LoadStatistics()
        var backwards = LoadStatistics()
        for part in parts { forwards.merge(part) }
        for part in parts.reversed() { backwards += part }
        #expect(forwards == backwards)
        for field in LoadStatistics.counters {
            #expect(forwards[keyPath: field] == parts.reduce(0) { $0 + $1[keyPath: field] })
        }
        for field in LoadStatistics.distributions {
            #expect(forwards[keyPath: field].count == parts.reduce(0) { $0 + $1[keyPath: field].count })
        }
        #expect(forwards.outcomes[.upgradeStatus(503)] == 15)
        #expect(forwards.accounted == parts.reduce(0) { $0 + $1.accounted })
    }

    @Test("is empty at first and after a reset")
    func reset() {
        var statistics = Self.sample(seed: 1)
        #expect(!statistics.isEmpty)
        statistics.reset()
        #expect(statistics.isEmpty && statistics == LoadStatistics())
        statistics.cpuUser = 1
        #expect(!statistics.isEmpty)
    }
}
