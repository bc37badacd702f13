internal import Glibc
internal import WSPerfCore

/// A point in time on the monotonic clock. State machines get the time from their caller and never read a clock.
struct FleetInstant: Comparable, Hashable, Sendable {
    /// Nanoseconds since an arbitrary point that is the same for all processes until the machine restarts.
    var nanoseconds: Int64

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    static var now: FleetInstant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return FleetInstant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    static func < (a: FleetInstant, b: FleetInstant) -> Bool { a.nanoseconds < b.nanoseconds }

    /// Saturates, because a plan may contain absurd durations.
    static func + (a: FleetInstant, b: Duration) -> FleetInstant {
        let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
        return FleetInstant(nanoseconds: overflow ? (b < .zero ? .min : .max) : sum)
    }

    static func - (a: FleetInstant, b: FleetInstant) -> Duration {
        let (difference, overflow) = a.nanoseconds.subtractingReportingOverflow(b.nanoseconds)
        return .nanoseconds(overflow ? (a < b ? .min : .max) : difference)
    }
}

extension Duration {
    /// Whole milliseconds, the unit of the wire.
    var milliseconds: Int64 { nanoseconds / 1_000_000 }

    /// For people: `5 s`, `1.5 s`, `250 ms`.
    var readable: String {
        if milliseconds < 1000 { return "\(milliseconds) ms" }
        let tenths = milliseconds / 100
        return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
    }
}
