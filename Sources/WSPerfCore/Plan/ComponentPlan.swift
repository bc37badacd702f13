/// A pluggable part of a plan: which conformance, and the options that only it understands.
public struct ComponentPlan: Sendable, Hashable {
    /// The name the registry knows it by.
    public var kind: String
    /// The mapping as written, without `kind`; for the stock kinds with every option spelled out.
    public var options: PlanNode

    public init(kind: String, options: PlanNode = .mapping([] as [PlanNode.Entry])) {
        self.kind = kind
        self.options = options
    }
}

extension ComponentPlan {
    /// The client that comes with the library.
    public static let stock = ComponentPlan(kind: "stock")

    /// A message every interval.
    public static func periodic(_ options: PeriodicOptions = PeriodicOptions()) -> ComponentPlan {
        ComponentPlan(kind: "periodic", options: options.document)
    }

    /// A message every `interval`, from a random point of the first one on.
    public static func periodic(every interval: Duration) -> ComponentPlan {
        periodic(PeriodicOptions(interval: interval))
    }

    /// A message after a time drawn from `distribution`.
    public static func randomized(_ distribution: RandomizedOptions.Distribution) -> ComponentPlan {
        ComponentPlan(kind: "randomized", options: RandomizedOptions(distribution).document)
    }

    /// The messages of a log, at its times.
    public static func replay(_ options: ReplayOptions) -> ComponentPlan {
        ComponentPlan(kind: "replay", options: options.document)
    }

    /// Random payloads.
    public static func random(_ options: RandomPayloadOptions = RandomPayloadOptions()) -> ComponentPlan {
        ComponentPlan(kind: "random", options: options.document)
    }

    /// The same payload in every message.
    public static func fixed(_ options: FixedPayloadOptions) -> ComponentPlan {
        ComponentPlan(kind: "fixed", options: options.document)
    }

    /// The payloads of the log that the `replay` schedule replays.
    public static let replayedPayload = ComponentPlan(kind: "replay")

    var document: PlanNode {
        PlanNode(.mapping([PlanNode.Entry(key: "kind", value: .string(kind))] + options.entries), line: options.line)
    }
}
