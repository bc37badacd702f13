/// What one engine did since its previous snapshot.
public struct Snapshot: Sendable, Equatable {
    /// 1, 2, 3, … within one engine's run; the sum of all up to the one marked `isFinal` is the engine's result.
    public var sequence: UInt64
    /// End of the interval this covers: nanoseconds of the monotonic clock since the engine's run began.
    public var elapsed: UInt64
    /// True for the last one: every connection has its outcome.
    public var isFinal: Bool
    /// The delta.
    public var statistics: LoadStatistics

    public init(sequence: UInt64, elapsed: UInt64, isFinal: Bool, statistics: LoadStatistics) {
        self.sequence = sequence
        self.elapsed = elapsed
        self.isFinal = isFinal
        self.statistics = statistics
    }
}

/// Which part of a plan's connections one engine runs: connection indices `workerIndex * plan.instances ..< +instances`.
/// `WorkerShare()` is the first worker.
public struct WorkerShare: Sendable, Hashable {
    public var workerIndex: Int
    /// Tells this run's messages from those of other runs, if replies are matched by tag: the same for all workers of a
    /// run, different for each run. If nil, the engine draws one.
    public var nonce: UInt64?
    public init(workerIndex: Int = 0, nonce: UInt64? = nil) {
        self.workerIndex = workerIndex
        self.nonce = nonce
    }
}
