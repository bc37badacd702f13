/// When each connection sends its messages: a schedule of the library with its options, or a scheduler that you have
/// registered with the workers.
public enum SchedulePlan: Sendable, Hashable {
    /// A message every interval.
    case periodic(PeriodicOptions)
    /// A message after a time that is drawn anew for each.
    case randomized(RandomizedOptions)
    /// The messages of a log, at its times.
    case replay(ReplayOptions)
    /// A scheduler that the workers' `Registry` knows.
    case custom(ComponentPlan)

    /// The library's schedules, as plan files name them.
    package enum Kind: String, Sendable, CaseIterable {
        case periodic, randomized, replay

        /// The kind of a plan that names none.
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

    /// A message every `interval`, from a random point of the first one on.
    public static func periodic(every interval: Duration) -> SchedulePlan {
        .periodic(PeriodicOptions(interval: interval))
    }

    /// A message after a time drawn from `distribution`.
    public static func randomized(_ distribution: RandomizedOptions.Distribution) -> SchedulePlan {
        .randomized(RandomizedOptions(distribution))
    }

    /// A scheduler that the workers' `Registry` knows as `kind`, with its options.
    public static func custom(
        kind: String, options: PlanNode = .mapping([] as [PlanNode.Entry])
    ) -> SchedulePlan {
        .custom(ComponentPlan(kind: kind, options: options))
    }

    /// The name that a plan file and the registry know.
    public var kind: String { component.kind }

    /// The kind with its options as a plan's document holds them.
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

    /// Whether every message is due at once, as far as is known.
    var isWithoutPauses: Bool { options?.isWithoutPauses ?? true }

    /// Whether the schedule sets the length of each message, so that the payload does not.
    var setsLengths: Bool { options.map { type(of: $0).setsLengths } ?? false }

    /// What can be said about the messages of a connection without running the plan.
    func arithmetic(of plan: Plan, _ logs: LoadedLogs) -> any ScheduleArithmetic {
        options?.arithmetic(of: plan, logs) ?? UnknownSchedule()
    }
}

/// The options of a schedule of the library, and what follows from them.
package protocol ScheduleOptions: ComponentOptions {
    static var kind: SchedulePlan.Kind { get }

    /// The options as a plan holds them.
    var schedule: SchedulePlan { get }

    /// Whether every message is due at once.
    var isWithoutPauses: Bool { get }

    /// Whether the schedule sets the length of each message.
    static var setsLengths: Bool { get }

    /// The payload of a plan that names none.
    static var standardPayload: PayloadPlan.Kind { get }

    /// Reports what the schedule demands of the plan's other keys. `isBounded`: the plan has `messages` or `duration`.
    func check(_ plan: Plan, isBounded: Bool, _ reader: PlanReader)

    /// Throws if the contents of a file that the options name cannot be used.
    func checkFiles(of plan: Plan) throws(PlanError)

    /// What can be said about the messages of a connection without running the plan.
    func arithmetic(of plan: Plan, _ logs: LoadedLogs) -> any ScheduleArithmetic
}

extension ScheduleOptions {
    package static var setsLengths: Bool { false }
    package static var standardPayload: PayloadPlan.Kind { .standard }
    package func checkFiles(of plan: Plan) throws(PlanError) {}
}
