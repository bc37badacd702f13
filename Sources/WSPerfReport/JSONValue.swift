internal import WSPerfCore

/// A JSON document that keeps the order of its keys, so that the same report always has the same bytes. `JSONEncoder`
/// either sorts the keys or writes them in any order, and cannot put part of a document on one line.
enum JSONValue {
    case null
    case bool(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    /// The shortest decimal that reads back as the same number; null if the number is not finite.
    case number(Double)
    /// JSON text, used unchanged.
    case verbatim(String)
    case string(String)
    case array([JSONValue])
    case object([(key: String, value: JSONValue)])
    /// The value on a single line, in a document that is otherwise indented.
    indirect case line(JSONValue)

    /// The document, indented by two spaces, with a line feed at its end.
    func indented() -> String {
        var text = ""
        write(to: &text, indentation: 0)
        return text + "\n"
    }

    /// The document without white space between its parts.
    func compact() -> String {
        var text = ""
        write(to: &text, indentation: nil)
        return text
    }

    /// Writes at this depth of indentation; nil means without line breaks.
    private func write(to text: inout String, indentation: Int?, separator: String = "") {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .unsigned(let value): text += String(value)
        case .number(let value): text += Self.text(of: value)
        case .verbatim(let value): text += value
        case .string(let value): PlanNode.writeJSONString(value, to: &text)
        case .array(let values):
            write("[", values, "]", to: &text, indentation, separator) { value, text, depth in
                value.write(to: &text, indentation: depth, separator: separator)
            }
        case .object(let members):
            write("{", members, "}", to: &text, indentation, separator) { member, text, depth in
                PlanNode.writeJSONString(member.key, to: &text)
                text += depth == nil ? ":" + separator : ": "
                member.value.write(to: &text, indentation: depth, separator: separator)
            }
        case .line(let value): value.write(to: &text, indentation: nil, separator: " ")
        }
    }

    private func write<Element>(
        _ opening: String, _ elements: [Element], _ closing: String, to text: inout String, _ indentation: Int?,
        _ separator: String, each: (Element, inout String, Int?) -> Void
    ) {
        text += opening
        for (index, element) in elements.enumerated() {
            if index > 0 { text += indentation == nil ? "," + separator : "," }
            if let indentation { text += "\n" + String(repeating: "  ", count: indentation + 1) }
            each(element, &text, indentation.map { $0 + 1 })
        }
        if let indentation, !elements.isEmpty { text += "\n" + String(repeating: "  ", count: indentation) }
        text += closing
    }

    private static func text(of value: Double) -> String {
        value.isFinite ? PlanQuantity.text(value) : "null"
    }
}
