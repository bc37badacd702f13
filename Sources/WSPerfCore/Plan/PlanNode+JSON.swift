/// Plans travel between controller and workers, and into the run directory, as JSON (RFC 8259).
extension PlanNode {
    /// Bytes of JSON text that `init(json:)` accepts at most.
    public static let jsonSizeLimit = 4 << 20
    /// Depth of nesting that `init(json:)` accepts at most.
    public static let depthLimit = 32

    /// The tree as JSON text: no white space, keys in their order, characters beyond ASCII as they are. Unquoted
    /// scalars that are JSON numbers or booleans stay such, every other scalar is a string; so equal trees give equal
    /// text but for the order of keys, and reading the text back gives an equal tree.
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

    /// Reads JSON text. Throws if it is not JSON, longer than `jsonSizeLimit`, nested deeper than `depthLimit`, or
    /// names a key of an object twice. Lines are not kept.
    public init(json text: String) throws(PlanError) { try self.init(json: Array(text.utf8)) }

    /// Reads JSON text in UTF-8.
    public init(json bytes: [UInt8]) throws(PlanError) {
        guard bytes.count <= Self.jsonSizeLimit else {
            throw PlanError("longer than \(Self.jsonSizeLimit) bytes of JSON")
        }
        var parser = JSONParser(bytes: bytes)
        do throws(JSONParser.Failure) {
            self = try parser.document()
        } catch {
            throw PlanError("not JSON: \(error.message) at byte \(parser.position)")
        }
    }
}

/// A bounded reader of JSON that keeps numbers as they are written.
private struct JSONParser {
    struct Failure: Error { var message: String }

    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(Failure) -> PlanNode {
        let node = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw Failure(message: "something follows the value") }
        return node
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = current, byte == 32 || byte == 9 || byte == 10 || byte == 13 { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard current == byte else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(Failure) -> PlanNode {
        guard depth <= PlanNode.depthLimit else {
            throw Failure(message: "nested deeper than \(PlanNode.depthLimit) levels")
        }
        skipSpace()
        switch current {
        case UInt8(ascii: "{"): return PlanNode(.mapping(try object(depth: depth)))
        case UInt8(ascii: "["): return PlanNode(.sequence(try array(depth: depth)))
        case UInt8(ascii: "\""): return PlanNode(.scalar(try string(), quoted: true))
        case nil: throw Failure(message: "it ends too early")
        default: return try literal()
        }
    }

    private mutating func array(depth: Int) throws(Failure) -> [PlanNode] {
        position += 1
        var elements: [PlanNode] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return elements }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if take(UInt8(ascii: "]")) { return elements }
            guard take(UInt8(ascii: ",")) else { throw Failure(message: "expected ',' or ']'") }
        }
    }

    private mutating func object(depth: Int) throws(Failure) -> [PlanNode.Entry] {
        position += 1
        var entries: [PlanNode.Entry] = []
        var keys: Set<String> = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return entries }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw Failure(message: "expected a key in quotes") }
            let key = try string()
            guard keys.insert(key).inserted else {
                throw Failure(message: "the key \(PlanText.quoted(key)) occurs twice")
            }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw Failure(message: "expected ':'") }
            entries.append(PlanNode.Entry(key: key, value: try value(depth: depth + 1)))
            skipSpace()
            if take(UInt8(ascii: "}")) { return entries }
            guard take(UInt8(ascii: ",")) else { throw Failure(message: "expected ',' or '}'") }
        }
    }

    private mutating func literal() throws(Failure) -> PlanNode {
        let start = position
        while let byte = current, byte > 32, ![UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}")].contains(byte) {
            position += 1
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if text == "null" { return .null }
        guard PlanNode.Content.isLiteral(text) else {
            position = start
            throw Failure(message: "expected a value")
        }
        return PlanNode(.scalar(text, quoted: false))
    }

    private mutating func string() throws(Failure) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw Failure(message: "a string that is not UTF-8")
                }
                return string
            case UInt8(ascii: "\\"): text.append(contentsOf: try escape())
            case 0..<32: throw Failure(message: "a control character in a string")
            default: text.append(byte)
            }
        }
        throw Failure(message: "a string without its closing quote")
    }

    private mutating func escape() throws(Failure) -> [UInt8] {
        guard let byte = current else { throw Failure(message: "it ends too early") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if (0xD800..<0xDC00).contains(code) {
                guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
                    throw Failure(message: "half a surrogate pair")
                }
                let low = try hexadecimal()
                guard (0xDC00..<0xE000).contains(low) else { throw Failure(message: "half a surrogate pair") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw Failure(message: "half a surrogate pair") }
            return Array(Character(scalar).utf8)
        default: throw Failure(message: "an unknown escape")
        }
    }

    private mutating func hexadecimal() throws(Failure) -> UInt32 {
        guard position + 4 <= bytes.count else { throw Failure(message: "it ends too early") }
        var code: UInt32 = 0
        for byte in bytes[position..<position + 4] {
            switch byte {
            case 48...57: code = code << 4 | UInt32(byte - 48)
            case 65...70: code = code << 4 | UInt32(byte - 55)
            case 97...102: code = code << 4 | UInt32(byte - 87)
            default: throw Failure(message: "an unknown escape")
            }
        }
        position += 4
        return code
    }
}
