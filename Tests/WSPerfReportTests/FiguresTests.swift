import Testing
import WSPerfCore

@testable import WSPerfReport

@Suite("Figures")
struct FiguresTests {
    @Test(
        "are grouped",
        arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] as [(UInt64, String)])
    func grouped(value: UInt64, text: String) { #expect(Figures.grouped(value) == text) }

    @Test(
        "give milliseconds four digits or so",
        arguments: [
            (0, "0"), (21, "0.0000"), (21_349, "0.0213"), (99_999, "0.100"), (1_234_567, "1.235"), (9_999_600, "10.00"),
            (12_345_678, "12.35"), (123_456_789, "123.5"), (999_960_000, "1,000"), (4_398_046_511_104, "4,398,047"),
        ] as [(Double, String)])
    func milliseconds(value: Double, text: String) { #expect(Figures.milliseconds(value) == text) }

    @Test(
        "give durations",
        arguments: [
            (230_000_000, "230.0 ms"), (12_400_000_000, "12.4 s"), (125_000_000_000, "2 min 05 s"),
            (7_380_000_000_000, "2 h 03 min"),
        ] as [(UInt64, String)])
    func duration(value: UInt64, text: String) { #expect(Figures.duration(value) == text) }

    @Test(
        "give bytes",
        arguments: [
            (1023, "1023 B"), (1024, "1.0 KiB"), (2_621_440, "2.5 MiB"), (1 << 40, "1.0 TiB"), (.max, "16777216.0 TiB"),
        ] as [(UInt64, String)])
    func bytes(value: UInt64, text: String) { #expect(Figures.bytes(value) == text) }

    @Test(
        "call only the whole 100 % and only nothing 0 %",
        arguments: [
            (0, 10, "0.0 %"), (1, 100_000, "<0.1 %"), (99_999, 100_000, "99.9 %"), (10, 10, "100.0 %"),
            (1, 3, "33.3 %"), (0, 0, "–"),
        ] as [(UInt64, UInt64, String)])
    func percent(part: UInt64, whole: UInt64, text: String) { #expect(Figures.percent(part, of: whole) == text) }

    @Test(
        "draw bars in proportion",
        arguments: [
            (0, 10, ""), (10, 10, "████"), (5, 10, "██"), (1, 32, "▏"), (1, 1_000_000, "▏"), (3, 32, "▍"),
            (31, 32, "███▉"), (999_999, 1_000_000, "███▉"), (20, 10, "████"), (0, 0, ""),
        ] as [(UInt64, UInt64, String)])
    func bars(part: UInt64, whole: UInt64, text: String) { #expect(Figures.bar(part, of: whole, width: 4) == text) }

    @Test(
        "give the time of day",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_001, "2000-02-29T00:00:00.001Z"),
            (1_767_225_599_999, "2025-12-31T23:59:59.999Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (.max, "9999-12-31T23:59:59.999Z"),
            (.min, "0001-01-01T00:00:00.000Z"),
        ] as [(Int64, String)])
    func time(milliseconds: Int64, text: String) { #expect(UTCTime(milliseconds: milliseconds).iso8601 == text) }

    @Test(
        "are JSON numbers or not",
        arguments: [
            ("0", true), ("-1.5e+10", true), ("10", true), ("01", false), ("1.", false), (".5", false), ("1e", false),
            ("", false),
            ("-", false), ("0x1", false), ("1_000", false), ("1s", false), ("NaN", false), ("1 ", false),
        ])
    func numbers(text: String, isNumber: Bool) { #expect(PlanQuantity.isJSONNumber(text.utf8) == isNumber) }

    @Test("are written as the shortest text that reads back")
    func writing() {
        let values: [JSONValue] = [
            .number(0.1), .number(100), .number(1e-7), .number(1e20), .number(.nan), .unsigned(.max), .integer(-5),
        ]
        #expect(JSONValue.array(values).compact() == "[0.1,100,1e-07,1e+20,null,18446744073709551615,-5]")
        #expect(JSONValue.object([]).indented() == "{}\n")
        #expect(JSONValue.string("a\"\\\n\u{1}\u{7f}\u{9b}é").compact() == #""a\"\\\n\u0001\u007f\u009bé""#)
    }
}
