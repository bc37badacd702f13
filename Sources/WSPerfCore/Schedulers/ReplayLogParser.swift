internal import Glibc

/// Reads the native log format of `ReplayLog`, line by line.
///
/// Each line is one JSON object. Only the strings that are used are decoded, but the whole line must be valid JSON.
struct ReplayLogParser {
    /// One line whose `dir` is `send`.
    struct Message {
        /// Microseconds.
        var time: Int64
        var connection: Int64
        var kind: MessageKind
        var length: Int
        /// Where the payload begins in `data`; nil if it was not recorded.
        var data: Int?
    }

    private typealias Fault = JSONScanner.Failure
    private typealias Field = ReplayLogFields.Field

    /// The largest integer that all JSON software can exchange (RFC 8259 §6); in microseconds, 285 years.
    static let largestInteger: Int64 = 1 << 53
    private static let depthLimit = 64

    private let name: String
    /// Reads the current line; its end is the end of the line.
    private var scanner: JSONScanner
    private var slips = ReplayLogSlips()

    /// The recorded payloads of the messages read so far.
    private(set) var data: [UInt8] = []

    init(_ bytes: [UInt8], name: String) {
        scanner = JSONScanner(bytes)
        self.name = name
    }

    /// All messages to send, in line order.
    mutating func messages() throws(ReplayLogError) -> [Message] {
        let count = scanner.bytes.count
        guard count <= ReplayLog.maximumSize else {
            throw ReplayLogError(file: name, line: nil, reason: "longer than \(ReplayLog.maximumSize >> 30) GiB")
        }
        var messages: [Message] = []
        var line = 0
        var start = scanner.bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        while start < count {
            line += 1
            scanner.position = start
            scanner.end = endOfLine(from: start)
            do throws(Fault) {
                if let message = try message() { messages.append(message) }
            } catch {
                let column = error.position.map { " at column \($0 - start + 1)" } ?? ""
                throw ReplayLogError(file: name, line: line, reason: error.message + column)
            }
            start = scanner.end + 1
        }
        return messages
    }

    private func endOfLine(from start: Int) -> Int {
        // The search stays within the array, because `start` is less than its count.
        scanner.bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress,
                let newline = memchr(base + start, 0x0A, buffer.count - start)
            else { return buffer.count }
            return UnsafeRawPointer(newline) - base
        }
    }

    // MARK: Lines

    /// The message on the scanner's line; nil if the line is blank or `dir` is `receive`.
    private mutating func message() throws(Fault) -> Message? {
        guard scanner.end - scanner.position <= ReplayLog.maximumLineLength else {
            throw Fault("longer than \(ReplayLog.maximumLineLength >> 20) MiB")
        }
        scanner.skipSpace()
        guard scanner.position < scanner.end else { return nil }
        let fields = try fields()
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
            case .integer(1)?: break
            case .integer(2)?: message.kind = .binary
            default: throw Fault("op must be 1 (text) or 2 (binary), not \(excerpt(field.range))")
            }
        }
        let stated: Int?
        if let field = fields.length {
            stated = Int(try integer(field, .length, "a whole number of bytes", upTo: Int64(LengthDistribution.limit)))
        } else {
            stated = nil
        }
        let start = data.count
        let key: ReplayLogKey
        switch (fields.data, fields.base64) {
        case (let field?, nil):
            key = .data
            try appendText(field)
        case (nil, let field?):
            key = .base64
            try appendBytes(field, isText: message.kind == .text)
        case (_?, _?): throw Fault("has both data and b64")
        case (nil, nil):
            guard let stated else { throw Fault("has neither len nor data") }
            message.length = stated
            return message
        }
        message.data = start
        message.length = data.count - start
        if let stated, stated != message.length {
            throw Fault("len is \(stated), but \(key.rawValue) has \(message.length) bytes")
        }
        return message
    }

    private mutating func fields() throws(Fault) -> ReplayLogFields {
        guard scanner.take("{") else { throw Fault("not a JSON object") }
        var fields = ReplayLogFields()
        var isFirst = true
        while try scanner.hasElement(before: "}", isFirst: &isFirst) {
            let name = try scanner.key()
            let key = name.isEscaped ? ReplayLogKey(try unescaped(name)[...]) : ReplayLogKey(scanner.bytes[name.range])
            let start = scanner.position
            let value = try scanner.value(depth: 1, depthLimit: Self.depthLimit)
            if let key {
                try fields.set(key, to: value, at: start..<scanner.position)
            } else if fields.slip == nil, let meant = slips.key(meantBy: scanner.bytes[name.range]) {
                fields.slip = (name.range, meant)
            }
        }
        scanner.skipSpace()
        guard scanner.position == scanner.end else { throw scanner.notJSON("expected the end of the line") }
        if let (range, meant) = fields.slip, !fields.has(meant) {
            throw Fault("unknown key '\(excerpt(range))'; did you mean '\(meant.rawValue)'?")
        }
        return fields
    }

    // MARK: Values

    private func isSent(_ direction: Field?) throws(Fault) -> Bool {
        guard let direction else { return true }
        if case .string(let token)? = direction.value {
            if scanner.bytes[token.range].elementsEqual("send".utf8) { return true }
            if scanner.bytes[token.range].elementsEqual("receive".utf8) { return false }
        }
        throw Fault("dir must be \"send\" or \"receive\", not \(excerpt(direction.range))")
    }

    private func integer(
        _ field: Field, _ key: ReplayLogKey, _ what: String, upTo limit: Int64
    ) throws(Fault) -> Int64 {
        guard case .integer(let value)? = field.value, value >= 0, value <= limit else {
            throw Fault("\(key.rawValue) must be \(what) from 0 to \(limit), not \(excerpt(field.range))")
        }
        return value
    }

    /// Appends the value of `data` to the payloads.
    private mutating func appendText(_ field: Field) throws(Fault) {
        guard case .string(let token)? = field.value else { throw Fault("data must be a string") }
        let start = data.count
        try scanner.append(token, to: &data)
        guard Self.isUTF8(data[start...]) else { throw Fault("data is not valid UTF-8") }
    }

    /// Appends the decoded value of `b64` to the payloads.
    private mutating func appendBytes(_ field: Field, isText: Bool) throws(Fault) {
        guard case .string(let token)? = field.value else { throw Fault("b64 must be a string") }
        // Some writers escape the slash, which is a base64 character.
        let text = token.isEscaped ? try unescaped(token)[...] : scanner.bytes[token.range]
        let start = data.count
        guard Base64.append(text, to: &data) else { throw Fault("b64 is not base64 (RFC 4648 §4)") }
        guard !isText || Self.isUTF8(data[start...]) else { throw Fault("op is 1 (text), but b64 is not valid UTF-8") }
    }

    private func unescaped(_ token: JSONScanner.StringToken) throws(Fault) -> [UInt8] {
        var text: [UInt8] = []
        try scanner.append(token, to: &text)
        return text
    }

    private static func isUTF8(_ bytes: ArraySlice<UInt8>) -> Bool {
        String(validating: bytes, as: UTF8.self) != nil
    }

    /// A part of the file, unchanged except for length and unprintable characters, for an error message.
    private func excerpt(_ range: Range<Int>) -> String {
        let limit = 40
        let text = String(decoding: scanner.bytes[range].prefix(4 * limit), as: UTF8.self)
        return PlanText.printable(text, limit: limit)
    }
}
