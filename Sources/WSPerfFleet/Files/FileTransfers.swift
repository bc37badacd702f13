/// How much of a run's files its listeners have. Pure.
struct FileTransfers {
    private struct Key: Hashable {
        var listener: String
        var file: String
    }
    private struct Transfer {
        var stored = 0
        /// The number of chunks that were asked for at least once.
        var asked = 0
    }

    private let files: [String: FileReference]
    private var transfers: [Key: Transfer] = [:]

    init(_ files: [FileReference]) {
        self.files = Dictionary(files.map { ($0.sha256, $0) }) { first, _ in first }
    }

    /// The file that a request is about, if the run has it and all of its chunks.
    func file(_ fetch: PeerMessage.Fetch) -> FileReference? {
        guard let file = files[fetch.file], fetch.first >= 0, (0...FleetLimits.chunkWindow).contains(fetch.count),
            fetch.first <= file.chunks - fetch.count, (0...file.chunks).contains(fetch.stored)
        else { return nil }
        return file
    }

    /// A listener asks for chunks. Returns whether it has stored more than before.
    mutating func note(_ fetch: PeerMessage.Fetch, from listener: String) -> Bool {
        let key = Key(listener: listener, file: fetch.file)
        let isNew = transfers[key] == nil
        var transfer = transfers[key] ?? Transfer()
        transfer.asked = max(transfer.asked, fetch.first + fetch.count)
        let hasMore = fetch.stored > transfer.stored
        transfer.stored = max(transfer.stored, fetch.stored)
        transfers[key] = transfer
        return hasMore || isNew
    }

    /// The listener has left.
    mutating func forget(_ listener: String) { transfers = transfers.filter { $0.key.listener != listener } }

    /// All transfers of this run together; nil if there was none.
    var progress: FleetEvent.Transfer? {
        guard !transfers.isEmpty else { return nil }
        var sum = FleetEvent.Transfer(files: [], listeners: Set(transfers.keys.map(\.listener)).count)
        var names: Set<String> = []
        for (key, transfer) in transfers {
            guard let file = files[key.file] else { continue }
            names.insert(file.name)
            sum.bytes += file.size
            sum.arrived += min(transfer.stored * FleetLimits.chunk, file.size)
            sum.underWay += max(
                0, min(transfer.asked * FleetLimits.chunk, file.size) - transfer.stored * FleetLimits.chunk)
        }
        sum.files = names.sorted()
        return sum
    }
}
