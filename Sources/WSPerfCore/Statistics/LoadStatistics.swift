/// Counters and distributions over any number of connections, loops and workers. Two of them merge by addition, exactly
/// and in any order, so a delta of one second, the tally of a worker and the total of a run are all of this type.
public struct LoadStatistics: Sendable, Equatable {
    // Connections. `started` counts those whose opening began, `opened` those whose upgrade succeeded, `ended` those
    // of the opened ones that are over; `outcomes` counts all that are over, opened or not.
    public var started: UInt64 = 0
    public var opened: UInt64 = 0
    public var ended: UInt64 = 0
    public var outcomes: [Outcome: UInt64] = [:]
    /// What attempts came to that were followed by another one of the same connection; `outcomes` has the last one's.
    public var interruptions: [Outcome: UInt64] = [:]

    // Messages. Bytes are payload bytes of data messages, both ways.
    public var sent: UInt64 = 0
    public var received: UInt64 = 0
    /// Sent, and no reply had come when the connection ended.
    public var unanswered: UInt64 = 0
    /// Received, and no message sent was waiting for it.
    public var unexpected: UInt64 = 0
    /// Replies that came after the reply deadline.
    public var late: UInt64 = 0
    /// Replies that were counted but whose round-trip time was not taken, because more than the plan's
    /// `max_unanswered` messages were waiting on one connection.
    public var untimed: UInt64 = 0
    /// Times a message that was due found its socket's send buffer full and had to wait.
    public var blocked: UInt64 = 0
    public var bytesSent: UInt64 = 0
    public var bytesReceived: UInt64 = 0

    /// Processor time of the worker's process, nanoseconds.
    public var cpuUser: UInt64 = 0
    public var cpuSystem: UInt64 = 0

    // Distributions, nanoseconds of the monotonic clock. Handshake phases count connections that got past that phase,
    // `total` those that opened.
    public var dns = Histogram()
    public var tcpConnect = Histogram()
    public var tls = Histogram()
    public var upgrade = Histogram()
    public var handshake = Histogram()
    /// Reply time from the intended send (response time, free of coordinated omission).
    public var rttResponse = Histogram()
    /// Reply time from the actual send (service time).
    public var rttService = Histogram()
    /// Actual minus intended send time.
    public var sendLag = Histogram()

    public init() {}
}
