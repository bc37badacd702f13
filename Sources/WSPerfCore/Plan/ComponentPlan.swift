/// A part of a plan that names a kind in the workers' registry, with options that only this kind understands.
public struct ComponentPlan: Sendable, Hashable {
    /// The name in the registry.
    public var kind: String
    /// The mapping as written, without `kind`.
    public var options: PlanNode

    public init(kind: String, options: PlanNode = .mapping([] as [PlanNode.Entry])) {
        self.kind = kind
        self.options = options
    }

    /// The client that comes with the library.
    public static let stock = ComponentPlan(kind: "stock")

    /// The options that name a file: `tokens: {file: tokens.txt}`. This form marks a text as a path even for code that
    /// does not know the component.
    var files: [(key: String, path: String, line: Int?)] {
        options.entries.compactMap { entry in
            entry.value.namedFile.map { (entry.key, $0, entry.line ?? entry.value.line) }
        }
    }

    var document: PlanNode {
        PlanNode(.mapping([PlanNode.Entry(key: "kind", value: .string(kind))] + options.entries), line: options.line)
    }
}

extension PlanNode {
    /// The path in `{file: PATH}`; nil if this is something else.
    package var namedFile: String? {
        guard entries.count == 1, let path = self["file"]?.text, !path.isEmpty else { return nil }
        return path
    }
}

/// The options of a schedule or payload of the library: read once from the plan's document, and typed from then on.
package protocol ComponentOptions: Sendable, Hashable {
    /// Reads the options. Mistakes are kept for the reader's `finish()`.
    init(reading reader: PlanReader)

    /// Every option with its value, without `kind`.
    var document: PlanNode { get }

    /// The keys whose values are paths of files.
    static var fileKeys: [String] { get }

    /// Keys that have the same meaning in other kinds. They stay when a sweep or an option changes the kind.
    static var sharedKeys: Set<String> { get }

    /// The keys of `base` that conflict with `overlay`. `given` are the overlay's keys that have a value.
    static func superseded(in base: PlanNode, by overlay: PlanNode, given: Set<String>) -> Set<String>
}

extension ComponentOptions {
    package static var fileKeys: [String] { [] }
    package static var sharedKeys: Set<String> { [] }
    package static func superseded(in base: PlanNode, by overlay: PlanNode, given: Set<String>) -> Set<String> { [] }

    /// The paths of the files that the options name.
    var files: [String] { Self.fileKeys.compactMap { document[$0]?.text } }

    /// Reads the options alone from a plan's mapping. Errors begin with `path`.
    init(_ options: PlanNode, at path: String) throws(PlanError) {
        let reader = options.reader(at: path)
        self.init(reading: reader)
        try reader.finish()
    }
}

extension PlanReader {
    /// The mapping's `kind`. Reports a kind that cannot be a name.
    func kind(default standard: String) -> String {
        let kind = string("kind", default: standard)
        if kind.isEmpty || kind.utf8.count > 64 || PlanText.printable(kind, limit: 64) != kind {
            report("\(PlanText.quoted(kind)) is not a valid kind", at: "kind")
        }
        return kind
    }

    /// A component of the user's own, which reads its options itself.
    func component(kind: String) -> ComponentPlan {
        acceptAll()
        return ComponentPlan(
            kind: kind, options: PlanNode(.mapping(node.entries.filter { $0.key != "kind" }), line: line))
    }
}
