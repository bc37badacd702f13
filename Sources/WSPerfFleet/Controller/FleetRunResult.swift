public import WSPerfCore

/// How one run of a fleet ended.
public struct FleetRunResult: Sendable, Hashable {
    /// The run's identity, as in its record.
    public var run: String
    public var end: RunEnd
    /// Why nothing was measured, where nothing was; its `exitStatus` is the executable's.
    public var error: FleetError?
}
