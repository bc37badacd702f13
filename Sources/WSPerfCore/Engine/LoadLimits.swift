/// The plan's limits for each connection, in the units of the hot path: nanoseconds, and `UInt64.max` for no limit.
struct LoadLimits {
    /// Messages for each connection; 0 if nothing is sent.
    let messages: UInt64
    /// How long a connection sends after it opens.
    let sendingTime: UInt64
    /// Messages of a connection that may wait for a reply at the same time.
    let inFlight: UInt64
    /// Messages of a connection whose times are remembered one by one; see `ReplyQueue`.
    let unanswered: Int
    /// How long a whole opening may take: connection, TLS and upgrade.
    let connect: UInt64
    /// How long a connection waits for a reply, and for a full socket.
    let reply: UInt64
    /// How long a closing handshake may take.
    let close: UInt64
    /// How long nothing may arrive on an open connection.
    let idle: UInt64

    /// How long after the end of its sending time a connection may still send a message that it could have sent before.
    /// A generator that is later than this is judged too slow anyway.
    static var sendingGrace: UInt64 { 100_000_000 }

    init(_ plan: Plan) {
        messages = plan.sendMessages ? plan.messages.map { UInt64($0) } ?? .max : 0
        sendingTime = plan.duration?.wholeNanoseconds ?? .max
        inFlight = plan.inFlight.map { UInt64($0) } ?? .max
        unanswered = plan.maxUnanswered
        connect = plan.timeouts.connect.wholeNanoseconds
        reply = plan.timeouts.reply.wholeNanoseconds
        close = plan.timeouts.close.wholeNanoseconds
        idle = plan.timeouts.idle?.wholeNanoseconds ?? .max
    }
}

extension Duration {
    /// Nanoseconds, rounded towards zero, from 0 to 2⁶² (146 years).
    var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        guard seconds < 1 << 32 else { return 1 << 62 }
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
