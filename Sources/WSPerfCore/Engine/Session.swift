/// What the engine knows about one connection.
struct Session {
    enum State: UInt8 {
        /// Its time to open has not come yet.
        case idle
        /// It failed or died, and waits to try again.
        case waiting
        case opening
        case open
        /// The engine, or the server, began the closing handshake.
        case closing
        case done
    }

    /// What an opening connection is doing, and thus what its deadline would interrupt.
    enum Phase: UInt8 {
        case dns, tcp, tls, upgrade

        var timeout: Outcome {
            switch self {
            case .dns: .timeoutDNS
            case .tcp: .timeoutTCP
            case .tls: .timeoutTLS
            case .upgrade: .timeoutUpgrade
            }
        }
    }

    var state = State.idle
    var phase = Phase.tcp
    /// The next message is held back until a reply comes (closed loop).
    var isHeld = false
    /// The connection takes no message until it reports that it is writable.
    var isBlocked = false
    /// A due message has had to wait since the connection blocked.
    var hasWaited = false
    /// The ping for the last message could not be sent yet.
    var owesPing = false
    /// There is a message to send: `message`, at `due`.
    var hasMessage = false
    var isScheduled = false
    var closeSeen: CloseCode?
    var generation: UInt32 = 0
    /// New attempts since the connection last stayed open for a while.
    var attempts: UInt32 = 0
    var random: SeededGenerator
    /// All times: nanoseconds of the monotonic clock.
    var began: UInt64 = 0
    /// When its current step began: a phase of its opening, or its closing.
    var phaseBegan: UInt64 = 0
    var opened: UInt64 = 0
    /// How far its schedule had run when it was last open, nanoseconds.
    var elapsed: UInt64 = 0
    /// The intended time of the next message; while the connection opens, the intended start of its opening.
    var due: UInt64 = 0
    var lastSent: UInt64 = 0
    var lastReceived: UInt64 = 0
    /// Since when the connection could send: it opened then, or released what it had held back or could not take. Only
    /// `release` sets it, to the current time, so it never goes back.
    private(set) var ready: UInt64 = 0
    /// When it last blocked; valid while `isBlocked`.
    var blockedSince: UInt64 = 0
    /// What the deadline queue holds for this connection; 0 while its deadline is being handled, `max` for none.
    var armed: UInt64 = .max
    /// Messages sent; also the next one's index.
    var sent: UInt64 = 0
    var message = ScheduledMessage(offset: 0)
    var replies = ReplyQueue()
    /// The outcome of a closing connection if the closing goes well.
    var verdict = Outcome.succeeded

    init(random: SeededGenerator) { self.random = random }

    /// The connection can send from now on.
    @inline(__always)
    mutating func release(at now: UInt64) { ready = max(ready, now) }

    /// The connection begins to close. Its outcome is `verdict` if the closing goes well.
    mutating func beginClosing(_ verdict: Outcome, at now: UInt64) {
        state = .closing
        phaseBegan = now
        self.verdict = verdict
    }

    /// The server's close frame arrived. Returns whether the server was the first to close.
    mutating func closeReceived(_ code: CloseCode, at now: UInt64) -> Bool {
        closeSeen = code
        guard state == .open || verdict == .closed(CloseCode.abnormal.rawValue) else { return false }
        beginClosing(.closed(code.rawValue), at: now)
        return true
    }

    /// How a connection, or an attempt to open one, came to its end.
    enum Ending: Equatable {
        /// The client reported the end: in order, or with a failure.
        case ended(Outcome?)
        /// The deadline of its current step passed.
        case deadline
        /// The run is stopped, or its time limit was reached.
        case aborted
    }

    /// The connection's outcome after this ending. Whatever ends a connection, a closing handshake that the server has
    /// completed decides, and so does the reason why the engine closed it.
    func outcome(of ending: Ending) -> Outcome {
        switch (state, ending) {
        case (.closing, .ended(let failure?)) where closeSeen == nil && verdict == .closed(CloseCode.abnormal.rawValue):
            failure
        case (.closing, _) where closeSeen != nil || verdict != .succeeded: verdict
        case (.closing, .ended): .closeIncomplete
        case (.closing, .deadline): .closeTimeout
        case (_, .aborted): .aborted
        case (.open, .ended(let failure)): failure ?? .closed(CloseCode.abnormal.rawValue)
        case (.open, .deadline): .sendTimeout
        case (_, .ended(let failure)): failure ?? .upgradeClosed
        case (_, .deadline): phase.timeout
        }
    }

    /// Prepares a new attempt to open; `restarting` also resets the schedule.
    mutating func reset(restarting: Bool) {
        state = .waiting
        attempts += 1
        isHeld = false
        isBlocked = false
        hasWaited = false
        owesPing = false
        closeSeen = nil
        verdict = .succeeded
        guard restarting else { return }
        isScheduled = false
        hasMessage = false
        sent = 0
        elapsed = 0
    }

    /// When the wait for the last reply begins: when the last message was sent, or its bytes had all gone to the
    /// socket.
    var lastReady: UInt64 { max(lastSent, ready) }

    /// Since when the next message could go out: it was due, and the connection could send. Any later delay is the
    /// generator's own lag.
    var possible: UInt64 { max(due, ready) }
}

extension UInt64 {
    /// The time from `earlier` to this one; 0 if `earlier` is later. Times from different threads may be slightly out
    /// of order, and a difference below zero would wrap around to centuries.
    @inline(__always)
    func since(_ earlier: UInt64) -> UInt64 { self > earlier ? self &- earlier : 0 }
}
