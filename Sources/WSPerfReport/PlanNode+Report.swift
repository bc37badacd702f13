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
}
