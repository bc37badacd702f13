/// The options of the `fixed` payload: the same bytes in every message.
public struct FixedPayloadOptions: Sendable, Hashable {
    public enum Source: Sendable, Hashable {
        /// The text itself, sent as UTF-8.
        case data(String)
        /// A file's contents, by its path in the plan's `referencedFiles` and `contents(ofFile:)`.
        case file(String)
    }

    public var format: PayloadFormat
    public var source: Source

    public init(format: PayloadFormat = .text, source: Source) {
        self.format = format
        self.source = source
    }

    /// Reads a payload's options from a plan.
    public init(_ options: PlanNode) throws(PlanError) { try self.init(options, at: "payload") }
}

extension FixedPayloadOptions: PayloadOptions {
    package static var kind: PayloadPlan.Kind { .fixed }
    package static var fileKeys: [String] { ["file"] }

    package var payload: PayloadPlan { .fixed(self) }

    /// Reads `format` (text by default) and either `data` or `file`. Errors are kept for the reader's `finish()`.
    public init(reading reader: PlanReader) {
        let data = reader.string("data")
        let file = reader.value("file")?.filePath()
        if reader.has("data") == reader.has("file") { reader.report("give either data (a text) or file (a path)") }
        self.init(format: reader.choice("format", default: .text), source: file.map(Source.file) ?? .data(data ?? ""))
    }

    /// Every option with its value, without `kind`.
    public var document: PlanNode {
        switch source {
        case .data(let text): .mapping(["format": .string(format.rawValue), "data": .string(text)])
        case .file(let path): .mapping(["format": .string(format.rawValue), "file": .string(path)])
        }
    }

    package static func superseded(in base: PlanNode, by overlay: PlanNode, given: Set<String>) -> Set<String> {
        var dropped: Set<String> = []
        if given.contains("data") { dropped.insert("file") }
        if given.contains("file") { dropped.insert("data") }
        return dropped
    }

    package var shortest: PayloadLength? {
        guard case .data(let text) = source else { return nil }
        return PayloadLength(format: format, length: text.utf8.count, key: "data")
    }

    package func meanLength(of plan: Plan) -> Double? {
        switch source {
        case .data(let text): Double(text.utf8.count)
        case .file(let path): (try? plan.contents(ofFile: path)).map { Double($0.count) }
        }
    }
}
