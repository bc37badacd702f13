internal import WSPerfCore

/// The files of a listener: which it has, and which it gets from the controller for the current launch, one after
/// another. Pure.
///
/// A file stays for later runs, of this controller and of others, because its name is the digest of its contents. One
/// that no run has used for an hour is dropped.
struct FileIntake {
    enum Action: Sendable, Equatable {
        case send(PeerMessage.Fetch)
        /// Write a chunk to the file, which is made if it does not exist.
        case store(FileReference, chunk: Int, [UInt8])
        /// The file is complete: check its digest.
        case verify(FileReference)
        case drop(sha256: String)
    }

    enum Event: Sendable, Equatable {
        case stored(sha256: String, chunk: Int)
        /// It has the right digest.
        case ready(sha256: String)
        /// It has the wrong digest, and was dropped.
        case damaged(sha256: String)
        /// It cannot be written or read.
        case failed(sha256: String, reason: String)
    }

    /// Complete files, and when a launch last wanted them.
    private var ready: [String: FleetInstant] = [:]
    private var wanted: [FileReference] = []
    private var fetcher: FileFetcher?
    private var isVerifying = false
    /// How often the file of the fetcher has arrived damaged.
    private var damages = 0
    /// Whether the controller must hear how much is stored.
    private var hasNews = false
    private var reportAt: FleetInstant?
    /// Why the files of the current launch will not be complete.
    private(set) var failure: String?
    private var actions: [Action] = []

    /// Whether all files of the current launch are there.
    var areReady: Bool { wanted.allSatisfy { ready[$0.sha256] != nil } }

    /// - Parameter isConnected: Whether there is a controller to ask.
    func nextDeadline(isConnected: Bool) -> FleetInstant? {
        if !actions.isEmpty { return FleetInstant(nanoseconds: .min) }
        let expiry = ready.filter { file in !wanted.contains { $0.sha256 == file.key } }.values.min().map {
            $0 + FleetLimits.fileKept
        }
        guard isConnected, failure == nil else { return expiry }
        // While the file is verified, there is nothing to ask for and nothing to report.
        guard let fetcher, !isVerifying else { return expiry }
        return [expiry, fetcher.nextDeadline, reportAt].compactMap(\.self).min()
    }

    /// The files of a launch; none if the run is over. What was begun for another launch is dropped.
    mutating func want(_ files: [FileReference], now: FleetInstant) {
        for file in wanted + files where ready[file.sha256] != nil { ready[file.sha256] = now }
        if files != wanted { failure = nil }
        wanted = files
        if let file = fetcher?.file, !wanted.contains(where: { $0.sha256 == file.sha256 }) { dropUnfinished() }
        begin(now: now)
    }

    mutating func chunk(_ chunk: Command.Chunk, bytes: [UInt8]) {
        guard let file = fetcher?.file, file.sha256 == chunk.file, failure == nil,
            fetcher?.arrived(chunk.number, bytes: bytes.count) == true
        else { return }
        actions.append(.store(file, chunk: chunk.number, bytes))
    }

    mutating func handle(_ event: Event, now: FleetInstant) {
        guard let file = fetcher?.file else { return }
        switch event {
        case .stored(file.sha256, let chunk):
            fetcher?.stored(chunk, now: now)
            hasNews = true
            verifyIfComplete()
        case .ready(file.sha256):
            ready[file.sha256] = now
            report()
            (fetcher, isVerifying, damages) = (nil, false, 0)
            begin(now: now)
        case .damaged(file.sha256):
            damages += 1
            isVerifying = false
            if damages < FleetLimits.fetchAttempts {
                fetcher = FileFetcher(file)
                verifyIfComplete()
            } else {
                fail("\(file.name) arrived damaged \(damages) times: it may change while it is sent")
            }
        case .failed(file.sha256, let reason): fail("cannot store \(file.name) (\(file.size) bytes): \(reason)")
        case .stored, .ready, .damaged, .failed: break
        }
    }

    /// - Parameter isConnected: Whether there is a controller to ask.
    mutating func tick(isConnected: Bool, now: FleetInstant) -> [Action] {
        if isConnected, failure == nil, !isVerifying, let file = fetcher?.file {
            let ranges = fetcher?.requests(now: now) ?? []
            for range in ranges { send(file, range) }
            // Without free room, nothing is asked for, but the controller must see that bytes arrive.
            if let reportAt, now >= reportAt, hasNews { report() }
            if !ranges.isEmpty || reportAt.map({ now >= $0 }) ?? true {
                reportAt = now + FleetLimits.heartbeat
                hasNews = false
            }
        }
        expire(now: now)
        defer { actions.removeAll() }
        return actions
    }

    private mutating func begin(now: FleetInstant) {
        guard fetcher == nil, failure == nil, let file = wanted.first(where: { ready[$0.sha256] == nil }) else {
            return
        }
        fetcher = FileFetcher(file)
        reportAt = now
        damages = 0
        verifyIfComplete()
    }

    private mutating func verifyIfComplete() {
        guard let fetcher, fetcher.isComplete, !isVerifying else { return }
        isVerifying = true
        report()
        actions.append(.verify(fetcher.file))
    }

    private mutating func report() {
        guard let file = fetcher?.file else { return }
        send(file, 0..<0)
    }

    private mutating func send(_ file: FileReference, _ range: Range<Int>) {
        actions.append(
            .send(
                PeerMessage.Fetch(
                    file: file.sha256, first: range.lowerBound, count: range.count, stored: fetcher?.stored ?? 0)))
    }

    private mutating func fail(_ reason: String) {
        failure = reason
        dropUnfinished()
    }

    private mutating func dropUnfinished() {
        if let file = fetcher?.file { actions.append(.drop(sha256: file.sha256)) }
        (fetcher, isVerifying, damages) = (nil, false, 0)
    }

    private mutating func expire(now: FleetInstant) {
        let unused = ready.filter { file in !wanted.contains { $0.sha256 == file.key } }
        let old = unused.filter { now - $0.value >= FleetLimits.fileKept }.keys
        let surplus = unused.sorted { $0.value < $1.value }.dropLast(FleetLimits.filesKept).map(\.key)
        for sha256 in Set(old).union(surplus).sorted() {
            ready[sha256] = nil
            actions.append(.drop(sha256: sha256))
        }
    }
}
