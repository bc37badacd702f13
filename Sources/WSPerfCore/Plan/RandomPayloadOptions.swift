/// The options of the `random` payload: random characters or bytes of a random length.
public struct RandomPayloadOptions: Sendable, Hashable {
    public var format: PayloadFormat
    public var length: LengthDistribution

    public init(format: PayloadFormat = .text, length: LengthDistribution = .fixed(240)) {
        self.format = format
        self.length = length
    }

    /// Reads a payload's options from a plan.
    public init(_ options: PlanNode) throws(PlanError) { try self.init(options, at: "payload") }
}

extension RandomPayloadOptions: PayloadOptions {
    package static var kind: PayloadPlan.Kind { .random }

    package var payload: PayloadPlan { .random(self) }

    /// Reads `format` (text by default) and `length` (240 bytes by default). Errors are kept for the reader's
    /// `finish()`.
    public init(reading reader: PlanReader) {
        self.init(
            format: reader.choice("format", default: .text),
            length: reader.value("length").flatMap(LengthDistribution.init(reading:)) ?? .fixed(240))
    }

    /// Every option with its value, without `kind`.
    public var document: PlanNode { .mapping(["format": .string(format.rawValue), "length": length.document]) }

    package var shortest: PayloadLength? { PayloadLength(format: format, length: length.minimum, key: "length") }

    package func meanLength(of plan: Plan) -> Double? { length.mean }
}
