public import WSPerfCore

/// What one worker process of a run did, and how it ended.
public struct WorkerSummary: Sendable, Equatable {
    public var info: WorkerInfo
    /// Its connections and their outcomes. If another worker took over its share, that worker has the rest.
    public var connections: ConnectionTally
    /// Messages it sent and received.
    public var sent: UInt64
    public var received: UInt64
    /// Its processor time, nanoseconds.
    public var cpuUser: UInt64
    public var cpuSystem: UInt64
    /// Exit status, if it exited and its listener saw that.
    public var status: Int32?
    /// Signal number, if a signal ended it.
    public var signal: Int32?
    /// True if its last results never arrived.
    public var lost: Bool
    /// True if it was lost before it had any load, and another worker ran its share instead.
    public var replaced: Bool
    /// How it ended, in words; empty if unknown.
    public var reason: String
    /// The last lines of its output, or the first that it printed about a crash.
    public var stderr: String

    /// Whether even a shortened list must show it.
    var isNoteworthy: Bool {
        lost || signal != nil || (status ?? 0) != 0 || !stderr.isEmpty || connections.outcomes[.lost] != nil
    }
}
