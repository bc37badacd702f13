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
    /// How long a connection may take to close.
    var close: Duration = .seconds(2)
    var collect: Duration
    /// The port on which listeners hear the controller, for errors.
    var commandPort: UInt16?
    /// What to do if listeners are missing.
    var advice: String?
    /// What the run omits from the plan's files, one line for each.
    var notices: [String] = []
    /// The plan in the run's record.
    var plan: RecordedPlan
    /// The plan in the form that each worker receives.
    var parcel: SharedBytes
    /// The files that each listener must have before it launches workers.
    var files: [FileReference] = []
    /// Wall-clock time of the start in milliseconds since 1970-01-01 UTC.
    var startedAt: Int64
    /// If true, the first worker that is lost under load ends the load of all.
    var stopsWhenWorkerIsLost = false

    /// How long each step of a worker's end may take.
    var graces: GracePeriods { GracePeriods(close: close, liveness: liveness, collect: collect) }

    /// The fewest machines with which the load can begin.
    var enough: Int { minMachines ?? machines }
}

/// How a run ended, as the run machine determines it.
struct RunOutcome: Sendable, Equatable {
    var end: RunEnd
    /// Why there are no results; nil if there are.
    var error: FleetError?
}
