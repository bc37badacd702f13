internal import Synchronization
internal import WSPerfFleet

/// Says how far a run's files have got: once for every tenth of the way. Small files are not worth a line.
final class TransferNotes: Sendable {
    private static let leastBytes = 1 << 20
    private let last = Mutex<(files: [String], percent: Int)>(([], 0))

    /// "sending replay.jsonl to 3 listeners, 41 %"; nil if there is nothing new.
    func note(_ transfer: FleetEvent.Transfer) -> String? {
        guard transfer.bytes >= Self.leastBytes else { return nil }
        let percent = transfer.arrived * 100 / transfer.bytes
        let isNew = last.withLock { last in
            let isNext = transfer.files != last.files || percent < last.percent || percent / 10 > last.percent / 10
            if isNext { last = (transfer.files, percent) }
            return isNext
        }
        guard isNew else { return nil }
        let names = transfer.files.prefix(3).joined(separator: ", ") + (transfer.files.count > 3 ? ", …" : "")
        return "sending \(names) to \(transfer.listeners) listener\(transfer.listeners == 1 ? "" : "s"), \(percent) %"
    }
}
