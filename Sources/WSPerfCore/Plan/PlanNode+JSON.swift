/// Plans travel between controller and workers, and into the run directory, as JSON (RFC 8259).
extension PlanNode {
    /// The most bytes of JSON text that `init(json:)` accepts.
    public static let jsonSizeLimit = 4 << 20
    /// The deepest nesting that `init(json:)` accepts.
    public static let depthLimit = 32

    /// The tree as JSON text: no white space, keys in their order, non-ASCII characters unescaped. Unquoted scalars
    /// that are JSON numbers or booleans stay unquoted; all other scalars become strings. So equal trees give equal
    /// text except for the order of keys, and reading the text back gives an equal tree.
    public var json: String {
        var text = ""
        writeJSON(to: &text)
        return text
    }

    private func writeJSON(to text: inout String) {
        switch content {
        case .null: text += "null"
        case .scalar(let scalar, quoted: false) where Content.isLiteral(scalar): text += scalar
        case .scalar(let scalar, _): Self.writeJSONString(scalar, to: &text)
        case .sequence(let elements):
            text += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { text += "," }
                element.writeJSON(to: &text)
            }
            text += "]"
        case .mapping(let entries):
            text += "{"
            for (index, entry) in entries.enumerated() {
                if index > 0 { text += "," }
                Self.writeJSONString(entry.key, to: &text)
                text += ":"
                entry.value.writeJSON(to: &text)
            }
            text += "}"
        }
    }

    /// Writes `string` in quotes. Escapes control characters, so that a terminal can show the text.
    package static func writeJSONString(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\0"..<" ", "\u{7F}"..."\u{9F}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }

    /// Reads JSON text. Throws if it is not JSON, longer than `jsonSizeLimit`, nested deeper than `depthLimit`, or has
    /// an object with a duplicate key. The nodes have no lines.
    public init(json text: String) throws(PlanError) { try self.init(json: Array(text.utf8)) }

    /// Reads JSON text in UTF-8.
    public init(json bytes: [UInt8]) throws(PlanError) {
        guard bytes.count <= Self.jsonSizeLimit else {
            throw PlanError("longer than \(Self.jsonSizeLimit) bytes of JSON")
        }
        var reader = JSONReader(bytes)
        do throws(JSONScanner.Failure) {
            self = try reader.document()
        } catch {
            throw PlanError(error.message + (error.position.map { " at byte \($0)" } ?? ""))
        }
    }
}

/// Reads the tree; numbers keep their text.
private struct JSONReader {
    typealias Failure = JSONScanner.Failure

    private var scanner: JSONScanner

    init(_ bytes: [UInt8]) { scanner = JSONScanner(bytes) }

    mutating func document() throws(Failure) -> PlanNode {
        let node = try value(depth: 0)
        scanner.skipSpace()
        guard scanner.position == scanner.end else { throw scanner.notJSON("something follows the value") }
        return node
    }

    private mutating func value(depth: Int) throws(Failure) -> PlanNode {
        guard depth <= PlanNode.depthLimit else {
            throw Failure("nested deeper than \(PlanNode.depthLimit) levels", at: scanner.position)
        }
        scanner.skipSpace()
        if scanner.take("{") { return PlanNode(.mapping(try entries(depth: depth))) }
        if scanner.take("[") { return PlanNode(.sequence(try elements(depth: depth))) }
        let start = scanner.position
        switch try scanner.scalar() {
        case .null: return .null
        case .string(let token): return PlanNode(.scalar(try text(token), quoted: true))
        case .boolean, .integer, .number:
            let text = String(decoding: scanner.bytes[start..<scanner.position], as: UTF8.self)
            return PlanNode(.scalar(text, quoted: false))
        }
    }

    private mutating func elements(depth: Int) throws(Failure) -> [PlanNode] {
        var elements: [PlanNode] = []
        var isFirst = true
        while try scanner.hasElement(before: "]", isFirst: &isFirst) { elements.append(try value(depth: depth + 1)) }
        return elements
    }

    private mutating func entries(depth: Int) throws(Failure) -> [PlanNode.Entry] {
        var entries: [PlanNode.Entry] = []
        var keys: Set<String> = []
        var isFirst = true
        while try scanner.hasElement(before: "}", isFirst: &isFirst) {
            let start = scanner.position
            let key = try text(try scanner.key())
            guard keys.insert(key).inserted else {
                throw Failure("the key \(PlanText.quoted(key)) occurs twice", at: start)
            }
            entries.append(PlanNode.Entry(key: key, value: try value(depth: depth + 1)))
        }
        return entries
    }

    private func text(_ token: JSONScanner.StringToken) throws(Failure) -> String {
        var bytes: [UInt8] = []
        try scanner.append(token, to: &bytes)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure("a string that is not UTF-8", at: token.range.lowerBound)
        }
        return text
    }
}
