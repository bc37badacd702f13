/// The options of the `fixed` payload: the same bytes in every message.
public struct FixedPayloadOptions: Sendable, Hashable {
    public enum Source: Sendable, Hashable {
        /// The text itself, sent as UTF-8.
        case data(String)
        /// A file's contents; its path as the plan's `referencedFiles` and `contents(ofFile:)` know it.
        case file(String)
    }

    public var format: PayloadFormat
    public var source: Source

    public init(format: PayloadFormat = .text, source: Source) {
        self.format = format
        self.source = source
    }

    /// Reads `format` (text by default) and either `data` or `file`. What is wrong is kept for the reader's `finish()`.
    public init(reading reader: PlanReader) {
        let data = reader.string("data")
        let file = reader.value("file")?.filePath()
        if reader.has("data") == reader.has("file") { reader.report("give either data (a text) or file (a path)") }
        self.init(format: reader.choice("format", default: .text), source: file.map(Source.file) ?? .data(data ?? ""))
    }

    /// Reads a payload's options as a plan holds them.
    public init(_ options: PlanNode) throws(PlanError) {
        let reader = options.reader(at: "payload")
        self.init(reading: reader)
        try reader.finish()
    }

    /// As a plan spells it out, without `kind`.
    public var document: PlanNode {
        switch source {
        case .data(let text): .mapping(["format": .string(format.rawValue), "data": .string(text)])
        case .file(let path): .mapping(["format": .string(format.rawValue), "file": .string(path)])
        }
    }
}
