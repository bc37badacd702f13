/// One way in which a `TargetServer` departs from a plain echo server; the raw value is its name in a path. What each
/// does, and its parameters, is the table at `TargetBehaviour`.
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

    // Something that happens once `after` messages have been received and answered.
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

    // The end of a connection's time.
    case expire

    /// Whether it waits for `after` messages, one if nothing else is said, and then happens once.
    var isTriggered: Bool {
        switch self {
        case .close, .eof, .reset, .stall, .garbage, .masked, .rsv, .opcode, .utf8, .control, .fragmentedControl,
            .continuation, .hugeFrame, .flood:
            true
        default: false
        }
    }
}
