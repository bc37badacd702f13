/// What becomes of a run that loses a worker: its process died, or fell silent. Either way the run is not valid.
public enum LostWorkerPolicy: String, Sendable, Hashable, CaseIterable {
    /// The other workers go on to the end.
    case `continue`
    /// The others are stopped in order, and the run ends.
    case abort
}
