/// Decides which command each worker and listener of a run must get next, and when to publish it again because no
/// acknowledgement came. Pure.
///
/// PUB sockets drop messages, and peers miss them while they connect, so every command is repeated until the peer's state
/// shows that the command arrived.
struct CommandSchedule {
    private struct Publication {
        var type: WireType
        var at: FleetInstant
        /// How often in a row this command was published.
        var times: Int
    }

    /// A plan above this size is repeated at growing intervals: it takes long to arrive, and copies would delay it
    /// further.
    static let largePlanBytes = 64 * 1024

    private let planIsLarge: Bool
    /// The last command to each worker, by its place in the run.
    private var workers: [Publication?] = []
    /// When each listener was last told to launch workers.
    private var launches: [String: FleetInstant] = [:]

    init(planBytes: Int) { planIsLarge = planBytes > Self.largePlanBytes }

    // MARK: Workers

    /// The command that a worker needs according to its last message; nil if it needs none or cannot receive one.
    static func command(for worker: RunWorker, order: LoadOrder) -> Command? {
        guard !worker.hasEnded, !worker.isSilent, worker.exit == nil, worker.isConfirmed, let state = worker.state
        else { return nil }
        // Without its listener a worker cannot finish the planned load.
        let wanted = worker.isOrphan && order == .start ? LoadOrder.stop : order
        return switch state {
        case .waiting: .plan
        case .prepared: wanted == .wait ? nil : wanted == .start ? .start : .stop
        case .running: wanted == .abort ? .abort : wanted == .stop ? .stop : nil
        case .stopping: wanted == .abort ? .abort : nil
        case .finished, .failed: nil
        }
    }

    /// Returns true and records the time if the command must be published to the worker at this place now.
    mutating func publish(_ type: WireType, to place: Int, now: FleetInstant) -> Bool {
        if let next = nextPublication(of: type, to: place), now < next { return false }
        while workers.count <= place { workers.append(nil) }
        let before = workers[place].map { $0.type == type ? $0.times : 0 } ?? 0
        workers[place] = Publication(type: type, at: now, times: before + 1)
        return true
    }

    /// When a command is published again; nil means at once.
    func nextPublication(of type: WireType, to place: Int) -> FleetInstant? {
        guard place < workers.count, let last = workers[place], last.type == type else { return nil }
        let factor = type == .plan && planIsLarge ? 2 << min(last.times, 4) : 1
        return last.at + FleetLimits.republish * factor
    }

    // MARK: Listeners

    /// Returns true and records the time if a listener must be told to launch its workers now.
    mutating func publishLaunch(to listener: String, now: FleetInstant) -> Bool {
        if let next = nextLaunch(to: listener), now < next { return false }
        launches[listener] = now
        return true
    }

    /// When the launch is published again; nil means at once.
    func nextLaunch(to listener: String) -> FleetInstant? { launches[listener].map { $0 + FleetLimits.republish } }

    /// The listener's orders have changed: its next launch is due at once.
    mutating func launchChanged(for listener: String) { launches[listener] = nil }
}

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
