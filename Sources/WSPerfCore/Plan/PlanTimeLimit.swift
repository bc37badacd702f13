/// The default of a plan's `time_limit`: a time that no run exceeds if it keeps its own deadlines.
///
/// It is the sum of the longest times that the steps of a connection may take, however slow the server and this machine are:
/// it waits for its turn, opens, sends, receives its replies and closes, and does all that again for `reconnect`. All times
/// are in seconds of the monotonic clock.
struct PlanTimeLimit {
    /// A worker always has the time to open this many connections per second, however steep its ramp is.
    static let slowestOpeningPerSecond = 100.0
    /// How late this machine may be with each attempt of a connection. A run with a later generator is not valid anyway.
    static let lateness = 1.0
    /// Time for the whole sequence of a custom scheduler if the plan has no `duration`.
    static let ownSequence = 3600.0
    /// The least time for new attempts if their number has no bound.
    static let endlessAttempts = 3600.0

    private let plan: Plan
    private let connect: Double
    private let reply: Double
    private let close: Double
    /// Time from a connection's opening until its socket has taken its last message.
    private let sending: Double

    init(_ plan: Plan, _ schedule: any ScheduleArithmetic) {
        self.plan = plan
        connect = plan.timeouts.connect.inSeconds
        reply = plan.timeouts.reply.inSeconds
        close = plan.timeouts.close.inSeconds
        sending = Self.sending(plan, schedule)
    }

    var duration: Duration { .bounded(seconds: ramp + turn + attempt + newAttempts) }

    private var ramp: Double { plan.ramp.openingTime(of: plan.instances).inSeconds }

    /// How long a connection may wait for its turn to open, beyond the ramp: the time that a slow worker takes to open all
    /// of them. With `max_opening`, it is the longest time that all connections before it may take.
    private var turn: Double {
        let slowly = Self.lateness + Double(plan.instances) / Self.slowestOpeningPerSecond
        guard let most = plan.maxOpening else { return slowly }
        // Each event loop opens its share of the connections, and has its share of the limit.
        let threads = max(plan.threads, 1)
        let share = max(most / threads, 1)
        let connections = (plan.instances + threads - 1) / threads
        return max(slowly, Self.lateness + Double((connections + share - 1) / share) * connect)
    }

    /// Time from a connection's start to its end.
    private var attempt: Double { connect + sending + reply + close }

    // MARK: - Sending

    /// A bound on the time from a connection's opening until its socket has taken its last message. With randomized
    /// intervals, all connections together exceed it with a chance below e⁻²⁰.
    private static func sending(_ plan: Plan, _ schedule: any ScheduleArithmetic) -> Double {
        guard plan.sendMessages else { return 0 }
        let reply = plan.timeouts.reply.inSeconds
        // If the socket has taken a part of a message when `duration` is over, the rest may still be written.
        let byClock = plan.duration.map { $0.inSeconds + reply } ?? .infinity
        // A message may wait for the socket, and so may the ping after it; in a closed loop it may wait for a reply too.
        let held = reply * (plan.match == .ping ? 2 : 1) + (plan.inFlight == nil ? 0 : reply)
        let given = plan.mostMessages
        let (sequence, count) = schedule.longest(count: given, connections: plan.connections)
        let bound = min(byClock, sequence + count * held)
        return bound.isFinite ? bound : ownSequence + held * (given.isFinite ? given : 1)
    }

    // MARK: - New attempts

    /// The time that new attempts may add to a connection.
    private var newAttempts: Double {
        guard let reconnect = plan.reconnect else { return 0 }
        let endless = max(Self.endlessAttempts, sending)
        guard let limit = reconnect.limit else { return endless }
        // An attempt that continues does not repeat messages. The socket and a reply may hold it up once more.
        let each = turn + (reconnect.schedule == .restart ? attempt : connect + 2 * reply + close)
        let series = reconnect.totalWait(before: limit) + Double(limit) * each
        let hold = reconnect.startsOverAfter.inSeconds
        // No attempt is open long enough to reset the backoff.
        guard sending + reply >= hold else { return series }
        // Open time counts towards `duration`, which bounds how often the backoff is reset: this often before it is over, and
        // once after.
        if let duration = plan.duration?.inSeconds, reconnect.schedule == .continue {
            return series * ((duration / hold).rounded(.down) + 2)
        }
        return series + endless
    }
}
