/// The result of writing one message's payload.
enum PayloadFilling: Equatable {
    /// The generator wrote what was wanted.
    case complete
    /// The generator offered a different number of bytes than wanted.
    case offered(Int, wanted: Int)
    /// Nothing could be written: the message's length is below 0 or above the limit.
    case impossibleLength(Int)
    /// The client lent less room than the message's length.
    case noRoom

    /// Lets `generate` write `wanted` bytes of a message of `length`, fills the rest with ASCII zeros, and passes the
    /// whole message to `finish`.
    ///
    /// Invariant (the caller's): 0 ≤ `wanted` ≤ `length`.
    @inline(__always)
    static func fill(
        _ span: inout OutputRawSpan, wanted: Int, length: Int, generate: (inout PayloadBuffer) -> Void,
        finish: (UnsafeMutableRawBufferPointer) -> Void
    ) -> PayloadFilling {
        guard span.freeCapacity >= length else { return .noRoom }
        return span.withUnsafeMutableBytes { memory, count in
            let bytes = UnsafeMutableRawBufferPointer(rebasing: memory[count..<count &+ length])
            var payload = PayloadBuffer(UnsafeMutableRawBufferPointer(rebasing: bytes[..<wanted]))
            generate(&payload)
            let offered = payload.offered
            if payload.count < length {
                UnsafeMutableRawBufferPointer(rebasing: bytes[payload.count...])
                    .initializeMemory(as: UInt8.self, repeating: UInt8(ascii: "0"))
            }
            finish(bytes)
            count &+= length
            return offered == wanted ? .complete : .offered(offered, wanted: wanted)
        }
    }

    /// What the payload generator or the schedule did wrong, in a sentence; nil if neither did.
    func problem(of message: MessageContext, in plan: Plan) -> String? {
        let subject = "message \(message.index) of connection \(message.connection)"
        let isScheduled = message.scheduled.length != nil
        switch self {
        case .complete, .noRoom:
            return nil
        case .offered(let offered, let wanted):
            let said = isScheduled ? "but the schedule had asked for \(wanted)" : "but had announced \(wanted)"
            return
                "payload generator '\(plan.payload.kind)' wrote \(offered) byte\(offered == 1 ? "" : "s") of \(subject)"
                + (isScheduled ? ", " : " ") + said
        case .impossibleLength(let length):
            let culprit =
                isScheduled ? "schedule '\(plan.schedule.kind)'" : "payload generator '\(plan.payload.kind)'"
            return "\(culprit) gave \(subject) a length of \(length) bytes; it must be 0 to \(LengthDistribution.limit)"
        }
    }
}
