extension PlanNode {
    /// The tree as YAML text, which reads back as the same tree. Small lists and mappings are on one line. The text
    /// ends with a line feed.
    public var yaml: String {
        var text = ""
        writeYAML(to: &text, indentation: 0)
        return text
    }

    private func writeYAML(to text: inout String, indentation: Int) {
        let margin = String(repeating: " ", count: indentation)
        switch content {
        case .mapping(let entries) where !entries.isEmpty:
            for entry in entries {
                text += margin + Self.scalar(entry.key, quoted: false) + ":"
                entry.value.writeNested(to: &text, indentation: indentation)
            }
        case .sequence(let elements) where !elements.isEmpty:
            for element in elements {
                text += margin + "-"
                element.writeNested(to: &text, indentation: indentation)
            }
        default: text += margin + (flow(limit: .max) ?? "null") + "\n"
        }
    }

    private func writeNested(to text: inout String, indentation: Int) {
        if let line = flow(limit: 90) {
            text += " \(line)\n"
        } else {
            text += "\n"
            writeYAML(to: &text, indentation: indentation + 2)
        }
    }

    /// The node on one line, such as `{mean: 200, min: 0}`; nil if that would be too long or too nested to read.
    private func flow(limit: Int, depth: Int = 0) -> String? {
        let line: String?
        switch content {
        case .null: return "null"
        case .scalar(let text, let quoted): return Self.scalar(text, quoted: quoted)
        case .sequence(let elements):
            guard depth < 3 || elements.isEmpty else { return nil }
            let parts = elements.map { $0.flow(limit: limit, depth: depth + 1) }
            line = parts.contains(nil) ? nil : "[" + parts.compactMap(\.self).joined(separator: ", ") + "]"
        case .mapping(let entries):
            guard depth < 3 || entries.isEmpty else { return nil }
            let parts = entries.map { entry in
                entry.value.flow(limit: limit, depth: depth + 1).map {
                    Self.scalar(entry.key, quoted: false) + ": " + $0
                }
            }
            line = parts.contains(nil) ? nil : "{" + parts.compactMap(\.self).joined(separator: ", ") + "}"
        }
        return line.flatMap { $0.utf8.count <= limit ? $0 : nil }
    }

    /// A scalar, quoted if YAML would read it as something else.
    private static func scalar(_ text: String, quoted: Bool) -> String {
        guard quoted && Content.isLiteralInYAML(text) || !isPlain(text) else { return text }
        var line = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": line += "\\\""
            case "\\": line += "\\\\"
            case "\n": line += "\\n"
            case "\t": line += "\\t"
            case _
            where scalar.value < 32 || (127..<160).contains(scalar.value) || scalar.value == 0x2028
                || scalar.value == 0x2029 || scalar.value == 0xFEFF || (0xFFFE...0xFFFF).contains(scalar.value & 0xFFFF):
                let digits = String(scalar.value, radix: 16)
                line += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
            default: line.unicodeScalars.append(scalar)
            }
        }
        return "\"\(line)\""
    }

    /// Whether YAML reads `text` without quotes as the same text, even inside `{}` and `[]`.
    private static func isPlain(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last, last != UInt8(ascii: ":"), last != 32,
            !["~", "null", "Null", "NULL"].contains(text)
        else { return false }
        func isWord(_ byte: UInt8) -> Bool {
            (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte == 95
        }
        guard
            isWord(first) || first == UInt8(ascii: "/") || first == UInt8(ascii: ".")
                || (first == UInt8(ascii: "-") && bytes.count > 1 && isWord(bytes[1]))
        else { return false }
        for (index, byte) in bytes.enumerated() where !isWord(byte) && !"/.-+%=@~;()".utf8.contains(byte) {
            // A colon is harmless inside a word, and a space between words.
            guard byte == UInt8(ascii: ":") || byte == 32, index + 1 < bytes.count, bytes[index + 1] != 32,
                byte != 32 || bytes[index + 1] != UInt8(ascii: "#")
            else { return false }
        }
        return text != "---" && text != "..." && !text.hasPrefix("--- ") && !text.hasPrefix("... ")
    }
}

extension PlanNode.Content {
    /// Whether a plan reads this unquoted scalar as a number, a boolean or null.
    fileprivate static func isLiteralInYAML(_ text: String) -> Bool {
        text == "true" || text == "false" || text == "null" || PlanQuantity.isJSONNumber(text.utf8)
    }
}
