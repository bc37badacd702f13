import Glibc

/// Reads the native log format of `ReplayLog`, line by line.
///
/// The grammar is JSON's (RFC 8259) for one object a line. Only strings that are used are decoded; all others, and all
/// numbers, have at least to be well-formed.
struct ReplayLogParser {
    /// One line with `dir` `send`.
    struct Message {
        /// Microseconds.
        var time: Int64
        var connection: Int64
        var kind: MessageKind
        var length: Int
        /// Where the payload begins in `data`; nil if it was not recorded.
        var data: Int?
    }

    /// What is wrong with a line.
    private struct Fault: Error {
        var reason: String
        init(_ reason: String) { self.reason = reason }
    }

    /// The largest whole number that all JSON software can exchange; as microseconds, 285 years.
    static let largestInteger: Int64 = 1 << 53
    private static let deepestNesting = 64

    private let bytes: [UInt8]
    private let name: String
    private var lineStart = 0
    private var lineEnd = 0
    /// Between `lineStart` and `lineEnd`.
    private var position = 0

    /// The recorded payloads of the messages so far.
    private(set) var data: [UInt8] = []

    init(_ bytes: [UInt8], name: String) {
        self.bytes = bytes
        self.name = name
    }

    /// All messages to send, in the order of their lines.
    mutating func messages() throws(ReplayLogError) -> [Message] {
        guard bytes.count <= ReplayLog.maximumSize else {
            throw ReplayLogError(file: name, line: nil, reason: "longer than \(ReplayLog.maximumSize >> 30) GiB")
        }
        var messages: [Message] = []
        var line = 0
        var next = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        while next < bytes.count {
            line += 1
            lineStart = next
            lineEnd = endOfLine(from: next)
            position = next
            next = lineEnd + 1
            do throws(Fault) {
                if let message = try readLine() { messages.append(message) }
            } catch {
                throw ReplayLogError(file: name, line: line, reason: error.reason)
            }
        }
        return messages
    }

    private func endOfLine(from start: Int) -> Int {
        // The search stays within the array: `start` is less than its count.
        bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress,
                let newline = memchr(base + start, 0x0A, buffer.count - start)
            else { return buffer.count }
            return UnsafeRawPointer(newline) - base
        }
    }

    // MARK: Lines

    /// What a line says of one key.
    private struct Field {
        /// Where the value stands.
        var range: Range<Int>
        var value: Value
    }

    private enum Value {
        case integer(Int64)
        /// The text between the quotes is `range`; `isEscaped` where a backslash is in it.
        case string(Range<Int>, isEscaped: Bool)
        case null
        /// Anything else, numbers that are fractions or too large among it.
        case other
    }

    private enum Key: Int, CaseIterable {
        case time, connection, direction, opcode, length, data, base64

        var name: String {
            switch self {
            case .time: "t_us"
            case .connection: "conn"
            case .direction: "dir"
            case .opcode: "op"
            case .length: "len"
            case .data: "data"
            case .base64: "b64"
            }
        }

        /// The key whose name's bytes, the last one lowest, are `packed`.
        init?(packed: UInt64) {
            switch packed {
            case 0x745F_7573: self = .time
            case 0x636F_6E6E: self = .connection
            case 0x64_6972: self = .direction
            case 0x6F70: self = .opcode
            case 0x6C_656E: self = .length
            case 0x6461_7461: self = .data
            case 0x62_3634: self = .base64
            default: return nil
            }
        }
    }

    /// The fields of one line; those whose value is null are absent.
    private struct Fields {
        private var seen: UInt8 = 0
        var time: Field?
        var connection: Field?
        var direction: Field?
        var opcode: Field?
        var length: Field?
        var data: Field?
        var base64: Field?

        mutating func set(_ key: Key, _ field: Field) throws(Fault) {
            guard seen & 1 << UInt8(key.rawValue) == 0 else { throw Fault("\(key.name) is given twice") }
            seen |= 1 << UInt8(key.rawValue)
            if case .null = field.value { return }
            switch key {
            case .time: time = field
            case .connection: connection = field
            case .direction: direction = field
            case .opcode: opcode = field
            case .length: length = field
            case .data: data = field
            case .base64: base64 = field
            }
        }
    }

    /// The message of the line from `lineStart` to `lineEnd`; nil if it is blank or was received.
    private mutating func readLine() throws(Fault) -> Message? {
        guard lineEnd - lineStart <= ReplayLog.maximumLineLength else {
            throw Fault("longer than \(ReplayLog.maximumLineLength >> 20) MiB")
        }
        skipSpace()
        guard position < lineEnd else { return nil }
        let fields = try readObject()
        guard try isSent(fields.direction) else { return nil }
        guard let time = fields.time else { throw Fault("t_us is missing") }
        var message = Message(
            time: try integer(time, .time, "a whole number of microseconds", upTo: Self.largestInteger),
            connection: 0, kind: .text, length: 0, data: nil)
        if let field = fields.connection {
            message.connection = try integer(field, .connection, "a whole number", upTo: Self.largestInteger)
        }
        if let field = fields.opcode {
            switch field.value {
            case .integer(1): break
            case .integer(2): message.kind = .binary
            default: throw Fault("op must be 1 (text) or 2 (binary), not \(excerpt(field.range))")
            }
        }
        let stated: Int?
        if let field = fields.length {
            stated = Int(try integer(field, .length, "a whole number of bytes", upTo: Int64(LengthDistribution.limit)))
        } else {
            stated = nil
        }
        guard let key = try keyOfPayload(fields) else {
            guard let stated else { throw Fault("has neither len nor data") }
            message.length = stated
            return message
        }
        let start = data.count
        try appendPayload(key == .data ? fields.data : fields.base64, key, isText: message.kind == .text)
        message.data = start
        message.length = data.count - start
        if let stated, stated != message.length {
            throw Fault("len is \(stated), but \(key.name) has \(message.length) bytes")
        }
        return message
    }

    private func isSent(_ direction: Field?) throws(Fault) -> Bool {
        guard let direction else { return true }
        if case .string(let range, _) = direction.value {
            if bytes[range].elementsEqual("send".utf8) { return true }
            if bytes[range].elementsEqual("receive".utf8) { return false }
        }
        throw Fault("dir must be \"send\" or \"receive\", not \(excerpt(direction.range))")
    }

    private func integer(_ field: Field, _ key: Key, _ what: String, upTo limit: Int64) throws(Fault) -> Int64 {
        guard case .integer(let value) = field.value, value >= 0, value <= limit else {
            throw Fault("\(key.name) must be \(what) from 0 to \(limit), not \(excerpt(field.range))")
        }
        return value
    }

    private func keyOfPayload(_ fields: Fields) throws(Fault) -> Key? {
        switch (fields.data, fields.base64) {
        case (nil, nil): return nil
        case (_?, nil): return .data
        case (nil, _?): return .base64
        case (_?, _?): throw Fault("has both data and b64")
        }
    }

    /// Adds the payload to `data`.
    private mutating func appendPayload(_ field: Field?, _ key: Key, isText: Bool) throws(Fault) {
        guard let field, case .string(let range, let isEscaped) = field.value else {
            throw Fault("\(key.name) must be a string")
        }
        let start = data.count
        if key == .data {
            try appendString(range, isEscaped: isEscaped)
            guard Self.isUTF8(data[start...]) else { throw Fault("data is not valid UTF-8") }
        } else {
            if isEscaped {
                // Some writers escape the slash.
                try appendString(range, isEscaped: true)
                let text = Array(data[start...])
                data.removeSubrange(start...)
                try appendBase64(text[...])
            } else {
                try appendBase64(bytes[range])
            }
            guard !isText || Self.isUTF8(data[start...]) else {
                throw Fault("op is 1 (text), but b64 is not valid UTF-8")
            }
        }
    }

    private static func isUTF8(_ bytes: ArraySlice<UInt8>) -> Bool {
        String(validating: bytes, as: UTF8.self) != nil
    }

    /// A value as it stands in the file, for an error message.
    private func excerpt(_ range: Range<Int>) -> String {
        let limit = 40
        let text = String(decoding: bytes[range].prefix(4 * limit), as: UTF8.self)
        return PlanText.printable(text, limit: limit)
    }

    // MARK: JSON

    private mutating func readObject() throws(Fault) -> Fields {
        guard bytes[position] == UInt8(ascii: "{") else { throw Fault("not a JSON object") }
        position += 1
        var fields = Fields()
        skipSpace()
        if take("}") { return try finished(fields) }
        while true {
            skipSpace()
            guard peek() == UInt8(ascii: "\"") else { throw notJSON("expected a key in double quotes") }
            let (range, isEscaped) = try readString()
            let key = isEscaped ? try unescapedKey(range) : packedKey(bytes[range])
            skipSpace()
            guard take(":") else { throw notJSON("expected a colon") }
            skipSpace()
            let start = position
            let value = try readValue(depth: 1)
            if let key { try fields.set(key, Field(range: start..<position, value: value)) }
            skipSpace()
            if take("}") { return try finished(fields) }
            guard take(",") else { throw notJSON("expected a comma or a closing brace") }
        }
    }

    private mutating func finished(_ fields: Fields) throws(Fault) -> Fields {
        skipSpace()
        guard position == lineEnd else { throw notJSON("expected the end of the line") }
        return fields
    }

    private func packedKey(_ name: ArraySlice<UInt8>) -> Key? {
        guard name.count <= 4 else { return nil }
        return Key(packed: name.reduce(0) { $0 << 8 | UInt64($1) })
    }

    private mutating func unescapedKey(_ range: Range<Int>) throws(Fault) -> Key? {
        let start = data.count
        defer { data.removeSubrange(start...) }
        try appendString(range, isEscaped: true)
        return packedKey(data[start...])
    }

    private mutating func readValue(depth: Int) throws(Fault) -> Value {
        switch peek() {
        case UInt8(ascii: "\"")?:
            let (range, isEscaped) = try readString()
            return .string(range, isEscaped: isEscaped)
        case let byte? where byte == UInt8(ascii: "-") || Self.isDigit(byte):
            return try readNumber().map(Value.integer) ?? .other
        case UInt8(ascii: "{")?, UInt8(ascii: "[")?:
            guard depth < Self.deepestNesting else { throw Fault("nested too deeply") }
            try skipContainer(depth: depth)
            return .other
        case UInt8(ascii: "t")?:
            try expect("true")
            return .other
        case UInt8(ascii: "f")?:
            try expect("false")
            return .other
        case UInt8(ascii: "n")?:
            try expect("null")
            return .null
        default:
            throw notJSON("expected a value")
        }
    }

    private mutating func skipContainer(depth: Int) throws(Fault) {
        let isObject = bytes[position] == UInt8(ascii: "{")
        let end: Unicode.Scalar = isObject ? "}" : "]"
        position += 1
        skipSpace()
        if take(end) { return }
        while true {
            skipSpace()
            if isObject {
                guard peek() == UInt8(ascii: "\"") else { throw notJSON("expected a key in double quotes") }
                _ = try readString()
                skipSpace()
                guard take(":") else { throw notJSON("expected a colon") }
                skipSpace()
            }
            _ = try readValue(depth: depth + 1)
            skipSpace()
            if take(end) { return }
            guard take(",") else { throw notJSON("expected a comma or a closing \(isObject ? "brace" : "bracket")") }
        }
    }

    /// Reads a number; nil if it is not whole or beyond 64 bits.
    private mutating func readNumber() throws(Fault) -> Int64? {
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

    private mutating func skipDigits() throws(Fault) {
        guard let first = peek(), Self.isDigit(first) else { throw notJSON("expected a digit") }
        while let byte = peek(), Self.isDigit(byte) { position += 1 }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// Reads a string; the range is that between its quotes.
    private mutating func readString() throws(Fault) -> (Range<Int>, isEscaped: Bool) {
        position += 1
        let start = position
        var isEscaped = false
        while position < lineEnd {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                return (start..<position - 1, isEscaped)
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

    private mutating func skipEscape() throws(Fault) {
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

    private static func unescaped(_ byte: UInt8) -> UInt8? {
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

    private static func hexadecimal(_ byte: UInt8) -> UInt16? {
        switch byte {
        case 0x30...0x39: UInt16(byte - 0x30)
        case 0x41...0x46: UInt16(byte - 0x41 + 10)
        case 0x61...0x66: UInt16(byte - 0x61 + 10)
        default: nil
        }
    }

    /// Adds what a string that was read stands for to `data`.
    private mutating func appendString(_ range: Range<Int>, isEscaped: Bool) throws(Fault) {
        guard isEscaped else {
            data.append(contentsOf: bytes[range])
            return
        }
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = bytes[index]
            guard byte == UInt8(ascii: "\\") else {
                data.append(byte)
                index += 1
                continue
            }
            let letter = bytes[index + 1]
            guard letter == UInt8(ascii: "u") else {
                data.append(Self.unescaped(letter) ?? letter)
                index += 2
                continue
            }
            let unit = codeUnit(at: index + 2)
            index += 6
            var scalar = UInt32(unit)
            if unit & 0xFC00 == 0xD800, index + 6 <= range.upperBound, bytes[index] == UInt8(ascii: "\\"),
                bytes[index + 1] == UInt8(ascii: "u")
            {
                let low = codeUnit(at: index + 2)
                if low & 0xFC00 == 0xDC00 {
                    scalar = 0x10000 + (UInt32(unit & 0x3FF) << 10 | UInt32(low & 0x3FF))
                    index += 6
                }
            }
            guard let character = Unicode.Scalar(scalar) else { throw Fault("half of a surrogate pair in a string") }
            data.append(contentsOf: UTF8.encode(character) ?? UTF8.encodedReplacementCharacter)
        }
    }

    /// Four hex digits, which are known to be there.
    private func codeUnit(at index: Int) -> UInt16 {
        bytes[index..<index + 4].reduce(0) { $0 << 4 | (Self.hexadecimal($1) ?? 0) }
    }

    /// Adds what base64 stands for to `data` (RFC 4648 §4: padded, without line feeds or stray bits).
    private mutating func appendBase64(_ text: ArraySlice<UInt8>) throws(Fault) {
        let fault = Fault("b64 is not base64 (RFC 4648 §4)")
        guard text.count % 4 == 0 else { throw fault }
        let padding = text.suffix(2).filter { $0 == UInt8(ascii: "=") }.count
        guard padding < 2 || text.last == UInt8(ascii: "=") else { throw fault }
        var bits: UInt32 = 0
        var count = 0
        for byte in text.dropLast(padding) {
            guard let sextet = Self.sextet(byte) else { throw fault }
            bits = bits << 6 | sextet
            count += 1
            if count % 4 == 0 {
                data.append(UInt8(truncatingIfNeeded: bits >> 16))
                data.append(UInt8(truncatingIfNeeded: bits >> 8))
                data.append(UInt8(truncatingIfNeeded: bits))
            }
        }
        switch padding {
        case 1:
            guard bits & 0x3 == 0 else { throw fault }
            data.append(UInt8(truncatingIfNeeded: bits >> 10))
            data.append(UInt8(truncatingIfNeeded: bits >> 2))
        case 2:
            guard bits & 0xF == 0 else { throw fault }
            data.append(UInt8(truncatingIfNeeded: bits >> 4))
        default: break
        }
    }

    private static func sextet(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x41...0x5A: UInt32(byte - 0x41)
        case 0x61...0x7A: UInt32(byte - 0x61 + 26)
        case 0x30...0x39: UInt32(byte - 0x30 + 52)
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }

    // MARK: Bytes

    private func peek() -> UInt8? { position < lineEnd ? bytes[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < lineEnd, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ word: StaticString) throws(Fault) {
        let end = position + word.utf8CodeUnitCount
        let matches = word.withUTF8Buffer { end <= lineEnd && bytes[position..<end].elementsEqual($0) }
        guard matches else { throw notJSON("expected a value") }
        position = end
    }

    private mutating func skipSpace() {
        while position < lineEnd {
            switch bytes[position] {
            case 0x20, 0x09, 0x0D: position += 1
            default: return
            }
        }
    }

    private func notJSON(_ what: String) -> Fault {
        Fault("not JSON: \(what) at column \(position - lineStart + 1)")
    }
}
