public import WSPerfCore

/// How one run of a fleet ended.
public struct FleetRunResult: Sendable, Hashable {
    /// The run's identity, as in its record.
    public var run: String
    public var end: RunEnd
    /// Why there are no results; nil if there are. Its `exitStatus` is the exit status of the executable.
    public var error: FleetError?
}
