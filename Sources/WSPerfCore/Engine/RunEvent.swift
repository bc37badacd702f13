/// What happens in a run, as its coordinator sees it. The stream of events is the run's complete record: the journal
/// stores it, and every report is a fold over it.
public enum RunEvent: Sendable, Equatable {
    /// The first event. `startedAt` is wall-clock time, milliseconds since 1970-01-01 UTC.
    case started(run: String, startedAt: Int64, plan: RecordedPlan)
    case phase(RunPhase)
    /// A worker process said it is ready.
    case workerReady(WorkerInfo)
    /// A snapshot of the worker with this id, accepted once and in order, with its bytes as the worker sent them.
    case snapshot(worker: String, EncodedSnapshot)
    /// A worker has ended. Its connections without an outcome are `lost` if `end.lost`, else `aborted`.
    case workerEnded(worker: String, WorkerEnd)
    /// Something a reader of the report should know: one line of printable text.
    case notice(String)
    /// A threshold of the plan, by its place in the list, has failed and ends the load. `value` is in the figure's unit, or
    /// in percent if the limit is.
    case thresholdFailed(index: Int, value: Double)
    /// Why the run could not be carried out, in one line of printable text, and the exit status of a controller for that:
    /// 2 for a plan that no worker can set up, 3 for missing listeners or workers. Comes at most once, before the end.
    case failed(reason: String, exitStatus: Int32)
    /// The last event. `elapsed` is nanoseconds of the controller's monotonic clock since `started`.
    case ended(RunEnd, elapsed: UInt64)
}

public enum RunPhase: String, Sendable, Hashable, Codable, CaseIterable {
    case waitingForListeners = "waiting_for_listeners"
    case launching
    case waitingForWorkers = "waiting_for_workers"
    case connecting
    case sending
    case draining
    case collecting
    case done
}

public struct WorkerInfo: Sendable, Hashable, Codable {
    /// Unique among all workers of all runs; printable ASCII.
    public var id: String
    /// 0 ..< machines × processes: which share of the plan it runs.
    public var index: Int
    /// The listener's name for its machine.
    public var machine: String
    public var pid: Int32
    /// How long the run had waited for listeners and workers when this worker's load began: nanoseconds of the
    /// controller's monotonic clock since `started`; nil if unknown.
    public var waited: UInt64?
    public init(id: String, index: Int, machine: String, pid: Int32, waited: UInt64? = nil) {
        self.id = id
        self.index = index
        self.machine = machine
        self.pid = pid
        self.waited = waited
    }
}

public struct WorkerEnd: Sendable, Hashable, Codable {
    /// True if it ended before its final snapshot had been accepted, or ended its load without being told to.
    public var lost: Bool
    /// Exit status, if it exited.
    public var status: Int32?
    /// Signal number, if a signal ended it.
    public var signal: Int32?
    /// Why, in words: "killed by signal 9 (SIGKILL)", "silent for 5 s", "its listener is lost".
    public var reason: String
    /// The last lines of its output, or the first that it printed about a crash; printable text, at most 2 KiB.
    public var stderr: String
    public init(lost: Bool, status: Int32? = nil, signal: Int32? = nil, reason: String, stderr: String = "") {
        self.lost = lost
        self.status = status
        self.signal = signal
        self.reason = reason
        self.stderr = stderr
    }
}

/// How a run ended.
public enum RunEnd: String, Sendable, Hashable, Codable {
    /// Every worker finished.
    case finished
    /// The operator interrupted it.
    case interrupted
    /// Too few listeners or workers came; nothing was sent.
    case incomplete
    /// A deadline of the run passed while workers still owed results.
    case overdue
}
