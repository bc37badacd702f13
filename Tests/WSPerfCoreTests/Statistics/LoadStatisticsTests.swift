import Testing

@testable import WSPerfCore

@Suite("LoadStatistics")
struct LoadStatisticsTests {
    /// Statistics in which every field has a different value.
    static func sample(seed: UInt64, values: Int = 200) -> LoadStatistics {
        var random = SeededGenerator(seed: seed, stream: 0)
        var statistics = LoadStatistics()
        for (index, field) in LoadStatistics.fields.enumerated() {
            switch field.storage {
            case .counter(let path), .maximum(let path):
                statistics[keyPath: path] = UInt64(index + 1) * 1000 + UInt64.random(in: 0..<1000, using: &random)
            case .outcomes(let path):
                statistics[keyPath: path] = [
                    .succeeded: 5 + seed, .refused: UInt64(index), .closed(1011): 1, .upgradeStatus(503): seed + 1,
                ]
            case .histogram(let path):
                let shape = ValueShape.allCases[index % ValueShape.allCases.count]
                for value in shape.values(values + index, seed: seed &+ UInt64(index)) {
                    statistics[keyPath: path].record(value)
                }
            }
        }
        return statistics
    }

    @Test("names every stored property in its table, once")
    func table() {
        // A property missing from the table would be neither merged nor sent.
        let stored = Mirror(reflecting: LoadStatistics()).children.compactMap(\.label)
        #expect(
            stored.count == LoadStatistics.fields.count + 1,
            "LoadStatistics has a stored property that is not in its table: \(stored)")
        let names = LoadStatistics.fields.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { Outcome(rawValue: $0) != nil }, "a field's name may hold a-z, 0-9 and _ only")
        let paths: [AnyKeyPath] = LoadStatistics.fields.map { field in
            switch field.storage {
            case .counter(let path), .maximum(let path): path
            case .outcomes(let path): path
            case .histogram(let path): path
            }
        }
        #expect(Set(paths).count == paths.count)
    }

    @Test("merges every field, in any order")
    func merging() {
        let parts = (0..<5).map { Self.sample(seed: UInt64($0)) }
        var forwards = LoadStatistics()
        var backwards = LoadStatistics()
        for part in parts { forwards.merge(part) }
        for part in parts.reversed() { backwards += part }
        #expect(forwards == backwards)
        for field in LoadStatistics.fields {
            switch field.storage {
            case .counter(let path): #expect(forwards[keyPath: path] == parts.reduce(0) { $0 + $1[keyPath: path] })
            case .maximum(let path): #expect(forwards[keyPath: path] == parts.map { $0[keyPath: path] }.max())
            case .outcomes(let path):
                #expect(forwards[keyPath: path][.upgradeStatus(503)] == 15, "\(field.name)")
            case .histogram(let path):
                #expect(forwards[keyPath: path].count == parts.reduce(0) { $0 + $1[keyPath: path].count })
            }
        }
        #expect(forwards.accounted == parts.reduce(0) { $0 + $1.accounted })
    }

    @Test("keeps the latest start, not the sum of starts")
    func lastStart() {
        var statistics = LoadStatistics()
        for start: UInt64 in [5, 9, 0, 7] {
            var delta = LoadStatistics()
            delta.lastStart = start
            statistics.merge(delta)
        }
        #expect(statistics.lastStart == 9)
    }

    @Test("keeps a bounded number of unknown names, the same in any order")
    func unknownNames() {
        let parts = (0..<10).map { part in
            var statistics = LoadStatistics()
            statistics.addUnknown(Set((0..<7).map { "new_\(($0 * 31 + part * 17) % 70 + 100)" }))
            return statistics
        }
        var forwards = LoadStatistics()
        var backwards = LoadStatistics()
        for part in parts { forwards.merge(part) }
        for part in parts.reversed() { backwards.merge(part) }
        #expect(forwards == backwards && !forwards.isEmpty)
        #expect(forwards.unknownFields.count == LoadStatistics.unknownFieldLimit)
        forwards.reset()
        #expect(forwards.isEmpty && forwards.unknownFields == [])
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
