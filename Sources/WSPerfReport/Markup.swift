import WSPerfCore

/// Text in XML and HTML documents.
enum Markup {
    /// The text as content or as the value of an attribute in double quotes. What XML 1.0 cannot contain is written as an
    /// escape that people can read.
    static func escaped(_ text: String) -> String {
        PlanText.printable(text, limit: 4000, keepingLines: true).reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n": result += "&#10;"
            default: result.append(character)
            }
        }
    }
}
