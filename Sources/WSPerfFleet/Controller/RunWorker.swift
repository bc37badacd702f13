internal import WSPerfCore

/// One worker process of a run, as the controller sees it.
struct RunWorker {
    let id: String
    /// Its share of the plan.
    let index: Int
    /// Identity of the listener that was told to launch it.
    let listener: String
    /// That listener's name.
    let machine: String

    /// Nil until it said hello; then it only moves forward.
    var state: WorkerState?
    /// It answered the welcome, so that what is published to it arrives.
    var isConfirmed = false
    var pid: Int32 = 0
    var lastHeard: FleetInstant
    var lastSequence: UInt64 = 0
    var inbox = SnapshotInbox()
    /// A snapshot of it could not be read, and that was said.
    var wasUnreadable = false
    /// Connections that have come to their outcome.
    var accounted: UInt64 = 0
    /// Connections that have opened or failed to.
    var attempted: UInt64 = 0
    /// Why it ended its load, or failed, without having been told to.
    var reason: String?
    var exit: WorkerExit?
    var exitAt: FleetInstant?
    /// When its final snapshot was accepted.
    var deliveredAt: FleetInstant?
    /// Nothing was heard of it for the plan's liveness limit. It may come back.
    var isSilent = false
    /// Its listener is lost.
    var isOrphan = false
    /// Its listener is known to be gone, so that silence is for good.
    var isDoomed = false
    /// Its end has been recorded, or it was replaced before the load; nothing of it counts any more.
    var hasEnded = false
    /// It is to go away: its machine was given up before the load.
    var isDismissed = false
    /// It was recorded as lost.
    var isLost = false

    /// The command last published to it, when, and how often.
    var published: (type: WireType, at: FleetInstant, times: Int)?

    var isDelivered: Bool { deliveredAt != nil }
    /// Nothing more is to be waited for.
    var isSettled: Bool { hasEnded || (isSilent && !isDelivered) }
}
