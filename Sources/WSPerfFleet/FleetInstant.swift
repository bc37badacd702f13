internal import Foundation

/// A point on the monotonic clock. The state machines are told the time and never ask for it.
struct FleetInstant: Comparable, Hashable, Sendable {
    /// Since an arbitrary point, the same for the whole machine until it restarts.
    var nanoseconds: Int64

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    static var now: FleetInstant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return FleetInstant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    static func < (a: FleetInstant, b: FleetInstant) -> Bool { a.nanoseconds < b.nanoseconds }

    /// Saturates: a plan may hold absurd durations.
    static func + (a: FleetInstant, b: Duration) -> FleetInstant {
        let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.saturatedNanoseconds)
        return FleetInstant(nanoseconds: overflow ? (b < .zero ? .min : .max) : sum)
    }

    static func - (a: FleetInstant, b: FleetInstant) -> Duration {
        let (difference, overflow) = a.nanoseconds.subtractingReportingOverflow(b.nanoseconds)
        return .nanoseconds(overflow ? (a < b ? .min : .max) : difference)
    }
}

extension Duration {
    var saturatedNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, carried) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carried ? (seconds < 0 ? .min : .max) : sum
    }

    /// For people: `5 s`, `1.5 s`, `250 ms`.
    var readable: String {
        let milliseconds = saturatedNanoseconds / 1_000_000
        if milliseconds < 1000 { return "\(milliseconds) ms" }
        let tenths = milliseconds / 100
        return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
    }
}
