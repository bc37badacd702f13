/// A recorded log to replay: messages with their times, lengths and kinds, and their data if it was recorded.
///
/// The format is JSON Lines, one message per line, in any order (`Docs/ReplayLog.md`):
///
/// ```
/// {"t_us": 0, "conn": 0, "dir": "send", "op": 1, "len": 240}
/// {"t_us": 1500, "conn": 0, "dir": "send", "op": 1, "data": "{\"hello\": 1}"}
/// {"t_us": 1980, "conn": 1, "dir": "send", "op": 2, "b64": "3q2+7w=="}
/// ```
///
/// | key | meaning |
/// |---|---|
/// | `t_us` | time in microseconds, 0 to 2⁵³; only differences count |
/// | `conn` | number of the recorded connection, 0 to 2⁵³; 0 if absent |
/// | `dir` | `send`, or `receive` for a line to skip; `send` if absent |
/// | `op` | 1 for text, 2 for binary; 1 if absent |
/// | `len` | bytes of payload; may be absent if there is data |
/// | `data` | the payload as text; `len` counts its bytes in UTF-8 |
/// | `b64` | the payload in base64 (RFC 4648 §4) |
///
/// A key whose value is `null` counts as absent. Unknown keys are ignored, unless they look like a misspelt known key.
/// Blank lines are ignored.
public final class ReplayLog: Sendable {
    /// One message. An entry is 24 bytes; all connections share the entries.
    struct Entry: Sendable, BitwiseCopyable {
        /// Nanoseconds since the log's earliest message.
        var offset: Int64
        var length: UInt32
        /// Where the payload begins in the log's data; `noData` if it was not recorded.
        var data: UInt32
        private var isBinary: Bool

        static let noData = UInt32.max

        init(offset: Int64, length: UInt32, data: UInt32, kind: MessageKind) {
            self.offset = offset
            self.length = length
            self.data = data
            isBinary = kind == .binary
        }

        var kind: MessageKind { isBinary ? .binary : .text }
    }

    /// The largest size of a log, bytes.
    public static let maximumSize = 1 << 30
    /// The largest size of one line, bytes.
    public static let maximumLineLength = 16 << 20

    /// All messages, by connection and then by time.
    let entries: SharedArray<Entry>
    /// The recorded payloads, concatenated.
    let data: SharedArray<UInt8>
    /// Where each connection's entries begin; the last value is where the last connection's entries end.
    private let starts: SharedArray<UInt32>
    /// From the earliest message to the latest, nanoseconds.
    let span: Int64

    /// Parses a log. Error messages use `name` for the file.
    public init(parsing bytes: [UInt8], name: String) throws(ReplayLogError) {
        var parser = ReplayLogParser(bytes, name: name)
        let messages = try parser.messages()
        guard let earliest = messages.lazy.map(\.time).min(), let latest = messages.lazy.map(\.time).max() else {
            throw ReplayLogError(file: name, line: nil, reason: "has no message to send")
        }
        span = (latest - earliest) * 1000

        let numbers = Set(messages.lazy.map(\.connection)).sorted()
        let ranks = Dictionary(uniqueKeysWithValues: zip(numbers, 0...))
        var starts = [UInt32](repeating: 0, count: numbers.count + 1)
        let rankOf = messages.map { ranks[$0.connection] ?? 0 }
        for rank in rankOf { starts[rank + 1] += 1 }
        for rank in numbers.indices { starts[rank + 1] += starts[rank] }

        // Groups the messages by connection, in line order.
        var ends = starts
        var entries = [Entry](
            repeating: Entry(offset: 0, length: 0, data: Entry.noData, kind: .text), count: messages.count)
        for (message, rank) in zip(messages, rankOf) {
            entries[Int(ends[rank])] = Entry(
                offset: (message.time - earliest) * 1000, length: UInt32(message.length),
                data: message.data.map(UInt32.init) ?? Entry.noData, kind: message.kind)
            ends[rank] += 1
        }
        for rank in numbers.indices { Self.sort(&entries, in: Int(starts[rank])..<Int(starts[rank + 1])) }
        self.entries = SharedArray(entries)
        self.starts = SharedArray(starts)
        data = SharedArray(parser.data)
    }

    /// Sorts by time; messages with the same time stay in line order.
    private static func sort(_ entries: inout [Entry], in range: Range<Int>) {
        guard zip(range, range.dropFirst()).contains(where: { entries[$0].offset > entries[$1].offset }) else { return }
        let order = range.sorted { (entries[$0].offset, $0) < (entries[$1].offset, $1) }
        let sorted = order.map { entries[$0] }
        for (index, entry) in zip(range, sorted) { entries[index] = entry }
    }
}

extension ReplayLog {
    /// The number of messages to send, over all connections.
    public var messageCount: Int { entries.count }

    /// The number of distinct connections in the log, at least 1.
    public var connectionCount: Int { starts.count - 1 }

    /// Time from the log's earliest message to its latest.
    public var duration: Duration { .nanoseconds(span) }

    /// The payload bytes of all messages together.
    public var byteCount: Int { (0..<entries.count).reduce(0) { $0 + Int(entries[$1].length) } }

    /// The longest payload, bytes.
    public var maximumLength: Int { (0..<entries.count).reduce(0) { max($0, Int(entries[$1].length)) } }

    /// The number of messages that the run's connection with this index sends in one round.
    public func messageCount(forConnection connection: Int) -> Int {
        precondition(connection >= 0, "a connection's index is never negative")
        return share(ofConnection: connection % connectionCount).count
    }

    /// The entries of one connection, never empty. `rank` is its position among the log's sorted connection numbers.
    func share(ofConnection rank: Int) -> Range<Int> {
        Int(starts[rank])..<Int(starts[rank + 1])
    }
}

/// Why a file cannot be replayed: `traffic.jsonl:12: t_us is missing`.
public struct ReplayLogError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file name that was given to the parser.
    public let file: String
    /// The line, from 1; nil if the error concerns the whole file.
    public let line: Int?
    /// What is wrong, as printable text without a full stop.
    public let reason: String

    init(file: String, line: Int?, reason: String) {
        self.file = file
        self.line = line
        self.reason = reason
    }

    public var description: String {
        let place = line.map { ":\($0)" } ?? ""
        return "\(PlanText.printable(file, limit: 300))\(place): \(reason)"
    }
}
