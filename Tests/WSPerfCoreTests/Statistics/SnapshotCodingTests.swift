import Testing

@testable import WSPerfCore

@Suite("Snapshot body")
struct SnapshotCodingTests {
    private func snapshot(seed: UInt64, values: Int = 200) -> Snapshot {
        Snapshot(
            sequence: seed &* 77, elapsed: seed &* 1_000_000_007, isFinal: seed % 2 == 1,
            statistics: LoadStatisticsTests.sample(seed: seed, values: values))
    }

    @Test("comes back as it went", arguments: 0..<20)
    func roundTrip(seed: UInt64) throws {
        let snapshot = snapshot(seed: seed)
        let bytes = snapshot.encoded()
        let decoded = try Snapshot(decoding: bytes)
        #expect(decoded == snapshot)
        #expect(decoded.encoded() == bytes)
        #expect(try LoadStatistics(decoding: snapshot.statistics.encoded()) == snapshot.statistics)
    }

    @Test("holds the extremes")
    func extremes() throws {
        var statistics = LoadStatistics()
        statistics.sendLag.record(.max)
        statistics.sendLag.record(0)
        statistics.sent = 1 << 53
        let snapshot = Snapshot(sequence: .max, elapsed: .max, isFinal: false, statistics: statistics)
        #expect(try Snapshot(decoding: snapshot.encoded()) == snapshot)
        let empty = Snapshot(sequence: 0, elapsed: 0, isFinal: true, statistics: LoadStatistics())
        #expect(empty.encoded().count == 4 + 1 + 14 + 1 + 1 + 8)
        #expect(try Snapshot(decoding: empty.encoded()) == empty)
    }

    /// The bytes of Docs/WireProtocol.md's example: change them only together with the version and the document.
    @Test("is, byte for byte, what the documentation shows")
    func golden() throws {
        var statistics = LoadStatistics()
        statistics.started = 300
        statistics.opened = 2
        statistics.sent = 2
        statistics.outcomes = [.refused: 298, .succeeded: 1]
        statistics.sendLag.record(3)
        statistics.sendLag.record(3)
        statistics.sendLag.record(5000)
        let snapshot = Snapshot(sequence: 1, elapsed: 1_000_000, isFinal: false, statistics: statistics)
        let golden: [UInt8] = [
            0x01, 0x00, 0x01, 0xc0, 0x84, 0x3d,  // version, flags, sequence 1, elapsed 1,000,000
            0x02,  // version of the statistics
            0xac, 0x02, 0x02, 0x00,  // started 300, opened 2, ended 0
            0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // sent 2, received, unanswered, … blocked
            0x00, 0x00, 0x00, 0x00,  // bytes sent and received, processor time
            0x02,  // two outcomes
            0x07, 0x72, 0x65, 0x66, 0x75, 0x73, 0x65, 0x64, 0xaa, 0x02,  // refused 298
            0x09, 0x73, 0x75, 0x63, 0x63, 0x65, 0x65, 0x64, 0x65, 0x64, 0x01,  // succeeded 1
            0x00,  // no interruptions
            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // seven empty distributions
            0x03, 0x00, 0x03, 0x88, 0x27,  // send lag: count 3, saturated 0, min 3, max 5,000
            0x8e, 0x27, 0xd2, 0xf0, 0xf5, 0x0b,  // sum 5,006, sum of squares 25,000,018
            0x02, 0x00, 0x02, 0xde, 0x19, 0x01,  // two buckets: gap 0 (bucket 3) twice, gap 3,294 (bucket 3,298) once
        ]
        #expect(snapshot.encoded() == golden)
        #expect(try Snapshot(decoding: golden) == snapshot)
    }

    @Test("is refused when cut short or prolonged, wherever")
    func truncated() {
        let bytes = snapshot(seed: 3, values: 40).encoded()
        let accepted = (0..<bytes.count).filter { (try? Snapshot(decoding: Array(bytes[..<$0]))) != nil }
        #expect(accepted == [])
        #expect(throws: SnapshotDecodingError.self) { try Snapshot(decoding: bytes + [0]) }
    }

    @Test("is refused, or else consistent, when its bytes are changed", arguments: 0..<8)
    func mutated(seed: UInt64) throws {
        var random = ShapeRandom(seed)
        let original = snapshot(seed: seed, values: 30).encoded()
        for _ in 0..<1500 {
            var bytes = original
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 2: bytes.remove(at: place)
                default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
                }
            }
            try expectHarmless(bytes)
        }
    }

    @Test("is refused, or else consistent, when made of random bytes")
    func random() throws {
        var random = ShapeRandom(5)
        for _ in 0..<10_000 {
            let bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            try expectHarmless([1, 0, 1, 1, 1] + bytes.map { $0 & 0x8f })
            try expectHarmless(bytes)
        }
    }

    /// Whatever is accepted re-encodes to itself, merges, and gives figures without a trap.
    private func expectHarmless(_ bytes: [UInt8]) throws {
        guard let snapshot = try? Snapshot(decoding: bytes) else { return }
        var sum = snapshot.statistics
        for _ in 0..<3 { sum.merge(snapshot.statistics) }
        let isHarmless = LoadStatistics.distributions.map { sum[keyPath: $0] }.allSatisfy { histogram in
            histogram.standardDeviation.isFinite && histogram.mean.isFinite
                && histogram.percentile(99) <= Histogram.highestTrackableValue
                && histogram.buckets.count <= Histogram.lastBucket + 1
        }
        try #require(isHarmless && snapshot.encoded() == bytes)
    }

    @Test(
        "is refused when it claims what it cannot hold",
        arguments: [
            [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],  // a counter over 64 bits
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],  // a counter over 2⁵³
            [0x80, 0x00],  // zero in two bytes
        ] as [[UInt8]])
    func numbers(counter: [UInt8]) {
        let head: [UInt8] = [1, 0, 1, 1, 2]
        let rest = [UInt8](repeating: 0, count: 13 + 1 + 1 + 8)
        #expect((try? Snapshot(decoding: head + [0x05] + rest)) != nil)
        #expect(throws: SnapshotDecodingError.self) { try Snapshot(decoding: head + counter + rest) }
    }

    /// The figures of a distribution as they are written; those of two values of 3 and one of 5,000 unless changed.
    struct Figures: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var count: UInt64 = 3
        var saturated: UInt64 = 0
        var lowest: UInt64 = 3
        var highest: UInt64 = 5000
        var sum: UInt128 = 5006
        var squares: UInt128 = 25_000_018
        var buckets: [UInt64] = [0, 2, 3294, 1]

        var bytes: [UInt8] {
            var writer = ByteWriter()
            for value in [count, saturated, lowest, highest] { writer.write(varint: value) }
            writer.write(varint: sum)
            writer.write(varint: squares)
            writer.write(varint: UInt64(buckets.count / 2))
            for value in buckets { writer.write(varint: value) }
            return writer.bytes
        }
    }

    @Test(
        "is refused when a distribution contradicts itself",
        arguments: [
            Figures(testDescription: "buckets below the count", buckets: [0, 1, 3294, 1]),
            Figures(testDescription: "buckets above the count", buckets: [0, 3, 3294, 1]),
            Figures(
                testDescription: "an empty bucket", count: 2, sum: 5003, squares: 25_000_009, buckets: [0, 0, 3294, 2]),
            Figures(testDescription: "no buckets", buckets: []),
            Figures(testDescription: "not from the minimum on", buckets: [1, 2, 3293, 1]),
            Figures(testDescription: "not up to the maximum", buckets: [0, 2, 3293, 1]),
            Figures(testDescription: "beyond the maximum", buckets: [0, 2, 3295, 1]),
            Figures(testDescription: "beyond every bucket", buckets: [0, 2, .max, 1]),
            Figures(testDescription: "minimum over maximum", lowest: 5001),
            Figures(testDescription: "maximum out of range", highest: Histogram.highestTrackableValue + 1),
            Figures(testDescription: "saturated below the range's end", saturated: 1),
            Figures(testDescription: "sum too small", sum: 8),
            Figures(testDescription: "sum too large", sum: 15_001),
            Figures(testDescription: "squares below any with this sum", squares: 8_353_345),
            Figures(testDescription: "squares above the maximum's", squares: 75_000_001),
            Figures(testDescription: "squares beyond all bounds", squares: .max),
            Figures(testDescription: "more values than a run can have", count: 1 << 43 + 1),
        ])
    func contradiction(_ figures: Figures) throws {
        let sound = try Histogram(decoding: Figures(testDescription: "sound").bytes)
        #expect(sound.count == 3 && sound.percentile(50) == 3 && sound.max == 5000)
        #expect(throws: SnapshotDecodingError.self) { try Histogram(decoding: figures.bytes) }
    }

    @Test("is refused in another version")
    func versions() throws {
        var bytes = snapshot(seed: 1).encoded()
        bytes[0] = 2
        let error = try #require(throws: SnapshotDecodingError.self) { try Snapshot(decoding: bytes) }
        #expect(error.description.contains("version 2"))
    }
}
