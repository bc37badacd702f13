/// How a `TestServer` treats a connection: like an echo server, plus any set of faults.
///
/// The client chooses the behaviour by the path that it requests, so one server is enough for any number of tests.
/// `TestServerOptions.behaviour` overrides the path for all connections. A path is `/fault/NAME`, or has several names
/// (`/fault/late/close?by=20ms&after=3`). `/push` and `/broadcast` are short for `/fault/push` and `/fault/broadcast`.
/// Every other path echoes. If a name or parameter is misspelt, the server answers with status 400 and the reason.
///
/// **The opening handshake**
///
/// | name | parameters and defaults | what the server does |
/// |---|---|---|
/// | `refuse` | `status=503` | answers with this status and closes |
/// | `wrong-accept` | | sends the `Sec-WebSocket-Accept` of another key |
/// | `no-accept` | | sends no `Sec-WebSocket-Accept` |
/// | `no-upgrade` | | sends no `Upgrade` |
/// | `no-connection` | | sends no `Connection` |
/// | `extension` | `name=x-unasked` | answers with an extension whether or not it was offered |
/// | `subprotocol` | `name=x-unasked` | answers with a subprotocol whether or not it was offered |
/// | `select` | | answers with the first subprotocol offered (not a fault) |
/// | `dribble` | `every=1ms` | sends the response head one byte at a time |
/// | `hang` | | never answers |
/// | `drop` | | closes the TCP connection without an answer |
/// | `drop-reset` | | resets the TCP connection without an answer |
/// | `not-http` | `length=64` | answers with bytes that are not HTTP and closes |
/// | `huge-head` | `length=65536` | answers with a head that has `length` bytes of needless headers |
/// | `early` | `count=1` `length=16` | sends `count` messages in the same segment as the 101 |
///
/// **Replies**. The replies to the first `after` messages (default 0) are correct.
///
/// | name | parameters and defaults | what the server does |
/// |---|---|---|
/// | `silent` | | never replies |
/// | `lose` | `nth=10` | does not answer every nth message |
/// | `twice` | | sends each reply twice |
/// | `late` | `by=100ms` | sends each reply after this delay |
/// | `reorder` | `window=2` | collects `window` replies and sends them in reverse order |
/// | `fragment` | `parts=3` | sends each reply in `parts` frames (not a fault) |
/// | `interleave` | `parts=3` | the same, with a ping between two frames (not a fault) |
/// | `resize` | `length=64` | replies with `length` bytes of `0` |
/// | `corrupt` | | changes the last byte of each reply |
///
/// **Once**, after `after` messages were received and answered (default 1; 0 means right after the upgrade)
///
/// | name | parameters and defaults | what the server does |
/// |---|---|---|
/// | `close` | `code=1011` `reason=` | sends a close frame with this code, valid or not; `code=0` sends no body |
/// | `eof` | | closes the TCP connection without a close frame |
/// | `reset` | | resets the TCP connection (RST) |
/// | `stall` | | stops reading |
/// | `garbage` | `length=64` | sends `length` bytes that are not frames: a reserved opcode, then noise |
/// | `masked` | | sends a masked frame (a server must not) |
/// | `rsv` | `bits=4` | sends a frame with these reserved bits (4, 2, 1 for RSV1, RSV2, RSV3) |
/// | `opcode` | `opcode=3` | sends a frame with this opcode |
/// | `utf8` | | sends a text message that is not UTF-8 |
/// | `control` | `length=126` | sends a ping of `length` bytes |
/// | `fragmented-control` | | sends a ping without FIN |
/// | `continuation` | | sends a continuation frame without a message to continue |
/// | `huge-frame` | | sends the header of a frame of 2^62 bytes |
/// | `flood` | `length=64` `count=` | sends text messages as fast as the client takes them: `count`, or without end |
///
/// **The closing handshake**
///
/// | name | parameters and defaults | what the server does |
/// |---|---|---|
/// | `no-close` | | never answers a close frame and keeps the TCP connection open |
/// | `no-fin` | | answers the close frame, but keeps the TCP connection open |
///
/// **Unsolicited traffic**
///
/// | name | parameters and defaults | what the server does |
/// |---|---|---|
/// | `ping` | `every=1s` `length=0` | sends pings at this interval |
/// | `push` | `every=100ms` `length=64` `count=` | sends text messages at this interval, and echoes |
/// | `broadcast` | `room=default` | does not echo; sends each message to everyone in the room, including the sender |
///
/// **After a time**
///
/// | name | parameters and defaults | what the server does |
/// |---|---|---|
/// | `expire` | `min=1s` `max=5s` `code=1011` `reason=` | sends a close frame at a random time after the upgrade |
///
/// Write durations as `250us`, `20ms`, `1s` or `2m`. The server stores nothing except the replies that `late` and
/// `reorder` hold back. While it holds 4,096 replies for a client, it does not read from that client.
public struct TestServerBehaviour: Sendable, Hashable {
    /// Empty means a plain echo server.
    public var faults: Set<Fault>
    /// Messages after which a fault begins. Nil: 1 for faults that happen once, 0 for faults in replies.
    public var after: Int?
    public var status: Int = 503
    public var code: UInt16 = 1011
    public var reason: String = ""
    /// Monotonic clock. Nil: the default in the table.
    public var every: Duration?
    public var by: Duration = .milliseconds(100)
    /// The shortest and the longest time from the upgrade to the close; monotonic clock.
    public var min: Duration = .seconds(1)
    public var max: Duration = .seconds(5)
    /// Bytes of payload. Nil: the default in the table.
    public var length: Int?
    public var count: Int?
    public var parts: Int = 3
    public var window: Int = 2
    public var nth: Int = 10
    public var bits: UInt8 = 4
    public var opcode: UInt8 = 3
    public var name: String = "x-unasked"
    public var room: String = "default"

    public init(_ faults: Fault...) { self.faults = Set(faults) }

    /// Reads the behaviour that a path asks for. Throws `TestServerError` (`isInvalidBehaviour`) if the path is wrong.
    public init(path: String) throws {
        self.init()
        let parts = path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let segments = parts[0].split(separator: "/")
        switch segments.first {
        case "fault":
            guard segments.count > 1 else { throw TestServerError.invalidBehaviour("the path names no fault") }
            for segment in segments.dropFirst() {
                guard let fault = Fault(rawValue: String(segment)) else {
                    throw TestServerError.invalidBehaviour("there is no fault \(quoted(segment))")
                }
                faults.insert(fault)
            }
        case "push" where segments.count == 1: faults = [.push]
        case "broadcast" where segments.count == 1: faults = [.broadcast]
        default: return
        }
        guard parts.count > 1 else { return }
        for parameter in parts[1].split(separator: "&") {
            let pair = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            try set(String(pair[0]), to: pair.count > 1 ? String(pair[1]) : "")
        }
        guard min <= max else { throw TestServerError.invalidBehaviour("min must not exceed max") }
    }

    /// Whether a path may ask for something other than an echo. Cheaper than parsing the path.
    static func mayBeFaulty(path: [UInt8]) -> Bool {
        path.starts(with: "/fault".utf8) || path.starts(with: "/push".utf8) || path.starts(with: "/broadcast".utf8)
    }

    private mutating func set(_ key: String, to text: String) throws {
        func number(_ range: ClosedRange<Int>) throws -> Int {
            guard let value = Int(text), range.contains(value) else {
                throw TestServerError.invalidBehaviour(
                    "\(key) must be \(range.lowerBound) to \(range.upperBound), not \(quoted(text))")
            }
            return value
        }
        func word() throws -> String {
            guard text.utf8.count <= 123, let plain = percentDecoded(text) else {
                throw TestServerError.invalidBehaviour("\(key) must be at most 123 bytes of text")
            }
            return plain
        }
        func token() throws -> String {
            let allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!"
            guard !text.isEmpty, text.utf8.count <= 123, text.allSatisfy({ allowed.contains($0) }) else {
                throw TestServerError.invalidBehaviour("\(key) must be a word, not \(quoted(text))")
            }
            return text
        }
        func duration() throws -> Duration {
            guard let value = Self.duration(text), value > .zero, value <= .seconds(3600) else {
                throw TestServerError.invalidBehaviour("\(key) must be a duration such as 20ms, not \(quoted(text))")
            }
            return value
        }
        switch key {
        case "after": after = try number(0...Int(Int32.max))
        case "status": status = try number(100...999)
        case "code": code = UInt16(try number(0...65_535))
        case "reason": reason = try word()
        case "every": every = try duration()
        case "by": by = try duration()
        case "min": min = try duration()
        case "max": max = try duration()
        case "length": length = try number(0...(16 << 20))
        case "count": count = try number(0...Int(Int32.max))
        case "parts": parts = try number(1...1024)
        case "window": window = try number(1...1024)
        case "nth": nth = try number(1...Int(Int32.max))
        case "bits": bits = UInt8(try number(0...7))
        case "opcode": opcode = UInt8(try number(0...15))
        case "name": name = try token()
        case "room": room = try token()
        default: throw TestServerError.invalidBehaviour("there is no parameter \(quoted(key))")
        }
    }

    private static func duration(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let value = Int64(digits), value <= 1_000_000_000 else { return nil }
        switch text.dropFirst(digits.count) {
        case "us": return .microseconds(value)
        case "ms": return .milliseconds(value)
        case "s": return .seconds(value)
        case "m": return .seconds(value * 60)
        default: return nil
        }
    }

    /// The path that asks for this behaviour, with the parameters that differ from their defaults.
    public var path: String {
        guard !faults.isEmpty else { return "/echo" }
        let plain = TestServerBehaviour()
        var parameters: [String] = []
        func add(_ key: String, _ value: String?) { if let value { parameters.append("\(key)=\(value)") } }
        add("after", after.map(String.init))
        add("status", status == plain.status ? nil : String(status))
        add("code", code == plain.code ? nil : String(code))
        add("reason", reason.isEmpty ? nil : percentEncoded(reason))
        add("every", every.map(Self.text))
        add("by", by == plain.by ? nil : Self.text(by))
        add("min", min == plain.min ? nil : Self.text(min))
        add("max", max == plain.max ? nil : Self.text(max))
        add("length", length.map(String.init))
        add("count", count.map(String.init))
        add("parts", parts == plain.parts ? nil : String(parts))
        add("window", window == plain.window ? nil : String(window))
        add("nth", nth == plain.nth ? nil : String(nth))
        add("bits", bits == plain.bits ? nil : String(bits))
        add("opcode", opcode == plain.opcode ? nil : String(opcode))
        add("name", name == plain.name ? nil : name)
        add("room", room == plain.room ? nil : room)
        let names = faults.map(\.rawValue).sorted().joined(separator: "/")
        return "/fault/\(names)" + (parameters.isEmpty ? "" : "?" + parameters.joined(separator: "&"))
    }

    private static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        return "\(seconds * 1_000_000 + attoseconds / 1_000_000_000_000)us"
    }
}

/// `text` in quotes and safe to print: cut, with control and non-ASCII characters escaped.
private func quoted(_ text: some StringProtocol) -> String {
    "'" + text.prefix(60).unicodeScalars.map { $0.escaped(asASCII: true) }.joined() + "'"
}

private func percentDecoded(_ text: String) -> String? {
    var bytes: [UInt8] = []
    var rest = Substring(text).utf8
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard let decoded = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
        bytes.append(decoded)
        rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
}

private func percentEncoded(_ text: String) -> String {
    text.utf8.map { byte in
        let isPlain =
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
        return isPlain
            ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }.joined()
}
