internal import WSPerfCore

/// Formats numbers for people.
enum Figures {
    /// `1,234,567`
    static func grouped(_ value: UInt64) -> String { PlanText.count(value) }

    /// Nanoseconds as milliseconds with about four digits: `0.0213`, `1.234`, `12.34`, `1,234`.
    static func milliseconds(_ nanoseconds: Double) -> String {
        let value = nanoseconds / 1e6
        return switch value {
        case 0: "0"
        case ..<0.09995: fixed(value, 4)
        case ..<9.9995: fixed(value, 3)
        case ..<99.995: fixed(value, 2)
        case ..<999.95: fixed(value, 1)
        default: grouped(UInt64(value.rounded()))
        }
    }

    /// Nanoseconds as `230.0 ms`, `12.4 s`, `3 min 05 s` or `2 h 03 min`.
    static func duration(_ nanoseconds: UInt64) -> String {
        let seconds = nanoseconds / 1_000_000_000
        func two(_ value: UInt64) -> String { (value < 10 ? "0" : "") + String(value) }
        return switch seconds {
        case ..<1: "\(milliseconds(Double(nanoseconds))) ms"
        case ..<120: "\(fixed(Double(nanoseconds) / 1e9, 1)) s"
        case ..<7200: "\(seconds / 60) min \(two(seconds % 60)) s"
        default: "\(seconds / 3600) h \(two(seconds / 60 % 60)) min"
        }
    }

    /// `512 B`, `2.5 MiB`
    static func bytes(_ count: UInt64) -> String {
        guard count >= 1024 else { return "\(count) B" }
        var value = Double(count) / 1024
        for unit in ["KiB", "MiB", "GiB"] {
            if value < 1023.95 { return "\(fixed(value, 1)) \(unit)" }
            value /= 1024
        }
        return "\(fixed(value, 1)) TiB"
    }

    /// A share of a whole: `99.8 %`. Only the whole is 100 %, and only nothing is 0 %.
    static func percent(_ part: UInt64, of whole: UInt64) -> String {
        guard whole > 0 else { return "–" }
        let share = Double(part) / Double(whole) * 100
        if part > 0, share < 0.1 { return "<0.1 %" }
        if part < whole, share >= 99.95 { return "99.9 %" }
        return "\(fixed(share, 1)) %"
    }

    /// A bar whose length is in proportion to a share, in steps of an eighth of a character. Only nothing has no bar.
    static func bar(_ part: UInt64, of whole: UInt64, width: Int) -> String {
        guard whole > 0, part > 0 else { return "" }
        let share = min(Double(part) / Double(whole), 1)
        let eighths = max(1, Int((share * Double(8 * width)).rounded(.down)))
        let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
        return String(repeating: "█", count: eighths / 8) + rest
    }

    /// A rate per second: `812`, `8.1`.
    static func rate(_ perSecond: Double) -> String {
        perSecond < 99.95 ? fixed(perSecond, 1) : grouped(UInt64(perSecond.rounded()))
    }

    /// A non-negative number with this many decimals.
    static func fixed(_ value: Double, _ decimals: Int) -> String {
        let scale = (0..<decimals).reduce(1.0) { scale, _ in scale * 10 }
        let digits = String(UInt64((value * scale).rounded()))
        guard decimals > 0 else { return digits }
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        return padded.dropLast(decimals) + "." + padded.suffix(decimals)
    }
}
