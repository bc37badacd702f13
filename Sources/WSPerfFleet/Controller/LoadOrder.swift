/// What the controller wants all workers of a run to do. It only moves down this list.
enum LoadOrder: Int, Comparable, Sendable {
    /// Wait: the load has not begun.
    case wait
    /// Run the load.
    case start
    /// Open and send nothing more, and close politely.
    case stop
    /// Drop every connection.
    case abort

    static func < (a: LoadOrder, b: LoadOrder) -> Bool { a.rawValue < b.rawValue }
}
