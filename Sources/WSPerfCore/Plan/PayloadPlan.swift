/// What the messages contain: a payload of the library with its options, or a generator that you registered with the
/// workers.
public enum PayloadPlan: Sendable, Hashable {
    /// Random characters or bytes of a random length.
    case random(RandomPayloadOptions)
    /// The same bytes in every message.
    case fixed(FixedPayloadOptions)
    /// The payloads of the log that the `replay` schedule replays.
    case replay
    /// A payload generator in the workers' `Registry`.
    case custom(ComponentPlan)

    /// The library's payloads, with their names in plan files.
    package enum Kind: String, Sendable, CaseIterable {
        case random, fixed, replay

        /// The kind if a plan names none.
        static let standard = random

        package var options: any PayloadOptions.Type {
            switch self {
            case .random: RandomPayloadOptions.self
            case .fixed: FixedPayloadOptions.self
            case .replay: ReplayPayloadOptions.self
            }
        }
    }

    /// The options of a payload of the library; nil for a custom one.
    package var options: (any PayloadOptions)? {
        switch self {
        case .random(let options): options
        case .fixed(let options): options
        case .replay: ReplayPayloadOptions()
        case .custom: nil
        }
    }
}

extension PayloadPlan {
    /// Random text of 240 bytes.
    public static func random() -> PayloadPlan { .random(RandomPayloadOptions()) }

    /// A payload generator that is registered in the workers' `Registry` as `kind`, with its options.
    public static func custom(
        kind: String, options: PlanNode = .mapping([] as [PlanNode.Entry])
    ) -> PayloadPlan {
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

    /// Reads the mapping at the plan's key `payload`; `standard` is the kind if it names none.
    init(reading reader: PlanReader, default standard: Kind) {
        let kind = reader.kind(default: standard.rawValue)
        self =
            Kind(rawValue: kind).map { $0.options.init(reading: reader).payload }
            ?? .custom(reader.component(kind: kind))
    }
}

/// The options of a payload of the library, and values derived from them.
package protocol PayloadOptions: ComponentOptions {
    static var kind: PayloadPlan.Kind { get }

    /// The options as part of a plan.
    var payload: PayloadPlan { get }

    /// The length of the shortest message in bytes, and the key that sets it; nil if only a file determines it.
    var shortest: PayloadLength? { get }

    /// Bytes per message, on average; nil if that is not known. May read the file that the options name.
    func meanLength(of plan: Plan) -> Double?

    /// Reports conflicts with the plan's other keys.
    func check(_ plan: Plan, _ reader: PlanReader)
}

/// The length of a payload, and the key that sets it.
package struct PayloadLength {
    var format: PayloadFormat
    /// Bytes.
    var length: Int
    var key: String
}

extension PayloadOptions {
    package var shortest: PayloadLength? { nil }
    package func check(_ plan: Plan, _ reader: PlanReader) {}
}

/// The `replay` payload, which has no options.
struct ReplayPayloadOptions: PayloadOptions {
    static var kind: PayloadPlan.Kind { .replay }

    var payload: PayloadPlan { .replay }

    init() {}

    init(reading reader: PlanReader) {}

    var document: PlanNode { .mapping([] as [PlanNode.Entry]) }

    /// The schedule sets the lengths.
    func meanLength(of plan: Plan) -> Double? { nil }

    func check(_ plan: Plan, _ reader: PlanReader) {
        if case .replay = plan.schedule { return }
        reader.mapping("payload").report("replay needs the replay schedule, whose log it sends", at: "kind")
    }
}

/// The names of the two kinds of message in a plan.
public enum PayloadFormat: String, Sendable, Hashable, CaseIterable {
    case text, binary

    public var kind: MessageKind { self == .text ? .text : .binary }
}
