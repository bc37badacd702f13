internal import WSPerfCore

/// How a run ended, as the run machine determines it.
struct RunOutcome: Sendable, Equatable {
    var end: RunEnd
    /// Why there are no results; nil if there are.
    var error: FleetError?
}
