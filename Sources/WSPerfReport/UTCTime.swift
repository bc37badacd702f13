/// A moment of wall-clock time, milliseconds since 1970-01-01 UTC, as text.
struct UTCTime {
    private let days: Int64
    private let milliseconds: Int64

    init(milliseconds: Int64) {
        // The years 0001 to 9999, because a journal may contain any number.
        let clamped = min(max(milliseconds, -62_135_596_800_000), 253_402_300_799_999)
        days = clamped >= 0 ? clamped / 86_400_000 : -((-clamped + 86_399_999) / 86_400_000)
        self.milliseconds = clamped - days * 86_400_000
    }

    /// ISO 8601: `2026-01-31T12:34:56.789Z`.
    var iso8601: String {
        "\(date(separator: "-"))T\(time(separator: ":")).\(padded(milliseconds % 1000, 3))Z"
    }

    /// For people: `2026-01-31 12:34:56 UTC`.
    var readable: String { "\(date(separator: "-")) \(time(separator: ":")) UTC" }

    /// For file names: `20260131T123456Z`.
    var fileName: String { "\(date(separator: ""))T\(time(separator: ""))Z" }

    private func time(separator: String) -> String {
        let seconds = milliseconds / 1000
        return [seconds / 3600, seconds / 60 % 60, seconds % 60].map { padded($0, 2) }.joined(separator: separator)
    }

    /// Howard Hinnant's `civil_from_days`. The year begins in March, so the leap day is the last day of the year.
    private func date(separator: String) -> String {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return [padded(year, 4), padded(month, 2), padded(day, 2)].joined(separator: separator)
    }

    private func padded(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
