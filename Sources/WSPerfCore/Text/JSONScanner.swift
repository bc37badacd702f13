/// Reads JSON text (RFC 8259) piece by piece. It decodes only the strings that its user asks for. Everything else must be
/// well-formed.
///
/// Plans and replay logs are read with it. `JSONDecoder` and `JSONSerialization` cannot replace it: they build a tree
/// for each line of a log, drop the order of keys, accept a key twice and turn numbers into `Double`.
struct JSONScanner {
    /// What is wrong with the text.
    struct Failure: Error {
        var message: String
        /// Where in `bytes`; nil if it is not at one place.
        var position: Int?

        init(_ message: String, at position: Int? = nil) {
            self.message = message
            self.position = position
        }
    }

    /// A string as written.
    struct StringToken {
        /// The text between the quotes.
        var range: Range<Int>
        /// Whether it contains a backslash.
        var isEscaped: Bool
    }

    enum Scalar {
        case null
        case boolean
        case integer(Int64)
        /// A number with a fraction or an exponent, or one that does not fit into 64 bits.
        case number
        case string(StringToken)
    }

    let bytes: SharedArray<UInt8>
    var position: Int
    /// Where the text ends.
    var end: Int

    init(_ bytes: [UInt8]) { self.init(SharedArray(bytes)) }

    init(_ bytes: SharedArray<UInt8>) {
        self.bytes = bytes
        position = 0
        end = bytes.count
    }

    // MARK: Structure

    /// Whether an object or array has another element. Stands at the element afterwards, or behind `close`.
    mutating func hasElement(before close: Unicode.Scalar, isFirst: inout Bool) throws(Failure) -> Bool {
        skipSpace()
        if take(close) { return false }
        if !isFirst {
            guard take(",") else {
                throw notJSON("expected a comma or a closing \(close == "}" ? "brace" : "bracket")")
            }
            skipSpace()
        }
        isFirst = false
        return true
    }

    /// Reads the key of an object's element. Stands at the value afterwards.
    mutating func key() throws(Failure) -> StringToken {
        guard peek() == UInt8(ascii: "\"") else { throw notJSON("expected a key in double quotes") }
        let key = try string()
        skipSpace()
        guard take(":") else { throw notJSON("expected a colon") }
        skipSpace()
        return key
    }

    /// Reads any value. Nil: an object or an array, which is skipped; `depth` is the number of those around it.
    mutating func value(depth: Int, depthLimit: Int) throws(Failure) -> Scalar? {
        let isObject = peek() == UInt8(ascii: "{")
        guard isObject || peek() == UInt8(ascii: "[") else { return try scalar() }
        guard depth < depthLimit else { throw Failure("nested deeper than \(depthLimit) levels", at: position) }
        position += 1
        var isFirst = true
        while try hasElement(before: isObject ? "}" : "]", isFirst: &isFirst) {
            if isObject { _ = try key() }
            _ = try value(depth: depth + 1, depthLimit: depthLimit)
        }
        return nil
    }

    // MARK: Scalars

    mutating func scalar() throws(Failure) -> Scalar {
        switch peek() {
        case UInt8(ascii: "\"")?: return .string(try string())
        case let byte? where byte == UInt8(ascii: "-") || Self.isDigit(byte):
            return try number().map(Scalar.integer) ?? .number
        case UInt8(ascii: "t")?: return try word("true", .boolean)
        case UInt8(ascii: "f")?: return try word("false", .boolean)
        case UInt8(ascii: "n")?: return try word("null", .null)
        default: throw notJSON("expected a value")
        }
    }

    private mutating func word(_ word: StaticString, _ value: Scalar) throws(Failure) -> Scalar {
        let wordEnd = position + word.utf8CodeUnitCount
        let matches = word.withUTF8Buffer { wordEnd <= end && bytes[position..<wordEnd].elementsEqual($0) }
        guard matches else { throw notJSON("expected a value") }
        position = wordEnd
        return value
    }

    /// Reads a number. Nil if it has a fraction or an exponent, or does not fit into 64 bits.
    mutating func number() throws(Failure) -> Int64? {
        let isNegative = take("-")
        var value: Int64? = 0
        guard let first = peek(), Self.isDigit(first) else { throw notJSON("expected a digit") }
        if first == UInt8(ascii: "0") {
            position += 1
        } else {
            while let byte = peek(), Self.isDigit(byte) {
                position += 1
                if let whole = value {
                    let (product, overflow) = whole.multipliedReportingOverflow(by: 10)
                    let (sum, overflow2) = product.addingReportingOverflow(Int64(byte & 0x0F))
                    value = overflow || overflow2 ? nil : sum
                }
            }
        }
        if take(".") {
            value = nil
            try skipDigits()
        }
        if take("e") || take("E") {
            value = nil
            if !take("+") { _ = take("-") }
            try skipDigits()
        }
        return value.map { isNegative ? -$0 : $0 }
    }

    private mutating func skipDigits() throws(Failure) {
        guard let first = peek(), Self.isDigit(first) else { throw notJSON("expected a digit") }
        while let byte = peek(), Self.isDigit(byte) { position += 1 }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    // MARK: Strings

    private mutating func string() throws(Failure) -> StringToken {
        position += 1
        let start = position
        var isEscaped = false
        while position < end {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                return StringToken(range: start..<position - 1, isEscaped: isEscaped)
            }
            guard byte >= 0x20 else { throw notJSON("control character in a string") }
            position += 1
            if byte == UInt8(ascii: "\\") {
                isEscaped = true
                try skipEscape()
            }
        }
        throw notJSON("a string does not end")
    }

    private mutating func skipEscape() throws(Failure) {
        switch peek() {
        case UInt8(ascii: "u")?:
            position += 1
            for _ in 0..<4 {
                guard let byte = peek(), Self.hexadecimal(byte) != nil else { throw notJSON("expected a hex digit") }
                position += 1
            }
        case let byte? where Self.unescaped(byte) != nil: position += 1
        default: throw notJSON("unknown escape sequence")
        }
    }

    /// Appends what a string that was read stands for. Its UTF-8 is as written, so it may be invalid.
    func append(_ token: StringToken, to text: inout [UInt8]) throws(Failure) {
        guard token.isEscaped else {
            text.append(contentsOf: bytes[token.range])
            return
        }
        var index = token.range.lowerBound
        while index < token.range.upperBound {
            let byte = bytes[index]
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                index += 1
                continue
            }
            let letter = bytes[index + 1]
            guard letter == UInt8(ascii: "u") else {
                text.append(Self.unescaped(letter) ?? letter)
                index += 2
                continue
            }
            let start = index
            let unit = codeUnit(at: index + 2)
            index += 6
            var scalar = UInt32(unit)
            if unit & 0xFC00 == 0xD800, index + 6 <= token.range.upperBound, bytes[index] == UInt8(ascii: "\\"),
                bytes[index + 1] == UInt8(ascii: "u")
            {
                let low = codeUnit(at: index + 2)
                if low & 0xFC00 == 0xDC00 {
                    scalar = 0x10000 + (UInt32(unit & 0x3FF) << 10 | UInt32(low & 0x3FF))
                    index += 6
                }
            }
            guard let character = Unicode.Scalar(scalar) else {
                throw Failure("half of a surrogate pair in a string", at: start)
            }
            text.append(contentsOf: UTF8.encode(character) ?? UTF8.encodedReplacementCharacter)
        }
    }

    /// Four hex digits. `skipEscape` has checked that they are there.
    private func codeUnit(at index: Int) -> UInt16 {
        bytes[index..<index + 4].reduce(0) { $0 << 4 | (Self.hexadecimal($1) ?? 0) }
    }

    static func unescaped(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): byte
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    static func hexadecimal(_ byte: UInt8) -> UInt16? {
        switch byte {
        case 0x30...0x39: UInt16(byte - 0x30)
        case 0x41...0x46: UInt16(byte - 0x41 + 10)
        case 0x61...0x66: UInt16(byte - 0x61 + 10)
        default: nil
        }
    }

    // MARK: Bytes

    func peek() -> UInt8? { position < end ? bytes[position] : nil }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < end, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func skipSpace() {
        while position < end {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    func notJSON(_ what: String) -> Failure { Failure("not JSON: \(what)", at: position) }
}
