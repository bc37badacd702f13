/// A value in a plan file before it is interpreted: a tree read from YAML or JSON. Each node has its place in the file,
/// so that an error can name the line.
public struct PlanNode: Sendable {
    public enum Content: Sendable {
        case null
        /// A scalar's text; `quoted` if it was in quotes. Then it is a string, whatever it looks like.
        case scalar(String, quoted: Bool)
        case sequence([PlanNode])
        /// In the order of the file; no duplicate keys.
        case mapping([Entry])
    }

    public struct Entry: Sendable, Hashable {
        public var key: String
        /// Line of the key, from 1; nil if there is no file.
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
    /// Line in the plan file, from 1; nil if the value came from elsewhere (command line, code).
    public var line: Int?
    /// The value's name in errors if it differs from its place in the tree: `--interval` for a command-line option,
    /// `interval` for the shorthand of `schedule.interval`, `runs[1].instances` for a value that a run overrides.
    public var origin: String?

    public init(_ content: Content, line: Int? = nil, origin: String? = nil) {
        self.content = content
        self.line = line
        self.origin = origin
    }
}

extension PlanNode {
    /// No value: the key keeps its default.
    public static let null = PlanNode(.null)

    public static func mapping(_ entries: [Entry]) -> PlanNode { PlanNode(.mapping(entries)) }

    /// A mapping with these keys and values in this order; no key may occur twice.
    public static func mapping(_ entries: KeyValuePairs<String, PlanNode>) -> PlanNode {
        PlanNode(.mapping(entries.map { Entry(key: $0.key, value: $0.value) }))
    }

    public static func sequence(_ elements: [PlanNode]) -> PlanNode { PlanNode(.sequence(elements)) }

    public static func string(_ value: String) -> PlanNode { PlanNode(.scalar(value, quoted: true)) }

    public static func integer(_ value: some FixedWidthInteger) -> PlanNode {
        PlanNode(.scalar(String(value), quoted: false))
    }

    /// The shortest text that reads back as the same number; a whole number has no fraction.
    public static func number(_ value: Double) -> PlanNode {
        PlanNode(.scalar(PlanQuantity.text(value), quoted: false))
    }

    public static func boolean(_ value: Bool) -> PlanNode { PlanNode(.scalar(value ? "true" : "false", quoted: false)) }

    /// In the largest of the units s, ms, us and ns that gives a whole number; fractions of a nanosecond are dropped.
    public static func duration(_ value: Duration) -> PlanNode {
        PlanNode(.scalar(PlanQuantity.text(value), quoted: false))
    }

    /// The mapping's value for `key`; nil if the node is not a mapping or has no such key.
    public subscript(key: String) -> PlanNode? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key == key }?.value
    }

    /// The scalar's text; nil if the node is not a scalar.
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

/// Two nodes are equal if they have the same content, whatever their places.
extension PlanNode: Hashable {
    public static func == (a: PlanNode, b: PlanNode) -> Bool { a.content == b.content }
    public func hash(into hasher: inout Hasher) { hasher.combine(content) }
}

/// Quotes only matter for a scalar that would otherwise be a number, a boolean or null: `5s` equals `"5s"`, but `5`
/// does not equal `"5"`.
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

    /// Whether JSON reads `text` without quotes as a value that is not a string.
    package static func isLiteral(_ text: String) -> Bool {
        text == "true" || text == "false" || text == "null" || PlanQuantity.isJSONNumber(text.utf8)
    }
}
