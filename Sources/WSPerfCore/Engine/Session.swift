/// What the engine knows of one connection.
struct Session {
    enum State: UInt8 {
        /// Its time to open has not come.
        case idle
        /// It failed or died, and waits to try again.
        case waiting
        case opening
        case open
        /// The engine, or the server, began the closing handshake.
        case closing
        case done
    }

    /// What an opening connection is doing, and so what its deadline would interrupt.
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
    /// The connection takes no message until it says that it is writable.
    var isBlocked = false
    /// There is a message to be sent: `message`, at `due`.
    var hasMessage = false
    var isScheduled = false
    var kind = MessageKind.text
    var closeSeen: CloseCode?
    var generation: UInt32 = 0
    /// New attempts so far.
    var attempts: UInt32 = 0
    var length: Int32 = -1
    var random: SeededGenerator
    /// All times: nanoseconds of the monotonic clock.
    var began: UInt64 = 0
    var phaseBegan: UInt64 = 0
    var opened: UInt64 = 0
    /// How far its schedule had come when it was last open, nanoseconds.
    var elapsed: UInt64 = 0
    var due: UInt64 = 0
    var lastSent: UInt64 = 0
    var lastReceived: UInt64 = 0
    /// When the connection last let go of a message it had held back or could not take.
    var released: UInt64 = 0
    /// What the deadline queue holds for this connection; 0 while its deadline is being handled, `max` for none.
    var armed: UInt64 = .max
    /// Messages sent, which is the next one's index.
    var sent: UInt64 = 0
    var message = ScheduledMessage(offset: 0)
    var replies = ReplyQueue()
    /// What a closing connection comes to if the closing goes well.
    var verdict = Outcome.succeeded
}
