/// Text for error messages.
package enum PlanText {
    /// `text` in single quotes, with control characters escaped, cut to a length that a message can hold.
    package static func quoted(_ text: String) -> String { "'\(printable(text, limit: 60))'" }

    /// `text` with control and other invisible characters escaped, cut after `limit` characters. Line breaks are kept
    /// if `keepingLines` is true.
    package static func printable(_ text: String, limit: Int, keepingLines: Bool = false) -> String {
        var result = ""
        var count = 0
        for scalar in text.unicodeScalars {
            guard count < limit else { return result + "…" }
            switch scalar.properties.generalCategory {
            case .control where keepingLines && scalar == "\n": result.unicodeScalars.append(scalar)
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
            count += 1
        }
        return result
    }

    /// `1,234,567`.
    package static func count(_ value: some BinaryInteger) -> String {
        var digits = String(value)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return ([digits] + groups).joined(separator: ",")
    }

    /// `a, b or c`.
    package static func list(_ words: [String]) -> String {
        words.count < 2 ? words.joined() : words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
    }

    /// The candidate nearest to `word`, if the distance is within about a third of its length. Otherwise the only
    /// candidate that begins with `word`, such as `randomized` for `random`.
    package static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        let letters = Array(word.utf8.prefix(64))
        var best: (word: String, distance: Int)?
        for candidate in candidates {
            let other = Array(candidate.utf8)
            let found = distance(letters, other)
            let allowed = max(1, min(3, max(letters.count, other.count) / 3))
            if found <= allowed, found < best?.distance ?? .max { best = (candidate, found) }
        }
        if let best { return best.word }
        let longer = candidates.filter { letters.count >= 3 && $0.utf8.starts(with: letters) }
        return longer.count == 1 ? longer.first : nil
    }

    /// The number of edits that turn one word into the other: insertions, deletions, substitutions and swaps of
    /// neighbours (optimal string alignment).
    static func distance(_ a: String, _ b: String) -> Int { distance(Array(a.utf8), Array(b.utf8)) }

    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
        var beforePrevious = [Int](repeating: 0, count: b.count + 1)
        var previous = Array(0...b.count)
        var current = previous
        for i in 1...a.count {
            current[0] = i
            for j in 1...b.count {
                let cost = a[i - 1] == b[j - 1] ? 0 : 1
                current[j] = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + cost)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    current[j] = min(current[j], beforePrevious[j - 2] + 1)
                }
            }
            (beforePrevious, previous, current) = (previous, current, beforePrevious)
        }
        return previous[b.count]
    }
}

extension String {
    /// The text in a form that is safe for a terminal: on one line, without control characters, cut after `limit`
    /// characters.
    package func printable(limit: Int = 400) -> String { PlanText.printable(self, limit: limit) }
}
