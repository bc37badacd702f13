/// One way in which a `TestServer` differs from a plain echo server. The raw value is its name in a path. The table
/// at `TestServerBehaviour` says what each one does and which parameters it takes.
public enum Fault: String, Sendable, Hashable, CaseIterable, Codable {
    // The opening handshake.
    case refuse
    case wrongAccept = "wrong-accept"
    case noAccept = "no-accept"
    case noUpgrade = "no-upgrade"
    case noConnection = "no-connection"
    case wrongExtension = "extension"
    case wrongSubprotocol = "subprotocol"
    case select
    case dribble
    case hang
    case drop
    case dropReset = "drop-reset"
    case notHTTP = "not-http"
    case hugeHead = "huge-head"
    case early

    // Replies.
    case silent
    case lose
    case twice
    case late
    case reorder
    case fragment
    case interleave
    case resize
    case corrupt

    // Happen once, after `after` messages were received and answered.
    case close
    case eof
    case reset
    case stall
    case garbage
    case masked
    case rsv
    case opcode
    case utf8
    case control
    case fragmentedControl = "fragmented-control"
    case continuation
    case hugeFrame = "huge-frame"
    case flood

    // The closing handshake.
    case noClose = "no-close"
    case noFin = "no-fin"

    // Unsolicited traffic.
    case ping
    case push
    case broadcast

    // A limited lifetime.
    case expire

    /// Whether it happens once, after `after` messages (1 by default).
    var isTriggered: Bool {
        switch self {
        case .close, .eof, .reset, .stall, .garbage, .masked, .rsv, .opcode, .utf8, .control, .fragmentedControl,
            .continuation, .hugeFrame, .flood:
            true
        default: false
        }
    }
}
