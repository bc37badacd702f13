/// Finds aliases in mapping keys.
///
/// Yams expands aliases lazily, which costs nothing. But it hashes the keys of every mapping, and a key that is or
/// contains an alias can make it hash a tree that doubles with every level. No plan needs such keys, so they are
/// refused before Yams sees them. Text in quotes is not an alias. If a text uses aliases at all, this may also refuse
/// text that only looks like such a key: in a comment, or after quoted text of several lines.
enum AliasKeys {
    /// The line of the first such key; nil if there is none.
    static func firstLine(in text: [UInt8]) -> Int? {
        guard hasAlias(text) else { return nil }
        var line = 1
        // Only quotes that close on their line are trusted. After any other quote, which may be a comment's apostrophe,
        // no text counts as quoted.
        var areQuotesClear = true
        var quotedUntil = 0
        for index in text.indices where index >= quotedUntil {
            switch text[index] {
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                guard areQuotesClear, beginsToken(text, index) else { continue }
                if let end = endOfQuotes(text, index) { quotedUntil = end } else { areQuotesClear = false }
            case UInt8(ascii: "\n"): line += 1
            case UInt8(ascii: "*") where beginsToken(text, index):
                var end = index + 1
                while end < text.count, isNameByte(text[end]) { end += 1 }
                if isColonNext(text, end) { return line }
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                // A list or mapping as a key.
                if isColonNext(text, index + 1) { return line }
            case UInt8(ascii: "?") where beginsToken(text, index):
                // An explicit key.
                if index + 1 == text.count || isSpace(text[index + 1]) { return line }
            default: break
            }
        }
        return nil
    }

    /// The index after the quote that closes the one at `start`; nil if its line has none.
    private static func endOfQuotes(_ text: [UInt8], _ start: Int) -> Int? {
        let quote = text[start]
        var index = start + 1
        while index < text.count, text[index] != UInt8(ascii: "\n") {
            if text[index] == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                index += 2
            } else if text[index] == quote {
                return index + 1
            } else {
                index += 1
            }
        }
        return nil
    }

    private static func hasAlias(_ text: [UInt8]) -> Bool {
        text.indices.contains { index in
            text[index] == UInt8(ascii: "*") && beginsToken(text, index) && index + 1 < text.count
                && isNameByte(text[index + 1])
        }
    }

    private static func beginsToken(_ text: [UInt8], _ index: Int) -> Bool {
        guard index > 0 else { return true }
        return isSpace(text[index - 1]) || "[{,:\"'-?".utf8.contains(text[index - 1])
    }

    private static func isColonNext(_ text: [UInt8], _ index: Int) -> Bool {
        var index = index
        while index < text.count, text[index] == 32 || text[index] == 9 { index += 1 }
        return index < text.count && text[index] == UInt8(ascii: ":")
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte == 45
            || byte == 95
            || byte >= 128
    }
}
