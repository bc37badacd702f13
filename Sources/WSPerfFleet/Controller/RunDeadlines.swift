/// The deadlines of each phase of a run, and what must happen then. Pure.
///
/// Before the load there are two deadlines: after the first, fewer machines than planned are enough; at the second, the run
/// ends as incomplete. Under load there are three: the workers are told to stop, then to abort, then the run ends as overdue.
struct RunDeadlines {
    private let launch: Duration
    private let limit: Duration
    private let drain: Duration
    private let collect: Duration
    private let joinEnds: FleetInstant
    /// End of the current phase before the load.
    private var setupEnds: FleetInstant
    private var stopAt: FleetInstant?
    private var abortAt: FleetInstant?
    private var overdueAt: FleetInstant?

    /// The run begins to wait for listeners.
    init(_ setup: RunSetup, now: FleetInstant) {
        launch = setup.launch
        limit = setup.limit
        drain = setup.drain
        collect = setup.collect
        joinEnds = now + setup.join
        setupEnds = joinEnds
    }

    // MARK: What happens in the run

    /// Enough listeners have joined; they launch workers.
    mutating func launchBegan(now: FleetInstant) { setupEnds = now + launch }

    /// Bytes of the plan's files have arrived at a listener.
    mutating func bytesArrived(now: FleetInstant) { setupEnds = max(setupEnds, now + launch) }

    mutating func loadBegan(now: FleetInstant) {
        stopAt = now + limit
        abortAt = now + limit + drain
        overdueAt = now + limit + drain + collect
    }

    /// The workers are told to stop, possibly before the limit.
    mutating func stopBegan(now: FleetInstant) {
        abortAt = earlier(abortAt, now + drain)
        overdueAt = earlier(overdueAt, now + drain + collect)
    }

    /// Every worker has ended its load; only results are missing.
    mutating func collectionBegan(now: FleetInstant) { overdueAt = earlier(overdueAt, now + collect) }

    // MARK: What is due

    /// Whether `min_machines` are enough from now on.
    func joinIsOver(now: FleetInstant) -> Bool { now >= min(joinEnds, setupEnds) }

    /// Whether the run ends as incomplete unless the load begins now.
    func setupIsOver(now: FleetInstant) -> Bool { now >= setupEnds }

    /// The order that the workers must have by now.
    func order(now: FleetInstant) -> LoadOrder {
        guard let stopAt, let abortAt else { return .wait }
        return now >= abortAt ? .abort : now >= stopAt ? .stop : .start
    }

    /// Whether the run ends without the results that are still missing.
    func isOverdue(now: FleetInstant) -> Bool { overdueAt.map { now >= $0 } ?? false }

    /// The next deadline that matters while the workers have this order; nil if there is none.
    func next(under order: LoadOrder, now: FleetInstant) -> FleetInstant? {
        let candidates: [FleetInstant?] =
            order == .wait
            ? [setupEnds, now < joinEnds ? joinEnds : nil]
            : [order < .stop ? stopAt : nil, order < .abort ? abortAt : nil, overdueAt]
        return candidates.compactMap(\.self).min()
    }

    private func earlier(_ a: FleetInstant?, _ b: FleetInstant) -> FleetInstant { a.map { min($0, b) } ?? b }
}
