/// When each connection sends its messages: a schedule of the library with its options, or a scheduler that you
/// registered with the workers.
public enum SchedulePlan: Sendable, Hashable {
    /// A message every interval.
    case periodic(PeriodicOptions)
    /// Messages at random intervals, each drawn anew.
    case randomized(RandomizedOptions)
    /// The messages of a log, at the log's times.
    case replay(ReplayOptions)
    /// A scheduler in the workers' `Registry`.
    case custom(ComponentPlan)

    /// The library's schedules, with their names in plan files.
    package enum Kind: String, Sendable, CaseIterable {
        case periodic, randomized, replay

        /// The kind if a plan names none.
        static let standard = periodic

        package var options: any ScheduleOptions.Type {
            switch self {
            case .periodic: PeriodicOptions.self
            case .randomized: RandomizedOptions.self
            case .replay: ReplayOptions.self
            }
        }
    }

    /// The options of a schedule of the library; nil for a custom one.
    package var options: (any ScheduleOptions)? {
        switch self {
        case .periodic(let options): options
        case .randomized(let options): options
        case .replay(let options): options
        case .custom: nil
        }
    }
}

extension SchedulePlan {
    /// A message every second.
    public static func periodic() -> SchedulePlan { .periodic(PeriodicOptions()) }

    /// A message every `interval`, starting at a random point of the first interval.
    public static func periodic(every interval: Duration) -> SchedulePlan {
        .periodic(PeriodicOptions(interval: interval))
    }

    /// Messages at intervals drawn from `distribution`.
    public static func randomized(_ distribution: RandomizedOptions.Distribution) -> SchedulePlan {
        .randomized(RandomizedOptions(distribution))
    }

    /// A scheduler that is registered in the workers' `Registry` as `kind`, with its options.
    public static func custom(
        kind: String, options: PlanNode = .mapping([] as [PlanNode.Entry])
    ) -> SchedulePlan {
        .custom(ComponentPlan(kind: kind, options: options))
    }

    /// The name in a plan file and in the registry.
    public var kind: String { component.kind }

    /// The kind and its options in a plan's document.
    var component: ComponentPlan {
        if case .custom(let component) = self { return component }
        guard let options else { return ComponentPlan(kind: "") }
        return ComponentPlan(kind: type(of: options).kind.rawValue, options: options.document)
    }

    /// Reads the mapping at the plan's key `schedule`.
    init(reading reader: PlanReader) {
        let kind = reader.kind(default: Kind.standard.rawValue)
        self =
            Kind(rawValue: kind).map { $0.options.init(reading: reader).schedule }
            ?? .custom(reader.component(kind: kind))
    }

    /// Whether every message is due at once; true if unknown.
    var isWithoutPauses: Bool { options?.isWithoutPauses ?? true }

    /// Whether the schedule sets the length of each message, so that the payload does not.
    var setsLengths: Bool { options.map { type(of: $0).setsLengths } ?? false }

    /// What is known about the messages of a connection without running the plan.
    func arithmetic(of plan: Plan, _ logs: LoadedLogs) -> any ScheduleArithmetic {
        options?.arithmetic(of: plan, logs) ?? UnknownSchedule()
    }
}

/// The options of a schedule of the library, and values derived from them.
package protocol ScheduleOptions: ComponentOptions {
    static var kind: SchedulePlan.Kind { get }

    /// The options as part of a plan.
    var schedule: SchedulePlan { get }

    /// Whether every message is due at once.
    var isWithoutPauses: Bool { get }

    /// Whether the schedule sets the length of each message.
    static var setsLengths: Bool { get }

    /// The payload if a plan names none.
    static var standardPayload: PayloadPlan.Kind { get }

    /// Reports conflicts with the plan's other keys. `isBounded` means that the plan has `messages` or `duration`.
    func check(_ plan: Plan, isBounded: Bool, _ reader: PlanReader)

    /// Throws if the contents of a file that the options name cannot be used.
    func checkFiles(of plan: Plan) throws(PlanError)

    /// What is known about the messages of a connection without running the plan.
    func arithmetic(of plan: Plan, _ logs: LoadedLogs) -> any ScheduleArithmetic
}

extension ScheduleOptions {
    package static var setsLengths: Bool { false }
    package static var standardPayload: PayloadPlan.Kind { .standard }
    package func checkFiles(of plan: Plan) throws(PlanError) {}
}
