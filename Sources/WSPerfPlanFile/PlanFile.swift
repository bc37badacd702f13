public import WSPerfCore
import Yams

/// Reads plan files: YAML (and so JSON) in, `PlanNode` out.
///
/// ```swift
/// let plans = try Sweep(document: PlanFile.load(path: "plan.yaml")).plans
/// ```
public enum PlanFile {
    /// The longest plan file, in bytes.
    public static let sizeLimit = 1 << 20
    /// The most values in a plan file, counting those that aliases repeat.
    public static let nodeLimit = 100_000

    /// Reads the plan file at `path`. Relative paths in it start from its directory. Throws if the file cannot be read
    /// or is not a YAML mapping; errors name the file and the line.
    public static func load(path: String) throws(PlanError) -> PlanNode {
        let document = try parse(Plan.read(path, limit: sizeLimit), fileName: path)
        guard let slash = path.lastIndex(of: "/") else { return document }
        return document.resolvingFiles(in: String(path[...slash]))
    }

    /// Reads YAML text that holds one mapping, or nothing. Refuses duplicate keys, tags, and aliases that expand beyond
    /// `nodeLimit`. `fileName` is for errors.
    public static func parse(_ text: String, fileName: String? = nil) throws(PlanError) -> PlanNode {
        try parse(Array(text.utf8), fileName: fileName)
    }

    private static func parse(_ bytes: [UInt8], fileName: String?) throws(PlanError) -> PlanNode {
        do throws(PlanError) {
            let node = try YAMLReader.read(bytes)
            switch node.content {
            case .mapping: return node
            case .null: return PlanNode(.mapping([]), line: node.line)
            case .scalar, .sequence: throw PlanError("expected a mapping (key: value) at the top", line: node.line)
            }
        } catch {
            throw error.inFile(fileName)
        }
    }
}

extension PlanNode {
    /// The document with `directory`, which ends in a slash, before the relative paths of the files that it names.
    func resolvingFiles(in directory: String) -> PlanNode {
        var document = self
        var keys: [(parent: String, key: String, kind: String?)] = [
            ("tls", "ca", nil), ("tls", "certificate", nil), ("tls", "key", nil),
        ]
        for kind in SchedulePlan.Kind.allCases {
            keys += kind.options.fileKeys.map { ("schedule", $0, kind.rawValue) }
        }
        for kind in PayloadPlan.Kind.allCases {
            keys += kind.options.fileKeys.map { ("payload", $0, kind.rawValue) }
        }
        for (parent, key, kind) in keys {
            // A component of another kind is the user's own; only its author knows which of its options are paths.
            document.change(parent) { component in
                if let kind, let given = component["kind"]?.text, given != kind { return }
                component.change(key) { value in
                    guard case .scalar(let path, let quoted) = value.content, !path.isEmpty, !path.hasPrefix("/") else {
                        return
                    }
                    value.content = .scalar(directory + path, quoted: quoted)
                }
            }
        }
        // In the user's own components, only this form marks a text as a path.
        for parent in ["client", "schedule", "payload"] {
            document.change(parent) { component in
                guard case .mapping(let entries) = component.content else { return }
                for entry in entries where entry.value.namedFile.map({ !$0.hasPrefix("/") }) == true {
                    component.change(entry.key) { option in
                        option.change("file") { value in
                            value.content = .scalar(directory + (value.text ?? ""), quoted: true)
                        }
                    }
                }
            }
        }
        document.change("runs") { runs in
            guard case .sequence(let elements) = runs.content else { return }
            runs.content = .sequence(elements.map { $0.resolvingFiles(in: directory) })
        }
        return document
    }

    private mutating func change(_ key: String, _ body: (inout PlanNode) -> Void) {
        guard case .mapping(var entries) = content, let index = entries.firstIndex(where: { $0.key == key }) else {
            return
        }
        body(&entries[index].value)
        content = .mapping(entries)
    }
}
