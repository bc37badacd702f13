/// The recorded payloads of a log that `ReplayScheduler` replays. If the log has no data for a message, it gets random
/// text or bytes of the recorded length.
///
/// Messages of another schedule also get random contents, but are empty unless that schedule sets a length.
public struct ReplayPayload: PayloadGenerator {
    private let entries: SharedArray<ReplayLog.Entry>
    private let data: SharedArray<UInt8>
    private let random: RandomBytes

    /// - Parameters:
    ///   - log: The log that the scheduler replays.
    ///   - seed: The plan's seed, for payloads that were not recorded.
    public init(_ log: ReplayLog, seed: UInt64 = 1) {
        entries = log.entries
        data = log.data
        random = RandomBytes(seed: seed)
    }

    public func kind(for message: MessageContext) -> MessageKind {
        message.scheduled.kind ?? entry(of: message)?.kind ?? .text
    }

    public func length(for message: MessageContext, using random: inout SeededGenerator) -> Int {
        message.scheduled.length ?? entry(of: message).map { Int($0.length) } ?? 0
    }

    public func fill(
        _ payload: inout PayloadBuffer,
        for message: MessageContext,
        using random: inout SeededGenerator
    ) {
        let kind = kind(for: message)
        // Data recorded as text is UTF-8; data recorded as binary may not be.
        if let entry = entry(of: message), entry.place != ReplayLog.Entry.noData, entry.kind == kind || kind == .binary
        {
            payload.append(data, at: Int(entry.place), length: Int(entry.length), entry.writing, kind)
            payload.pad()
        } else {
            self.random.fill(&payload, kind, using: &random)
        }
    }

    @inline(__always)
    private func entry(of message: MessageContext) -> ReplayLog.Entry? {
        guard let index = message.scheduled.entry, index >= 0, index < entries.count else { return nil }
        return entries[index]
    }
}

extension PayloadGenerator where Self == ReplayPayload {
    /// The recorded payloads of `log`; see `ReplayPayload`.
    public static func replay(_ log: ReplayLog, seed: UInt64 = 1) -> Self { ReplayPayload(log, seed: seed) }
}
