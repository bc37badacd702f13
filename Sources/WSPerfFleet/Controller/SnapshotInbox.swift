internal import WSPerfCore

/// One worker's snapshots on the controller's side: hands each on exactly once and in order, whatever order and however
/// often they arrive, and knows which to ask for again.
struct SnapshotInbox {
    /// All up to and including this one have been handed on.
    private(set) var accepted: UInt64 = 0
    /// Bodies that arrived ahead of one that is missing; never more than the worker's window. They are decoded in their
    /// turn, because a snapshot's histograms take some hundred times the room of its body.
    private var held: [UInt64: [UInt8]] = [:]
    /// Bytes of those.
    private(set) var heldBytes = 0
    /// Number of the final snapshot, once it has been handed on.
    private(set) var isComplete = false

    /// Whether a snapshot of this number is of any use: new, and within the window that a worker keeps.
    func wants(_ sequence: UInt64) -> Bool {
        !isComplete && sequence > accepted && sequence - accepted <= UInt64(FleetLimits.snapshotWindow)
            && held[sequence] == nil
    }

    /// Whether a snapshot of this number would be handed on at once.
    func isNext(_ sequence: UInt64) -> Bool { sequence == accepted + 1 }

    /// Takes the body of a snapshot that `wants` was true for and returns those that are now in order, and, if the next
    /// body is no snapshot of its number, why not; it is missing as if it had not come.
    mutating func take(_ sequence: UInt64, _ body: [UInt8]) -> (ready: [EncodedSnapshot], unreadable: String?) {
        held[sequence] = body
        heldBytes += body.count
        var ready: [EncodedSnapshot] = []
        while !isComplete, let next = held.removeValue(forKey: accepted + 1) {
            heldBytes -= next.count
            let encoded: EncodedSnapshot
            do throws(SnapshotDecodingError) {
                encoded = try EncodedSnapshot(decoding: next)
            } catch {
                return (ready, error.description)
            }
            guard encoded.snapshot.sequence == accepted + 1 else { return (ready, "it is of another number") }
            accepted += 1
            ready.append(encoded)
            isComplete = encoded.snapshot.isFinal
        }
        if isComplete { forget() }
        return (ready, nil)
    }

    /// Lets go of what can no longer be handed on.
    mutating func forget() {
        held.removeAll()
        heldBytes = 0
    }

    /// The numbers missing between those that have arrived.
    var missing: [UInt64] {
        guard let last = held.keys.max() else { return [] }
        return ((accepted + 1)..<last).filter { held[$0] == nil }
    }

    /// Snapshots that arrived but can never be handed on, because one before them is lost.
    var stranded: Int { held.count }
}
