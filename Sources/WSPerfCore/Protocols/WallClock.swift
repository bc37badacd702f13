internal import CLinux
internal import Glibc

/// Converts times of the monotonic clock, such as `MessageContext.intended`, to the time of day.
///
/// Make one when a payload generator is set up, and keep it for the run. It reads both clocks once and later only adds.
/// So a message costs no clock read, and intervals between intended times stay right even if the time of day is set
/// during the run.
///
/// ```swift
/// registry.register(payload: "readings") { context in
///     let clock = WallClock()
///     return { loop in Readings(clock: clock) }
/// }
/// ```
public struct WallClock: Sendable, Hashable {
    /// Nanoseconds since 1970-01-01 UTC at the monotonic clock's zero.
    public var offset: Int64

    /// Measures the offset between the two clocks now.
    public init() {
        let before = clinux_now()
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let after = clinux_now()
        let middle = Int64(clamping: before + (after &- before) / 2)
        offset = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec) - middle
    }

    /// Nanoseconds since 1970-01-01 UTC.
    ///
    /// - Parameter monotonic: Nanoseconds of `CLOCK_MONOTONIC`.
    @inlinable
    public func nanosecondsSince1970(at monotonic: UInt64) -> Int64 { offset &+ Int64(clamping: monotonic) }
}
