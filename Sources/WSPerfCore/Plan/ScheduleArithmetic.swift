/// What is known about the messages of one connection without running the plan. All times are in seconds of the
/// monotonic clock since the connection opened; counts and times may be infinite.
package protocol ScheduleArithmetic {
    /// The expected number of messages, their time in seconds, and the messages per second, for a connection that sends
    /// at most `count` messages for at most `duration`. nil if unknown.
    func course(count: Double, duration: Double) -> (messages: Double?, seconds: Double?, rate: Double?)

    /// The least average time from the opening to the last of `count` messages.
    func shortest(count: Double) -> Double

    /// A bound on the time of the last of at most `count` messages, and on their number. If times are random, all
    /// `connections` together exceed it with a probability below e⁻²⁰.
    func longest(count: Double, connections: Int) -> (seconds: Double, messages: Double)

    /// Bytes of payload per message, on average; nil if the schedule does not set them.
    var meanLength: Double? { get }

    /// What the plan omits from the schedule's file, in one line; nil if nothing.
    var notice: String? { get }
}

extension ScheduleArithmetic {
    package var meanLength: Double? { nil }
    package var notice: String? { nil }
}

/// A schedule about which nothing is known: a custom one, or one whose file cannot be read.
struct UnknownSchedule: ScheduleArithmetic {
    func course(count: Double, duration: Double) -> (messages: Double?, seconds: Double?, rate: Double?) {
        (count.isFinite ? count : nil, duration.isFinite ? duration : nil, nil)
    }

    func shortest(count: Double) -> Double { 0 }

    func longest(count: Double, connections: Int) -> (seconds: Double, messages: Double) { (.infinity, count) }
}

/// An endless schedule with a known mean time between messages.
protocol SteadySchedule: ScheduleOptions, ScheduleArithmetic {
    /// The expected time from one message to the next.
    var mean: Duration { get }

    /// A bound on the sum of `count` intervals, as for `longest(count:connections:)`.
    func longestSum(of count: Double, connections: Int) -> Double
}

extension SteadySchedule {
    package static var sharedKeys: Set<String> { ["interval"] }

    package var isWithoutPauses: Bool { mean <= .zero }

    package func check(_ plan: Plan, isBounded: Bool, _ reader: PlanReader) {
        if !isBounded {
            reader.report("missing: give messages or duration, so that the run ends", at: "messages")
        }
        if mean == .zero && plan.inFlight == nil {
            reader.mapping("schedule").report("0 needs a closed loop: give in_flight as well", at: "interval")
        }
    }

    package func arithmetic(of plan: Plan, _ logs: LoadedLogs) -> any ScheduleArithmetic { self }

    package func course(count: Double, duration: Double) -> (messages: Double?, seconds: Double?, rate: Double?) {
        let mean = mean.inSeconds
        guard mean > 0 else { return UnknownSchedule().course(count: count, duration: duration) }
        let seconds = min(duration, count * mean)
        return seconds.isFinite ? (min(count, duration / mean), seconds, 1 / mean) : (nil, nil, 1 / mean)
    }

    package func shortest(count: Double) -> Double { count.isFinite ? (count - 1) * mean.inSeconds : .infinity }

    package func longest(count: Double, connections: Int) -> (seconds: Double, messages: Double) {
        (count.isFinite ? longestSum(of: count, connections: connections) : .infinity, count)
    }
}
