import WSPerfCore
import Yams

/// Turns libyaml's errors into messages that say what to change.
enum YAMLProblem {
    static func explained(_ error: YamlError) -> PlanError {
        switch error {
        case .scanner(let context, let problem, let mark, let text),
            .parser(let context, let problem, let mark, let text),
            .composer(let context, let problem, let mark, let text):
            if let hint = hint(problem, at: mark, context, in: text) { return hint }
            let place = context.map { " (\($0.text))" } ?? ""
            return PlanError("not YAML: " + printable(problem + place), line: mark.line)
        case .reader(let problem, let offset, _, let text):
            let line = offset.map { 1 + text.prefix($0).utf8.count { $0 == UInt8(ascii: "\n") } }
            return PlanError("not YAML: " + printable(problem), line: line)
        case .duplicatedKeysInMapping(let keys, let context):
            let key = PlanText.printable(keys.first ?? "", limit: 60)
            return PlanError("the key appears twice in this mapping", at: key, line: max(context.mark.line, 1))
        default: return PlanError("not YAML")
        }
    }

    /// What to change; nil if libyaml's own message is clear enough.
    private static func hint(
        _ problem: String, at mark: Mark, _ context: YamlError.Context?, in text: String
    ) -> PlanError? {
        let start = context?.mark.line ?? mark.line
        switch problem {
        case tab:
            return PlanError("a tab: YAML allows only spaces as indentation", line: mark.line)
        case "found character that cannot start any token":
            guard let character = character(at: mark, in: text) else { return nil }
            guard character != "\t" else { return hint(tab, at: mark, context, in: text) }
            return PlanError("a value can't begin with \(printable(String(character))): quote it", line: mark.line)
        case "mapping values are not allowed in this context":
            // YAML treats a line without ':' as the start of a longer key.
            if let line = lineWithoutColon(above: mark.line, in: text) { return PlanError(missingColon, line: line) }
            return PlanError(
                "unexpected ':': indent this line like the keys around it, or quote the value", line: mark.line)
        case "did not find expected key":
            return PlanError(
                "wrong indentation: this line doesn't line up with the mapping that begins in line \(start)",
                line: mark.line)
        case "did not find expected '-' indicator":
            return PlanError(
                "wrong indentation, or '- ' is missing: this line is inside the list that begins in line \(start)",
                line: mark.line)
        case "could not find expected ':'": return PlanError(missingColon, line: start)
        case "found undefined alias":
            return PlanError("an alias (*name) without an anchor (&name) before it", line: mark.line)
        case "but found another document":
            return PlanError("a second document begins here; a plan is one document", line: mark.line)
        default: return nil
        }
    }

    private static let tab = "found a tab character that violates indentation"
    private static let missingColon = "a key without ':' (write key: value)"

    private static func printable(_ text: String) -> String { PlanText.printable(text, limit: 200) }

    private static func character(at mark: Mark, in text: String) -> Unicode.Scalar? {
        line(mark.line, of: text)?.unicodeScalars.dropFirst(mark.column - 1).first
    }

    /// The number of the line above `number` if it holds a word without ':'.
    private static func lineWithoutColon(above number: Int, in text: String) -> Int? {
        guard let above = line(number - 1, of: text), !above.contains(":"), !above.contains("#"),
            let first = above.first(where: { !$0.isWhitespace }), first != "-"
        else { return nil }
        return number - 1
    }

    private static func line(_ number: Int, of text: String) -> Substring? {
        let lines = text.utf8.split(
            separator: UInt8(ascii: "\n"), maxSplits: number, omittingEmptySubsequences: false)
        return lines.indices.contains(number - 1) ? Substring(lines[number - 1]) : nil
    }
}
