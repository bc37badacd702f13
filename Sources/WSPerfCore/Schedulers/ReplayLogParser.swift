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
        /// 0 if the message is not wanted.
        var length: Int
        /// The payload's place in the block, and how it is written there; nil if it was not recorded.
        var payload: (range: Range<Int>, writing: RecordedWriting)?
    }

    private typealias Fault = JSONScanner.Failure
    private typealias Field = ReplayLogFields.Field

    /// The largest integer that all JSON software can exchange (RFC 8259 §6); in microseconds, 285 years.
    static let largestInteger: Int64 = 1 << 53
    private static let depthLimit = 64

    private let name: String
    private var line = 0
    /// Reads the current line; its end is the end of the line.
    private var scanner = JSONScanner([])
    private var slips = ReplayLogSlips()
    /// The last payload that was decoded.
    private var decoded: [UInt8] = []

    init(name: String) { self.name = name }

    /// Reads the next block of whole lines.
    ///
    /// - Parameters:
    ///   - isFirst: Whether the log begins with this block.
    ///   - isWanted: Whether the payloads of a connection are wanted.
    ///   - take: Called for each message, in line order. It gets the payload, or nothing if that was not recorded.
    mutating func read(
        _ block: SharedArray<UInt8>, isFirst: Bool, isWanted: (_ connection: Int64) -> Bool,
        _ take: (Message, _ payload: borrowing PayloadText) throws(ReplayLogError) -> Void
    ) throws(ReplayLogError) {
        scanner = JSONScanner(block)
        var start = isFirst && block.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        while start < block.count {
            line += 1
            scanner.position = start
            scanner.end = endOfLine(from: start)
            let found: Message?
            do throws(Fault) {
                found = try message(isWanted)
            } catch {
                let column = error.position.map { " at column \($0 - start + 1)" } ?? ""
                throw ReplayLogError(file: name, line: line, reason: error.message + column)
            }
            start = scanner.end + 1
            guard let found else { continue }
            try take(found, PayloadText(block: block, payload: found.payload, decoded: decoded))
        }
    }

    /// The payload of the current message.
    struct PayloadText: ~Copyable {
        fileprivate let block: SharedArray<UInt8>
        fileprivate let payload: (range: Range<Int>, writing: RecordedWriting)?
        fileprivate let decoded: [UInt8]

        func append(to data: inout [UInt8]) {
            guard let payload else { return }
            if payload.writing == .plain {
                data.append(contentsOf: block[payload.range])
            } else {
                data.append(contentsOf: decoded)
            }
        }
    }

    private func endOfLine(from start: Int) -> Int {
        let end: Int? = scanner.bytes.withContiguousStorageIfAvailable { bytes in
            // The search stays within the block, because `start` is less than its count.
            guard let base = bytes.baseAddress, let newline = memchr(base + start, 0x0A, bytes.count - start) else {
                return bytes.count
            }
            return UnsafeRawPointer(newline) - UnsafeRawPointer(base)
        }
        return end ?? scanner.bytes.count
    }

    // MARK: Lines

    /// The message on the scanner's line; nil if the line is blank or `dir` is `receive`.
    private mutating func message(_ isWanted: (Int64) -> Bool) throws(Fault) -> Message? {
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
            connection: 0, kind: .text, length: 0)
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
        guard isWanted(message.connection) else { return message }
        let key: ReplayLogKey
        switch (fields.data, fields.base64) {
        case (let field?, nil):
            key = .data
            (message.payload, message.length) = try text(field)
        case (nil, let field?):
            key = .base64
            (message.payload, message.length) = try bytes(field, isText: message.kind == .text)
        case (_?, _?): throw Fault("has both data and b64")
        case (nil, nil):
            guard let stated else { throw Fault("has neither len nor data") }
            message.length = stated
            return message
        }
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
            let key = name.isEscaped ? ReplayLogKey(try unescaped(name)) : ReplayLogKey(scanner.bytes[name.range])
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

    private typealias Payload = (payload: (range: Range<Int>, writing: RecordedWriting), length: Int)

    /// The value of `data`.
    private mutating func text(_ field: Field) throws(Fault) -> Payload {
        guard case .string(let token)? = field.value else { throw Fault("data must be a string") }
        decoded.removeAll(keepingCapacity: true)
        if token.isEscaped { try scanner.append(token, to: &decoded) }
        let isText = token.isEscaped ? Self.isUTF8(decoded) : Self.isUTF8(scanner.bytes[token.range])
        guard isText else { throw Fault("data is not valid UTF-8") }
        return token.isEscaped
            ? ((token.range, .escaped), decoded.count) : ((token.range, .plain), token.range.count)
    }

    /// The decoded value of `b64`.
    private mutating func bytes(_ field: Field, isText: Bool) throws(Fault) -> Payload {
        guard case .string(let token)? = field.value else { throw Fault("b64 must be a string") }
        // Some writers escape the slash, which is a base64 character.
        let text = token.isEscaped ? try unescaped(token) : Array(scanner.bytes[token.range])
        decoded.removeAll(keepingCapacity: true)
        guard Base64.append(text, to: &decoded) else { throw Fault("b64 is not base64 (RFC 4648 §4)") }
        guard !isText || Self.isUTF8(decoded) else { throw Fault("op is 1 (text), but b64 is not valid UTF-8") }
        return ((token.range, .base64), decoded.count)
    }

    private func unescaped(_ token: JSONScanner.StringToken) throws(Fault) -> [UInt8] {
        var text: [UInt8] = []
        try scanner.append(token, to: &text)
        return text
    }

    private static func isUTF8(_ bytes: some Collection<UInt8>) -> Bool {
        String(validating: bytes, as: UTF8.self) != nil
    }

    /// A part of the file, unchanged except for length and unprintable characters, for an error message.
    private func excerpt(_ range: Range<Int>) -> String {
        let limit = 40
        let text = String(decoding: scanner.bytes[range].prefix(4 * limit), as: UTF8.self)
        return PlanText.printable(text, limit: limit)
    }
}
