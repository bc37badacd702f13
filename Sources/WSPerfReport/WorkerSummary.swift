public import WSPerfCore

/// What one worker process of a run did and came to.
public struct WorkerSummary: Sendable, Equatable {
    public var info: WorkerInfo
    /// Its connections and their outcomes. If another worker took its place, that one's.
    public var connections: ConnectionTally
    /// Messages it sent and received.
    public var sent: UInt64
    public var received: UInt64
    /// Its processor time, nanoseconds.
    public var cpuUser: UInt64
    public var cpuSystem: UInt64
    /// Exit status, where it exited and somebody saw it.
    public var status: Int32?
    /// Signal number, where a signal ended it.
    public var signal: Int32?
    /// True if its last results never arrived.
    public var lost: Bool
    /// True if it was lost before it had any load and another worker ran its share of the plan instead.
    public var replaced: Bool
    /// How it ended, in words; empty if nobody said.
    public var reason: String
    /// The last lines it wrote to stderr.
    public var stderr: String

    /// Whether a reader of a long list would want to see it.
    var isNoteworthy: Bool {
        lost || signal != nil || (status ?? 0) != 0 || !stderr.isEmpty || connections.outcomes[.lost] != nil
    }
}
