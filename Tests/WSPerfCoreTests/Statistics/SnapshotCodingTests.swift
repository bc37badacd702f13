import Testing

@testable import WSPerfCore

@Suite("Snapshot body")
struct SnapshotCodingTests {
    private func snapshot(seed: UInt64, values: Int = 200) -> Snapshot {
        Snapshot(
            sequence: seed &* 77, elapsed: seed &* 1_000_000_007, isFinal: seed % 2 == 1,
            statistics: LoadStatisticsTests.sample(seed: seed, values: values))
    }

    @Test("survives a round trip", arguments: 0..<20)
    func roundTrip(seed: UInt64) throws {
        let snapshot = snapshot(seed: seed)
        let bytes = snapshot.encoded()
        let decoded = try Snapshot(decoding: bytes)
        #expect(decoded == snapshot)
        #expect(decoded.encoded() == bytes)
        #expect(try LoadStatistics(decoding: snapshot.statistics.encoded()) == snapshot.statistics)
    }

    @Test("holds extreme values")
    func extremes() throws {
        var statistics = LoadStatistics()
        statistics.sendLag.record(.max)
        statistics.sendLag.record(0)
        statistics.sent = 1 << 53
        let snapshot = Snapshot(sequence: .max, elapsed: .max, isFinal: false, statistics: statistics)
        #expect(try Snapshot(decoding: snapshot.encoded()) == snapshot)
        let empty = Snapshot(sequence: 0, elapsed: 0, isFinal: true, statistics: LoadStatistics())
        #expect(empty.encoded() == [2, 1, 0, 0, 3, 0])
        #expect(try Snapshot(decoding: empty.encoded()) == empty)
    }

    /// The bytes of Docs/WireProtocol.md's example: change them only together with the version and the document.
    @Test("is, byte for byte, what the documentation shows")
    func golden() throws {
        var statistics = LoadStatistics()
        statistics.started = 300
        statistics.opened = 2
        statistics.ended = 1
        statistics.sent = 3
        statistics.outcomes = [.refused: 298, .succeeded: 1]
        statistics.sendLag.record(3)
        statistics.sendLag.record(3)
        statistics.sendLag.record(5000)
        let snapshot = Snapshot(sequence: 1, elapsed: 1_000_000, isFinal: false, statistics: statistics)
        let golden: [UInt8] = [
            0x02, 0x00, 0x01, 0xc0, 0x84, 0x3d,  // version, flags, sequence 1, elapsed 1,000,000
            0x03, 0x06,  // version of the statistics, six fields
            0x05, 0x65, 0x6e, 0x64, 0x65, 0x64, 0x01, 0x01,  // ended: a counter in one byte
            0x01,  // 1
            0x06, 0x6f, 0x70, 0x65, 0x6e, 0x65, 0x64, 0x01, 0x01,  // opened: a counter in one byte
            0x02,  // 2
            0x08, 0x6f, 0x75, 0x74, 0x63, 0x6f, 0x6d, 0x65, 0x73, 0x03, 0x16,  // outcomes: counts by outcome, 22 bytes
            0x02,  // two of them
            0x07, 0x72, 0x65, 0x66, 0x75, 0x73, 0x65, 0x64, 0xaa, 0x02,  // refused 298
            0x09, 0x73, 0x75, 0x63, 0x63, 0x65, 0x65, 0x64, 0x65, 0x64, 0x01,  // succeeded 1
            0x08, 0x73, 0x65, 0x6e, 0x64, 0x5f, 0x6c, 0x61, 0x67, 0x04, 0x11,  // send_lag: a histogram, 17 bytes
            0x03, 0x00, 0x03, 0x88, 0x27,  // count 3, saturated 0, min 3, max 5,000
            0x8e, 0x27, 0xd2, 0xf0, 0xf5, 0x0b,  // sum 5,006, sum of squares 25,000,018
            0x02, 0x00, 0x02, 0xde, 0x19, 0x01,  // two buckets: gap 0 (bucket 3) twice, gap 3,294 (bucket 3,298) once
            0x04, 0x73, 0x65, 0x6e, 0x74, 0x01, 0x01,  // sent: a counter in one byte
            0x03,  // 3
            0x07, 0x73, 0x74, 0x61, 0x72, 0x74, 0x65, 0x64, 0x01, 0x02,  // started: a counter in two bytes
            0xac, 0x02,  // 300
        ]
        #expect(snapshot.encoded() == golden)
        #expect(try Snapshot(decoding: golden) == snapshot)
    }

    @Test("is refused when cut short or extended anywhere")
    func truncated() {
        let bytes = snapshot(seed: 3, values: 40).encoded()
        let accepted = (0..<bytes.count).filter { (try? Snapshot(decoding: Array(bytes[..<$0]))) != nil }
        #expect(accepted == [])
        #expect(throws: SnapshotDecodingError.self) { try Snapshot(decoding: bytes + [0]) }
    }

    @Test("is refused, or else consistent, when its bytes are changed", arguments: 0..<8)
    func mutated(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed, stream: 0)
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
        var random = SeededGenerator(seed: 5, stream: 0)
        for _ in 0..<10_000 {
            let bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            try expectHarmless([2, 0, 1, 1, 3, 1] + Self.field("sent", 1, []).dropLast() + bytes.map { $0 & 0x8f })
            try expectHarmless([2, 0, 1, 1, 3] + bytes)
            try expectHarmless(bytes)
        }
    }

    /// Anything accepted re-encodes to itself (without unknown fields), merges, and gives figures without a trap.
    private func expectHarmless(_ bytes: [UInt8]) throws {
        guard let snapshot = try? Snapshot(decoding: bytes) else { return }
        var sum = snapshot.statistics
        for _ in 0..<3 { sum.merge(snapshot.statistics) }
        let histograms = LoadStatistics.fields.compactMap { field in
            if case .histogram(let path) = field.storage { sum[keyPath: path] } else { nil }
        }
        let isHarmless = histograms.allSatisfy { histogram in
            histogram.standardDeviation?.isFinite != false && histogram.mean?.isFinite != false
                && histogram.percentile(99) ?? 0 <= Histogram.highestTrackableValue
                && histogram.buckets.count <= Histogram.lastBucket + 1
        }
        let again = snapshot.encoded()
        let isSame = snapshot.statistics.unknownFields.isEmpty && again == bytes
        let isShorter = !snapshot.statistics.unknownFields.isEmpty && (try? Snapshot(decoding: again)) == snapshot
        try #require(isHarmless && (isSame || isShorter))
    }

    @Test(
        "is refused when a number is impossible",
        arguments: [
            [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],  // a counter over 64 bits
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],  // a counter over 2⁵³
            [0x80, 0x00],  // zero in two bytes
        ] as [[UInt8]])
    func numbers(counter: [UInt8]) {
        #expect((try? Snapshot(decoding: Self.body([Self.field("sent", 1, [0x05])]))) != nil)
        #expect(throws: SnapshotDecodingError.self) {
            try Snapshot(decoding: Self.body([Self.field("sent", 1, counter)]))
        }
    }

    /// An encoded field. Counters are of kind 1, maxima 2, counts by outcome 3, histograms 4.
    private static func field(_ name: String, _ kind: UInt8, _ value: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(varint: UInt64(name.utf8.count))
        writer.write(name.utf8)
        writer.write(kind)
        writer.write(varint: UInt64(value.count))
        writer.write(value)
        return writer.bytes
    }

    private static func body(_ fields: [[UInt8]], count: Int? = nil) -> [UInt8] {
        var writer = ByteWriter()
        writer.write([2, 0, 1, 1, 3])
        writer.write(varint: UInt64(count ?? fields.count))
        for field in fields { writer.write(field) }
        return writer.bytes
    }

    @Test("is read without the fields this version does not know, and names them")
    func unknown() throws {
        let histogram = Figures(testDescription: "sound").bytes
        let snapshot = try Snapshot(
            decoding: Self.body([
                Self.field("a_new_counter", 1, [0x07]),
                Self.field("a_new_histogram", 4, histogram),
                Self.field("a_new_kind", 200, Array(repeating: 0xff, count: 300)),
                // Its kind is unknown, or it has no content at all.
                Self.field("opened", 5, []),
                Self.field("received", 1, [0x2a]),
                Self.field("send_lag", 4, histogram),
                // The content of an unknown field may be anything.
                Self.field("sent2", 1, Array(repeating: 0xff, count: 20)),
                Self.field("started", 1, [0x2b]),
                Self.field("zzz", 0, []),
            ]))
        var expected = LoadStatistics()
        expected.received = 42
        expected.started = 43
        for value: UInt64 in [3, 3, 5000] { expected.sendLag.record(value) }
        expected.addUnknown(["a_new_counter", "a_new_histogram", "a_new_kind", "opened", "sent2", "zzz"])
        #expect(snapshot.statistics == expected)
        // An encoded copy, as in a journal, still names them.
        #expect(try Snapshot(decoding: snapshot.encoded()) == snapshot)
    }

    /// Fields that no encoder writes.
    struct BadFields: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var fields: [[UInt8]]
        var count: Int?
    }

    private static let badFields: [BadFields] = [
        BadFields(testDescription: "twice", fields: [field("sent", 1, [1]), field("sent", 1, [1])]),
        BadFields(testDescription: "unknown, twice", fields: [field("x", 1, [1]), field("x", 9, [1])]),
        BadFields(testDescription: "out of order", fields: [field("started", 1, [1]), field("sent", 1, [1])]),
        BadFields(testDescription: "unknown, out of order", fields: [field("y", 1, [1]), field("x", 1, [1])]),
        BadFields(testDescription: "a counter of 0", fields: [field("sent", 1, [0])]),
        BadFields(testDescription: "an empty histogram", fields: [field("send_lag", 4, [0])]),
        BadFields(testDescription: "no outcomes", fields: [field("outcomes", 3, [0])]),
        BadFields(testDescription: "a counter of no bytes", fields: [field("sent", 1, []), field("started", 1, [1])]),
        BadFields(testDescription: "something after a counter", fields: [field("sent", 1, [1, 1])]),
        BadFields(testDescription: "a counter that is a histogram", fields: [field("sent", 4, [1])]),
        BadFields(testDescription: "a counter that is a maximum", fields: [field("sent", 2, [1])]),
        BadFields(
            testDescription: "a maximum over 2⁵³",
            fields: [field("last_start", 2, [UInt8](repeating: 255, count: 7) + [127])]),
        BadFields(testDescription: "omitted, yet with a value", fields: [field("x", 0, [1])]),
        BadFields(testDescription: "no name", fields: [field("", 1, [1])]),
        BadFields(testDescription: "a long name", fields: [field(String(repeating: "x", count: 41), 1, [1])]),
        BadFields(testDescription: "a name in capitals", fields: [field("Sent", 1, [1])]),
        BadFields(testDescription: "a name with an escape", fields: [field("a\u{1b}[2J", 1, [1])]),
        BadFields(testDescription: "fewer fields than announced", fields: [field("sent", 1, [1])], count: 2),
        BadFields(testDescription: "more fields than announced", fields: [field("sent", 1, [1])], count: 0),
        BadFields(
            testDescription: "more fields than allowed",
            fields: (1000...2000).map { field("x\($0)", 1, [1]) }),
        BadFields(testDescription: "longer than the body", fields: [Array(field("x", 9, []).dropLast()) + [100]]),
    ]

    @Test("is refused when its fields are malformed", arguments: badFields)
    func malformed(_ bad: BadFields) {
        #expect(throws: SnapshotDecodingError.self) {
            try Snapshot(decoding: Self.body(bad.fields, count: bad.count))
        }
    }

    @Test("may have a thousand fields, and names only a few of the unknown ones")
    func manyFields() throws {
        let bytes = Self.body((1000..<2000).map { Self.field("x\($0)", 1, [1]) })
        let names = try Snapshot(decoding: bytes).statistics.unknownFields
        #expect(names == Set((1000..<1000 + LoadStatistics.unknownFieldLimit).map { "x\($0)" }))
    }

    /// The encoded figures of a distribution; by default those of two values of 3 and one of 5,000.
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
            Figures(testDescription: "beginning after the minimum", buckets: [1, 2, 3293, 1]),
            Figures(testDescription: "ending before the maximum", buckets: [0, 2, 3293, 1]),
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

    @Test(
        "is refused by the name of the rule and of the field",
        arguments: [
            Figures(testDescription: "max below min in field 'send_lag'", lowest: 5001),
            Figures(testDescription: "saturated values, but max is not 2⁴² in field 'send_lag'", saturated: 1),
            Figures(testDescription: "sum below count × min in field 'send_lag'", sum: 8),
            Figures(testDescription: "sum above count × max in field 'send_lag'", sum: 15_001),
            Figures(
                testDescription: "fewer values in its buckets than count in field 'send_lag'", buckets: [0, 1, 3294, 1]
            ),
        ])
    func named(_ figures: Figures) throws {
        let value = figures.bytes
        let body = [2, 0, 1, 1, 3, 1, 8] + Array("send_lag".utf8) + [4, UInt8(value.count)] + value
        let error = try #require(throws: SnapshotDecodingError.self) { try Snapshot(decoding: body) }
        #expect(error.reason == figures.testDescription)
        #expect(error.offset > 16 && error.offset <= body.count)
    }

    @Test("is refused in another version, by its number", arguments: [(0, 1), (0, 3), (4, 2), (4, 4)])
    func versions(place: Int, version: UInt8) throws {
        var bytes = Snapshot(sequence: 1, elapsed: 1, isFinal: false, statistics: LoadStatistics()).encoded()
        bytes[place] = version
        let error = try #require(throws: SnapshotDecodingError.self) { try Snapshot(decoding: bytes) }
        #expect(error.description.contains("version \(version)"))
    }
}
