internal import WSPerfCore

/// One worker's snapshots on the controller's side. It returns each snapshot exactly once and in order, although they may
/// arrive repeatedly and in any order, and it knows which ones are missing.
struct SnapshotInbox {
    /// All snapshots up to and including this one have been returned.
    private(set) var accepted: UInt64 = 0
    /// Bodies that arrived before an earlier one, at most as many as the worker's window. They stay encoded until they
    /// are next, because a decoded snapshot takes about a hundred times as much memory.
    private var held: [UInt64: [UInt8]] = [:]
    /// Bytes of the held bodies.
    private(set) var heldBytes = 0
    /// Whether the final snapshot has been returned.
    private(set) var isComplete = false

    /// Whether a snapshot with this number is new and within the worker's window.
    func wants(_ sequence: UInt64) -> Bool {
        !isComplete && sequence > accepted && sequence - accepted <= UInt64(FleetLimits.snapshotWindow)
            && held[sequence] == nil
    }

    /// Whether `take` would return a snapshot with this number at once.
    func isNext(_ sequence: UInt64) -> Bool { sequence == accepted + 1 }

    /// Takes the body of a snapshot that `wants` returned true for.
    ///
    /// - Returns: The snapshots that are now in order. If the next body breaks a rule, also that rule: "snapshot 2: max
    ///   below min in field 'send_lag' (byte 41)". A worker would send the same body again.
    mutating func take(_ sequence: UInt64, _ body: [UInt8]) -> (ready: [EncodedSnapshot], offence: String?) {
        held[sequence] = body
        heldBytes += body.count
        var ready: [EncodedSnapshot] = []
        while !isComplete, let next = held.removeValue(forKey: accepted + 1) {
            heldBytes -= next.count
            let encoded: EncodedSnapshot
            do throws(SnapshotDecodingError) {
                encoded = try EncodedSnapshot(decoding: next)
            } catch {
                return (ready, "snapshot \(accepted + 1): \(error.offence)")
            }
            guard encoded.snapshot.sequence == accepted + 1 else {
                return (ready, "snapshot \(accepted + 1): its body has the number \(encoded.snapshot.sequence)")
            }
            accepted += 1
            ready.append(encoded)
            isComplete = encoded.snapshot.isFinal
        }
        if isComplete { forget() }
        return (ready, nil)
    }

    /// Drops all held bodies.
    mutating func forget() {
        held.removeAll()
        heldBytes = 0
    }

    /// The missing numbers before the last one that has arrived.
    var missing: [UInt64] {
        guard let last = held.keys.max() else { return [] }
        return ((accepted + 1)..<last).filter { held[$0] == nil }
    }

    /// Snapshots that have arrived but wait for an earlier one.
    var stranded: Int { held.count }
}
