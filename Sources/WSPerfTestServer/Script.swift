import NIOCore

/// The state of a connection that does more than echo. Confined to its event loop.
final class Script {
    /// The most replies that may be held back before the server stops reading from the client.
    static let heldLimit = 4096

    let behaviour: TestServerBehaviour
    /// Whether any of the faults happens after `after` messages.
    let hasTriggers: Bool
    var isTriggered = false
    /// Data messages received.
    var received = 0
    var isStalled = false
    var leftToFlood = 0
    /// Nil means no limit.
    var leftToPush: Int?
    /// Replies that wait for a timer.
    var heldReplies = 0
    /// Replies that wait until the window is full.
    var window: [(opcode: UInt8, payload: ByteBuffer)] = []
    /// The pending timer of each fault that has one.
    var timers: [Fault: Scheduled<Void>] = [:]

    init(_ behaviour: TestServerBehaviour) {
        self.behaviour = behaviour
        hasTriggers = behaviour.faults.contains { $0.isTriggered }
    }

    func cancelTimers() {
        for timer in timers.values { timer.cancel() }
        timers.removeAll()
    }

    /// Appends the bytes that `fault` sends when it is triggered, if any.
    func write(_ fault: Fault, to out: inout ByteBuffer) {
        let hello = ByteBuffer(string: "hello")
        switch fault {
        case .close: out.writeCloseFrame(code: behaviour.code, reason: behaviour.reason)
        case .garbage: Self.writeNoise(behaviour.length ?? 64, to: &out)
        case .masked:
            out.writeBytes([0x81, 0x85, 1, 2, 3, 4])
            out.writeBytes(zip("hello".utf8, [1, 2, 3, 4, 1] as [UInt8]).map { $0 ^ $1 })
        case .rsv: out.writeFrame(reserved: behaviour.bits, opcode: Opcode.text, hello)
        case .opcode: out.writeFrame(opcode: behaviour.opcode, hello)
        case .utf8: out.writeFrame(opcode: Opcode.text, ByteBuffer(bytes: [0x68, 0xC0, 0xAF, 0xFF]))
        case .control:
            out.writeFrame(opcode: Opcode.ping, ByteBuffer(repeating: 0x70, count: behaviour.length ?? 126))
        case .fragmentedControl: out.writeFrame(isFinal: false, opcode: Opcode.ping, hello)
        case .continuation: out.writeFrame(opcode: Opcode.continuation, hello)
        case .hugeFrame: out.writeFrameHeader(opcode: Opcode.binary, length: 1 << 62)
        default: break
        }
    }

    /// Appends `count` bytes that are neither HTTP nor a frame. They are always the same.
    static func writeNoise(_ count: Int, to out: inout ByteBuffer) {
        guard count > 0 else { return }
        // FIN, all reserved bits, a reserved opcode.
        out.writeInteger(UInt8(0xFF))
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        for _ in 1..<count {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            out.writeInteger(UInt8(truncatingIfNeeded: state >> 56))
        }
    }
}

@available(*, unavailable)
extension Script: Sendable {}
