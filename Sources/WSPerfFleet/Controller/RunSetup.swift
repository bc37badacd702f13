internal import WSPerfCore

/// What the run machine needs to know of a plan.
struct RunSetup: Sendable {
    /// The run's identity.
    var id: String
    /// 1, 2, 3, … within the controller's session.
    var number: Int
    var machines: Int
    /// Machines that are enough for the load to begin once `join` is over; all of them if nil.
    var minMachines: Int? = nil
    var processes: Int
    /// Connections of each worker.
    var instances: Int
    /// Deadlines of the phases.
    var join: Duration
    var launch: Duration
    var liveness: Duration
    /// From the start until what is left of the load is told to stop: later than any worker that keeps its own time limit
    /// has ended.
    var limit: Duration
    /// What workers may take to end their load once told to.
    var drain: Duration
    var collect: Duration
    /// The plan as it goes into the record.
    var document: PlanNode
    /// What each worker is sent.
    var parcel: SharedBytes
    /// Wall-clock time of the start, milliseconds since 1970-01-01 UTC.
    var startedAt: Int64
    /// True: the first worker that is lost under load ends the load of all.
    var stopsWhenWorkerIsLost = false

    /// Machines that the load needs at least.
    var enough: Int { minMachines ?? machines }
}
