extension LoadStatistics {
    /// The share of their time that the event loops did not spend waiting, 0 … 1; nil if not known.
    public var loopUtilisation: Double? {
        loopTime > 0 ? min(1, Double(loopBusy) / Double(loopTime)) : nil
    }

    /// The share of their time that the event loops had a processor, 0 … 1; nil if not known. Less than
    /// `loopUtilisation` if something else had the processors.
    public var loopCPUShare: Double? {
        loopTime > 0 ? min(1, Double(loopCPU) / Double(loopTime)) : nil
    }

    /// Whether more than one reply in a thousand has no round-trip time, so that the times don't cover all replies.
    public var leavesOutReplies: Bool { untimed > (rttResponse.count &+ untimed) / 1000 }
}
