/// A part of a plan that the workers' registry knows by its kind, with options that only this part understands.
public struct ComponentPlan: Sendable, Hashable {
    /// The name that the registry knows.
    public var kind: String
    /// The mapping as written, without `kind`.
    public var options: PlanNode

    public init(kind: String, options: PlanNode = .mapping([] as [PlanNode.Entry])) {
        self.kind = kind
        self.options = options
    }

    /// The client that comes with the library.
    public static let stock = ComponentPlan(kind: "stock")

    /// The options that name a file: `tokens: {file: tokens.txt}`. Only this form tells those who do not know the component
    /// that a text is a path.
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

/// The options of a schedule or payload that comes with the library: read once from the plan's document, typed from then on.
package protocol ComponentOptions: Sendable, Hashable {
    /// Reads the options. Mistakes are kept for the reader's `finish()`.
    init(reading reader: PlanReader)

    /// Every option with its value, without `kind`.
    var document: PlanNode { get }

    /// The keys whose values are paths of files.
    static var fileKeys: [String] { get }

    /// Keys that mean the same for other kinds. They stay when a sweep or an option changes the kind.
    static var sharedKeys: Set<String> { get }

    /// The keys of `base` that exclude what `overlay` gives. `given` are the overlay's keys that have a value.
    static func superseded(in base: PlanNode, by overlay: PlanNode, given: Set<String>) -> Set<String>
}

extension ComponentOptions {
    package static var fileKeys: [String] { [] }
    package static var sharedKeys: Set<String> { [] }
    package static func superseded(in base: PlanNode, by overlay: PlanNode, given: Set<String>) -> Set<String> { [] }

    /// The paths of the files that the options name.
    var files: [String] { Self.fileKeys.compactMap { document[$0]?.text } }

    /// Reads the options from a plan's mapping by themselves. Errors begin with `path`.
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
            report("\(PlanText.quoted(kind)) is no name of a kind", at: "kind")
        }
        return kind
    }

    /// A component of the user's: it reads its options itself.
    func component(kind: String) -> ComponentPlan {
        acceptAll()
        return ComponentPlan(
            kind: kind, options: PlanNode(.mapping(node.entries.filter { $0.key != "kind" }), line: line))
    }
}
