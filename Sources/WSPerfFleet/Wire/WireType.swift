/// Message types. The raw values are their names on the wire.
enum WireType: String, Sendable, Hashable, CaseIterable {
    // From the controller.
    case beacon
    case welcome
    case rejoin
    case refuse
    case launch
    case taken
    case end
    case plan
    case start
    case stop
    case abort
    case chunk
    case acknowledge
    // To the controller.
    case hello
    case listener
    case exited
    case fetch
    case worker
    case snapshot
}
