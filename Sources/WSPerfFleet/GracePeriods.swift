internal import WSPerfCore

/// How long each step of a shutdown may take. All of it follows from the plan, and is calculated here, so that no step
/// begins before the previous one can be over:
///
/// close timeout < polite end < abort < deliver < SIGTERM < SIGKILL
///
/// The times count from the moment when a worker's load must end: it is told to stop, its listener ends, or its
/// controller becomes silent. Monotonic clock.
struct GracePeriods: Sendable, Hashable {
    /// How long a connection may take to close (`timeouts.close`).
    let close: Duration
    /// How long results may take to arrive once a load has ended: the plan's `fleet.collect`, or `fleet.liveness` if that
    /// is longer. A worker keeps its results for as long, even if it hears nobody.
    let delivery: Duration

    /// - Parameters:
    ///   - close: The plan's `timeouts.close`.
    ///   - liveness: The plan's `fleet.liveness`.
    ///   - collect: The plan's `fleet.collect`.
    init(close: Duration, liveness: Duration, collect: Duration) {
        self.close = close
        delivery = max(collect, liveness)
    }

    init(_ plan: Plan) {
        self.init(close: plan.timeouts.close, liveness: plan.fleet.liveness, collect: plan.fleet.collect)
    }

    /// A load that ends politely is over by then.
    var politeEnd: Duration { close + Self.margin }
    /// Then the worker drops the connections that are left.
    var abort: Duration { politeEnd + Self.margin }
    /// A worker has delivered its results by then, or exits without that.
    var deliver: Duration { abort + Self.margin + delivery }
    /// Then its listener sends SIGTERM to the worker's process group. A worker that works as it should has ended.
    var terminate: Duration { deliver + Self.margin }
    /// Then its listener sends SIGKILL.
    var kill: Duration { terminate + FleetLimits.terminate }

    private static let margin: Duration = .seconds(1)
}

/// How a controller ends the listeners on its own machine after the last run, step by step. Nobody wants results any more,
/// so a listener sends SIGTERM to its workers at once and SIGKILL after `FleetLimits.terminate`.
enum ClosingStep {
    /// Tell them to exit.
    case ask
    /// Close their lifelines and send SIGTERM. The second time, they kill their workers.
    case terminate
    case kill
    case giveUp

    /// A listener has killed its workers before it gets the first signal.
    static let polite: [(after: Duration, step: ClosingStep)] = [
        (.zero, .ask), (.milliseconds(500), .ask), (.seconds(1), .ask),
        (FleetLimits.terminate + .seconds(1), .terminate), (FleetLimits.terminate + .seconds(3), .terminate),
        (FleetLimits.terminate + .seconds(5), .kill), (FleetLimits.terminate + .seconds(7), .giveUp),
    ]
    /// After a second interrupt.
    static let hurried: [(after: Duration, step: ClosingStep)] = [
        (.zero, .ask), (.milliseconds(10), .terminate), (.milliseconds(400), .terminate), (.seconds(2), .kill),
        (.seconds(4), .giveUp),
    ]
    /// Listeners on other machines end by themselves.
    static let remote: [(after: Duration, step: ClosingStep)] = [
        (.zero, .ask), (.milliseconds(500), .ask), (.seconds(1), .ask), (.seconds(2), .giveUp),
    ]
}
