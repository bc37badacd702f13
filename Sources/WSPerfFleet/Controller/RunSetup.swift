internal import WSPerfCore

/// The parts of a plan that the run machine needs.
struct RunSetup: Sendable {
    /// The run's identity.
    var id: String
    /// Number of the run in the controller's session: 1, 2, 3, …
    var number: Int
    var machines: Int
    /// Machines that are enough to begin the load once `join` has passed; nil means all of them.
    var minMachines: Int? = nil
    var processes: Int
    /// Connections per worker.
    var instances: Int
    // How long each phase may take.
    var join: Duration
    var launch: Duration
    var liveness: Duration
    /// Time from the start of the load until workers that are not finished are told to stop. A worker that enforces its own
    /// time limit has finished by then.
    var limit: Duration
    /// How long workers may take to end their load after a stop command.
    var drain: Duration
    var collect: Duration
    /// What the run leaves out of the plan's files, each in one line.
    var notices: [String] = []
    /// The plan as it is recorded.
    var plan: RecordedPlan
    /// The plan as it is sent to each worker.
    var parcel: SharedBytes
    /// Wall-clock time of the start in milliseconds since 1970-01-01 UTC.
    var startedAt: Int64
    /// If true, the first worker that is lost under load ends the load of all.
    var stopsWhenWorkerIsLost = false

    /// The fewest machines that the load can begin with.
    var enough: Int { minMachines ?? machines }
}

/// How a run ended, as the run machine determines it.
struct RunOutcome: Sendable, Equatable {
    var end: RunEnd
    /// Why there are no results; nil if there are.
    var error: FleetError?
}
