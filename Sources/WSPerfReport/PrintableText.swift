extension String {
    /// This text as it may be shown on a terminal, whoever wrote it: on one line, control and formatting characters
    /// escaped, cut to `limit` characters.
    func printable(limit: Int = 400) -> String {
        var text = ""
        var length = 0
        for scalar in unicodeScalars {
            let piece: String
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
                piece = scalar == "\t" ? " " : "\\u{\(String(scalar.value, radix: 16))}"
            default: piece = String(scalar)
            }
            length += piece.count
            guard length <= limit else { return text + "…" }
            text += piece
        }
        return text
    }
}
