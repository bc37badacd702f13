/// Counters and distributions over any number of connections, loops and workers. They merge exactly and in any order,
/// so one second's delta, a worker's tally and a run's total all have this type.
///
/// A new property needs one line in `fields`, which merges, resets and encodes it.
public struct LoadStatistics: Sendable, Equatable {
    // Connections. `started` counts those whose opening began, `opened` those whose upgrade succeeded, `ended` those of
    // them that are over; `outcomes` counts all that are over, opened or not.
    public var started: UInt64 = 0
    public var opened: UInt64 = 0
    public var ended: UInt64 = 0
    public var outcomes: [Outcome: UInt64] = [:]
    /// Outcomes of attempts that another attempt of the same connection followed; `outcomes` has the last attempt's.
    public var interruptions: [Outcome: UInt64] = [:]

    // Messages. Bytes are payload bytes of data messages, both ways.
    public var sent: UInt64 = 0
    public var received: UInt64 = 0
    /// Sent, but without a reply when the connection ended.
    public var unanswered: UInt64 = 0
    /// Received, although no sent message was waiting for a reply.
    public var unexpected: UInt64 = 0
    /// Replies that came after the reply deadline.
    public var late: UInt64 = 0
    /// Replies that were counted without a round-trip time, because more than the plan's `max_unanswered` messages were
    /// waiting on one connection.
    public var untimed: UInt64 = 0
    /// How often a due message found its socket's send buffer full and had to wait.
    public var blocked: UInt64 = 0
    /// Messages that came due on an open connection but were not sent by the time its sending ended: offered, not sent.
    public var unsent: UInt64 = 0
    public var bytesSent: UInt64 = 0
    public var bytesReceived: UInt64 = 0

    /// Processor time of the worker's process, nanoseconds.
    public var cpuUser: UInt64 = 0
    public var cpuSystem: UInt64 = 0

    // How the event loops spent their time, nanoseconds, summed over all loops.
    /// Wall time during which the loops ran.
    public var loopTime: UInt64 = 0
    /// The part of `loopTime` in which they did not wait for something to happen.
    public var loopBusy: UInt64 = 0
    /// Processor time of the loops' threads. Less than `loopBusy` if a busy loop had to wait for a processor.
    public var loopCPU: UInt64 = 0

    /// From the start of the run to the latest first attempt to open a connection, nanoseconds of the monotonic clock;
    /// 0 if there was none. Merging keeps the larger of two.
    public var lastStart: UInt64 = 0

    // Distributions, nanoseconds of the monotonic clock. Handshake phases count connections that got past that phase,
    // `handshake` and `handshakeResponse` those that opened.
    public var dns = Histogram()
    public var tcpConnect = Histogram()
    public var tls = Histogram()
    public var upgrade = Histogram()
    /// From the actual start of an attempt to the end of its upgrade.
    public var handshake = Histogram()
    /// From the intended start of an attempt (the ramp's time) to the end of its upgrade.
    public var handshakeResponse = Histogram()
    /// How late the generator began to open a connection: actual start minus the earliest time when it was due and
    /// possible.
    public var openLag = Histogram()
    /// Reply time from the intended send (response time, free of coordinated omission).
    public var rttResponse = Histogram()
    /// Reply time from the actual send (service time).
    public var rttService = Histogram()
    /// Actual minus intended send time.
    public var sendLag = Histogram()

    /// Names of fields that decoding omitted because this version does not know them. At most `unknownFieldLimit`, the
    /// first in alphabetical order.
    public internal(set) var unknownFields: Set<String> = []

    public init() {}
}
