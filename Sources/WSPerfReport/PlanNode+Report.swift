import WSPerfCore

extension PlanNode {
    /// The plan as part of a JSON document: what was written without quotes and is a number or a truth value there stays
    /// one, everything else becomes a string.
    var jsonValue: JSONValue {
        switch content {
        case .null: .null
        case .scalar("true", quoted: false): .bool(true)
        case .scalar("false", quoted: false): .bool(false)
        case .scalar("null", quoted: false): .null
        case .scalar(let text, quoted: false) where JSONValue.isNumber(text): .verbatim(text)
        case .scalar(let text, _): .string(text)
        case .sequence(let nodes): .array(nodes.map(\.jsonValue))
        case .mapping(let entries): .object(entries.map { ($0.key, $0.value.jsonValue) })
        }
    }

    /// The value of a key that holds a count; 1 where it is not there or is no count.
    func count(_ key: String) -> UInt64 { self[key]?.text.flatMap { UInt64($0) } ?? 1 }

    /// One line of text that says it all, for people: `randomized, interval 1s, distribution exponential`.
    var phrase: String {
        switch content {
        case .null: "none"
        case .scalar(let text, _): text
        case .sequence(let nodes): "[" + nodes.map(\.phrase).joined(separator: ", ") + "]"
        case .mapping(let entries):
            entries.filter { $0.value.content != .null }
                .map { $0.key == "kind" ? $0.value.phrase : "\($0.key) \($0.value.phrase)" }
                .joined(separator: ", ")
        }
    }
}
