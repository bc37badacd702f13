/// The time that no run exceeds whose own deadlines are kept: the default of a plan's `time_limit`.
///
/// It is the sum of the longest that each step of a connection may take, whatever the server and this machine make of it:
/// its turn to open comes, it opens, it sends, its replies come, it closes, and for `reconnect` all that again. All times
/// are in seconds of the monotonic clock.
struct PlanTimeLimit {
    /// A worker is always given the time to open this many connections a second, however steep its ramp is.
    static let slowestOpeningPerSecond = 100.0
    /// What this machine may be late by with each attempt of a connection: its timers, and what is on its way when the time
    /// to send is over. A generator that is later than this is not valid anyway.
    static let lateness = 1.0
    /// What the whole sequence of a scheduler of the user's own is given where the plan gives no `duration`.
    static let ownSequence = 3600.0
    /// What new attempts are given at least where nothing bounds how many there are.
    static let endlessAttempts = 3600.0

    private let plan: Plan
    private let connect: Double
    private let reply: Double
    private let close: Double
    /// From a connection's opening until its last message has been taken by its socket.
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

    /// How long a connection may wait until its turn to open comes, beyond what the ramp says: as long as a worker that
    /// opens slowly takes for all of them, or where only so many are opening at once, as long as all those before it may
    /// take.
    private var turn: Double {
        let slowly = Self.lateness + Double(plan.instances) / Self.slowestOpeningPerSecond
        guard let most = plan.maxOpening else { return slowly }
        // Each event loop opens its own share of the connections, and its own share at once.
        let threads = max(plan.threads, 1)
        let share = max(most / threads, 1)
        let connections = (plan.instances + threads - 1) / threads
        return max(slowly, Self.lateness + Double((connections + share - 1) / share) * connect)
    }

    /// From a connection's start to its end.
    private var attempt: Double { connect + sending + reply + close }

    // MARK: - Sending

    /// A bound on the time from a connection's opening until its socket has taken its last message; for randomized
    /// intervals all connections together miss it with a chance below e⁻²⁰.
    private static func sending(_ plan: Plan, _ schedule: any ScheduleArithmetic) -> Double {
        guard plan.sendMessages else { return 0 }
        let reply = plan.timeouts.reply.inSeconds
        // A message that the socket has taken a part of when `duration` is over may still be written.
        let byClock = plan.duration.map { $0.inSeconds + reply } ?? .infinity
        // A message may wait for the socket, and so may the ping after it; in a closed loop it may wait for a reply too.
        let held = reply * (plan.match == .ping ? 2 : 1) + (plan.inFlight == nil ? 0 : reply)
        let given = plan.mostMessages
        let (sequence, count) = schedule.longest(count: given, connections: plan.connections)
        let bound = min(byClock, sequence + count * held)
        return bound.isFinite ? bound : ownSequence + held * (given.isFinite ? given : 1)
    }

    // MARK: - New attempts

    /// What new attempts may add to a connection's time.
    private var newAttempts: Double {
        guard let reconnect = plan.reconnect else { return 0 }
        let endless = max(Self.endlessAttempts, sending)
        guard let limit = reconnect.limit else { return endless }
        // One that goes on where it was does not send again what it has sent: it may be held up by the socket and by a
        // reply once more.
        let each = turn + (reconnect.schedule == .restart ? attempt : connect + 2 * reply + close)
        let series = reconnect.totalWait(before: limit) + Double(limit) * each
        let hold = reconnect.startsOverAfter.inSeconds
        // It was never open for so long that it starts over.
        guard sending + reply >= hold else { return series }
        // The time that it is open counts towards `duration`, so it starts over at most so many times before that is over
        // and once after.
        if let duration = plan.duration?.inSeconds, reconnect.schedule == .continue {
            return series * ((duration / hold).rounded(.down) + 2)
        }
        return series + endless
    }
}
