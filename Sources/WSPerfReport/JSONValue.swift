/// A JSON document that keeps the order of its keys, so that the same report is always the same bytes.
enum JSONValue {
    case null
    case bool(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    /// Written as the shortest decimal that reads back as the same number; what is not finite is written as null.
    case number(Double)
    /// A number as somebody wrote it, which `isNumber(_:)` has accepted.
    case verbatim(String)
    case string(String)
    case array([JSONValue])
    case object([(key: String, value: JSONValue)])
    /// The same on a line of its own, in a document that is otherwise indented.
    indirect case line(JSONValue)

    /// The document with two spaces of indentation and a line feed at its end.
    func indented() -> String {
        var text = ""
        write(to: &text, indentation: 0)
        return text + "\n"
    }

    /// The document without any white space between its parts.
    func compact() -> String {
        var text = ""
        write(to: &text, indentation: nil)
        return text
    }

    /// Writes at this depth of indentation; nil: without line breaks.
    private func write(to text: inout String, indentation: Int?, separator: String = "") {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .unsigned(let value): text += String(value)
        case .number(let value): text += Self.text(of: value)
        case .verbatim(let value): text += value
        case .string(let value): Self.write(value, to: &text)
        case .array(let values):
            write("[", values, "]", to: &text, indentation, separator) { value, text, depth in
                value.write(to: &text, indentation: depth, separator: separator)
            }
        case .object(let members):
            write("{", members, "}", to: &text, indentation, separator) { member, text, depth in
                Self.write(member.key, to: &text)
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
        guard value.isFinite else { return "null" }
        let text = value.description
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private static func write(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{0}"..."\u{1f}", "\u{7f}"..."\u{9f}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }

    /// Whether this is a number by JSON's grammar (RFC 8259 §6).
    static func isNumber(_ text: String) -> Bool {
        var rest = text.utf8[...]
        func digits() -> Int {
            let count = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }.count
            rest = rest.dropFirst(count)
            return count
        }
        func take(_ bytes: UInt8...) -> Bool {
            guard let first = rest.first, bytes.contains(first) else { return false }
            rest = rest.dropFirst()
            return true
        }
        _ = take(0x2d)
        let startsWithZero = rest.first == 0x30
        let whole = digits()
        guard whole > 0, whole == 1 || !startsWithZero else { return false }
        if take(0x2e), digits() == 0 { return false }
        if take(0x65, 0x45) {
            _ = take(0x2b, 0x2d)
            guard digits() > 0 else { return false }
        }
        return rest.isEmpty
    }
}
