/// A value as written in a plan file, before it has a meaning. Each node of this tree of YAML or JSON has its place in
/// the file, so that an error can name the line.
public struct PlanNode: Sendable {
    public enum Content: Sendable {
        case null
        /// A scalar as written. `quoted` is true if it had quotes, and so is a string.
        case scalar(String, quoted: Bool)
        case sequence([PlanNode])
        /// In the order written, without duplicate keys.
        case mapping([Entry])
    }

    public struct Entry: Sendable, Hashable {
        public var key: String
        /// The line of the key, from 1; nil if there is no file.
        public var line: Int?
        public var value: PlanNode

        public init(key: String, line: Int? = nil, value: PlanNode) {
            self.key = key
            self.line = line
            self.value = value
        }

        public static func == (a: Entry, b: Entry) -> Bool { a.key == b.key && a.value == b.value }

        public func hash(into hasher: inout Hasher) {
            hasher.combine(key)
            hasher.combine(value)
        }
    }

    public var content: Content
    /// The line in the plan file, from 1; nil if the value comes from the command line or from code.
    public var line: Int?
    /// The name of the value in errors, if it is not its place in the tree: `--interval` for a command-line option,
    /// `interval` for the shorthand of `schedule.interval`, `runs[1].instances` for a key of a run.
    public var origin: String?

    public init(_ content: Content, line: Int? = nil, origin: String? = nil) {
        self.content = content
        self.line = line
        self.origin = origin
    }
}

extension PlanNode {
    /// Null: the key has its default.
    public static let null = PlanNode(.null)

    public static func mapping(_ entries: [Entry]) -> PlanNode { PlanNode(.mapping(entries)) }

    /// A mapping of these keys and values, in this order. Keys must be unique.
    public static func mapping(_ entries: KeyValuePairs<String, PlanNode>) -> PlanNode {
        PlanNode(.mapping(entries.map { Entry(key: $0.key, value: $0.value) }))
    }

    public static func sequence(_ elements: [PlanNode]) -> PlanNode { PlanNode(.sequence(elements)) }

    public static func string(_ value: String) -> PlanNode { PlanNode(.scalar(value, quoted: true)) }

    public static func integer(_ value: some FixedWidthInteger) -> PlanNode {
        PlanNode(.scalar(String(value), quoted: false))
    }

    /// The shortest text that reads as the same number. A whole number has no fraction.
    public static func number(_ value: Double) -> PlanNode {
        PlanNode(.scalar(PlanQuantity.text(value), quoted: false))
    }

    public static func boolean(_ value: Bool) -> PlanNode { PlanNode(.scalar(value ? "true" : "false", quoted: false)) }

    /// In the largest of the units s, ms, us and ns that gives a whole number. Fractions of a nanosecond are dropped.
    public static func duration(_ value: Duration) -> PlanNode {
        PlanNode(.scalar(PlanQuantity.text(value), quoted: false))
    }

    /// The value of `key`; nil if this is not a mapping or does not have the key.
    public subscript(key: String) -> PlanNode? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key == key }?.value
    }

    /// The scalar's text; nil if this is not a scalar.
    public var text: String? {
        guard case .scalar(let text, _) = content else { return nil }
        return text
    }

    var entries: [Entry] {
        guard case .mapping(let entries) = content else { return [] }
        return entries
    }

    var isNull: Bool {
        guard case .null = content else { return false }
        return true
    }
}

/// Two nodes are equal if they have the same value, wherever they were written.
extension PlanNode: Hashable {
    public static func == (a: PlanNode, b: PlanNode) -> Bool { a.content == b.content }
    public func hash(into hasher: inout Hasher) { hasher.combine(content) }
}

/// Quotes matter only if the scalar would otherwise be a number, a boolean or null: `5s` equals `"5s"`, but `5` does
/// not equal `"5"`.
extension PlanNode.Content: Hashable {
    public static func == (a: PlanNode.Content, b: PlanNode.Content) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.scalar(let a, let aQuoted), .scalar(let b, let bQuoted)):
            a == b && (aQuoted == bQuoted || !isLiteral(a))
        case (.sequence(let a), .sequence(let b)): a == b
        case (.mapping(let a), .mapping(let b)): a == b
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .scalar(let text, _): hasher.combine(text)
        case .sequence(let elements): hasher.combine(elements)
        case .mapping(let entries): hasher.combine(entries)
        }
    }

    /// Whether unquoted `text` is a JSON value.
    package static func isLiteral(_ text: String) -> Bool {
        text == "true" || text == "false" || text == "null" || PlanQuantity.isJSONNumber(text.utf8)
    }
}
