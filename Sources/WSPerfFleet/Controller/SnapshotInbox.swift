internal import WSPerfCore

/// One worker's snapshots on the controller's side: hands each on exactly once and in order, whatever order and however
/// often they arrive, and knows which to ask for again.
struct SnapshotInbox {
    /// All up to and including this one have been handed on.
    private(set) var accepted: UInt64 = 0
    /// Arrived ahead of one that is missing; never more than the worker's window.
    private var held: [UInt64: Snapshot] = [:]
    /// Number of the final snapshot, once it has been handed on.
    private(set) var isComplete = false

    /// Whether a snapshot of this number is of any use: new, and within the window that a worker keeps.
    func wants(_ sequence: UInt64) -> Bool {
        !isComplete && sequence > accepted && sequence - accepted <= UInt64(FleetLimits.snapshotWindow)
            && held[sequence] == nil
    }

    /// Takes a snapshot that `wants` was true for and returns those that are now in order.
    mutating func take(_ snapshot: Snapshot) -> [Snapshot] {
        held[snapshot.sequence] = snapshot
        var ready: [Snapshot] = []
        while !isComplete, let next = held.removeValue(forKey: accepted + 1) {
            accepted += 1
            ready.append(next)
            isComplete = next.isFinal
        }
        if isComplete { held.removeAll() }
        return ready
    }

    /// The numbers missing between those that have arrived.
    var missing: [UInt64] {
        guard let last = held.keys.max() else { return [] }
        return ((accepted + 1)..<last).filter { held[$0] == nil }
    }

    /// Snapshots that arrived but can never be handed on, because one before them is lost.
    var stranded: Int { held.count }
}
