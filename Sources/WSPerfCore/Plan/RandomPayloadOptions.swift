/// The options of the `random` payload: random characters or bytes of a random length.
public struct RandomPayloadOptions: Sendable, Hashable {
    public var format: PayloadFormat
    public var length: LengthDistribution

    public init(format: PayloadFormat = .text, length: LengthDistribution = .fixed(240)) {
        self.format = format
        self.length = length
    }

    /// Reads `format` (text by default) and `length` (240 bytes by default). What is wrong is kept for the reader's
    /// `finish()`.
    public init(reading reader: PlanReader) {
        self.init(
            format: reader.choice("format", default: .text),
            length: reader.value("length").flatMap(LengthDistribution.init(reading:)) ?? .fixed(240))
    }

    /// Reads a payload's options as a plan holds them.
    public init(_ options: PlanNode) throws(PlanError) {
        let reader = options.reader(at: "payload")
        self.init(reading: reader)
        try reader.finish()
    }

    /// As a plan spells it out, without `kind`.
    public var document: PlanNode { .mapping(["format": .string(format.rawValue), "length": length.document]) }
}
