public import WSPerfCore

/// Gives a controller its runs, one after another, on the same listeners. Each run can depend on how the one before it
/// ended.
///
/// ```swift
/// /// Doubles the connections until a run is not complete.
/// actor Doubling: RunProvider {
///     let machines = 2
///     private var plan: Plan
///     func next(after last: FleetRunResult?) -> Plan? {
///         if let last, last.end != .finished { return nil }
///         defer { plan.instances *= 2 }
///         return plan
///     }
/// }
/// ```
public protocol RunProvider: Sendable {
    /// The most machines that a run may have. As many local listeners are launched.
    var machines: Int { get async }

    /// The next plan; nil if there is no more. Listeners wait while this runs, so it may take its time.
    ///
    /// - Parameter last: How the run before ended; nil before the first. After an interrupt, or a run that could not be
    ///   carried out, there is no next run.
    /// - Throws: What ends the session. `FleetController.run` throws it.
    func next(after last: FleetRunResult?) async throws -> Plan?
}

/// Plans that are known from the beginning.
struct PlanList: RunProvider {
    private let plans: [Plan]
    private let place = Place()

    private actor Place {
        private var next = 0
        func advance() -> Int {
            defer { next += 1 }
            return next
        }
    }

    init(_ plans: [Plan]) { self.plans = plans }

    var machines: Int { plans.map(\.machines).max() ?? 1 }

    func next(after last: FleetRunResult?) async -> Plan? {
        let index = await place.advance()
        return index < plans.count ? plans[index] : nil
    }
}
