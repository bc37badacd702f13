import WSPerfCore
import Yams

/// Turns YAML text into plan nodes. Size, depth and number of values are bounded.
struct YAMLReader {
    private var nodes = 0

    /// Reads one YAML document. Errors name the line, not the file.
    static func read(_ bytes: [UInt8]) throws(PlanError) -> PlanNode {
        guard bytes.count <= PlanFile.sizeLimit else { throw PlanError("longer than \(PlanFile.sizeLimit) bytes") }
        // Some editors begin a file with a byte order mark.
        let bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
        guard let text = String(validating: bytes, as: UTF8.self) else { throw PlanError("not UTF-8") }
        if let line = AliasKeys.firstLine(in: bytes) {
            throw PlanError("an alias can stand for a value, not for a key or part of a key", line: line)
        }
        var reader = YAMLReader()
        guard let root = try compose(text) else { return .null }
        return try reader.convert(root, depth: 0)
    }

    private static func compose(_ text: String) throws(PlanError) -> Node? {
        do {
            return try Yams.compose(yaml: text, .basic, .default, .utf8)
        } catch let error as YamlError {
            throw YAMLProblem.explained(error)
        } catch {
            throw PlanError("not YAML")
        }
    }

    private mutating func convert(_ node: Node, depth: Int) throws(PlanError) -> PlanNode {
        let line = node.mark?.line
        guard depth <= PlanNode.depthLimit else {
            throw PlanError("nested deeper than \(PlanNode.depthLimit) levels", line: line)
        }
        nodes += 1
        guard nodes <= PlanFile.nodeLimit else {
            throw PlanError("more than \(PlanFile.nodeLimit) values, counting those that aliases repeat", line: line)
        }
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain
            let isText = try checkTag(scalar.tag, [.implicit, .nonSpecific, .str], line) == .str
            if isPlain, !isText, ["", "~", "null", "Null", "NULL"].contains(scalar.string) {
                return PlanNode(.null, line: line)
            }
            return PlanNode(.scalar(scalar.string, quoted: !isPlain || isText), line: line)
        case .sequence(let sequence):
            try checkTag(sequence.tag, [.implicit, .nonSpecific, .seq], line)
            var elements: [PlanNode] = []
            for element in sequence { elements.append(try convert(element, depth: depth + 1)) }
            return PlanNode(.sequence(elements), line: line)
        case .mapping(let mapping):
            try checkTag(mapping.tag, [.implicit, .nonSpecific, .map], line)
            var entries: [PlanNode.Entry] = []
            for (key, value) in mapping {
                guard case .scalar(let name) = key else {
                    throw PlanError("a key must be a word, not a list or a mapping", line: key.mark?.line ?? line)
                }
                try checkTag(name.tag, [.implicit, .nonSpecific, .str], name.mark?.line)
                guard name.string != "<<" else {
                    throw PlanError("merge keys (<<) are not supported", line: name.mark?.line)
                }
                guard !entries.contains(where: { $0.key == name.string }) else {
                    throw PlanError(
                        "the key appears twice in this mapping", at: PlanText.printable(name.string, limit: 60),
                        line: name.mark?.line)
                }
                entries.append(
                    PlanNode.Entry(
                        key: name.string, line: name.mark?.line, value: try convert(value, depth: depth + 1)))
            }
            return PlanNode(.mapping(entries), line: line)
        case .alias: throw PlanError("an alias (*name) without an anchor (&name) before it", line: line)
        }
    }

    @discardableResult
    private func checkTag(_ tag: Tag, _ allowed: [Tag.Name], _ line: Int?) throws(PlanError) -> Tag.Name {
        let name = Tag.Name(rawValue: tag.description)
        guard allowed.contains(name) else {
            throw PlanError("tags such as \(PlanText.quoted(name.rawValue)) are not supported", line: line)
        }
        return name
    }
}
