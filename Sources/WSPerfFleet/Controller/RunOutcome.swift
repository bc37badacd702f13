internal import WSPerfCore

/// How a run came to its end, as the run machine says it.
struct RunOutcome: Sendable, Equatable {
    var end: RunEnd
    /// Why there are no results, where there are none.
    var error: FleetError?
}
