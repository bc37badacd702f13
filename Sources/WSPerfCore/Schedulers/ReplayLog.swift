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
        /// Where the payload begins in the log's data; `noData` if it was not recorded.
        var place: UInt64
        var length: UInt32
        var writing: RecordedWriting
        private var isBinary: Bool

        static let noData = UInt64.max

        init(offset: Int64, length: UInt32, place: UInt64, writing: RecordedWriting, kind: MessageKind) {
            self.offset = offset
            self.place = place
            self.length = length
            self.writing = writing
            isBinary = kind == .binary
        }

        var kind: MessageKind { isBinary ? .binary : .text }
    }

    /// The connections of a run whose messages a log keeps. Figures cover all messages anyway.
    enum Share: Hashable, Sendable {
        case all
        /// Those with these indices.
        case connections(Range<Int>)
        /// Only figures.
        case none

        /// Whether it has a connection of the run that plays the log's connection `rank`.
        func contains(_ rank: Int, of count: Int) -> Bool {
            switch self {
            case .all: true
            case .none: false
            case .connections(let range):
                // The first one at or after the range's beginning.
                range.lowerBound + (rank - range.lowerBound % count + count) % count < range.upperBound
            }
        }
    }

    /// The largest size of a log, bytes.
    public static let maximumSize = 64 << 30
    /// The largest size of one line, bytes.
    public static let maximumLineLength = 16 << 20

    /// The messages of the share, by connection and then by time.
    let entries: SharedArray<Entry>
    /// The recorded payloads of the share, concatenated; or the whole file, mapped.
    let data: SharedArray<UInt8>
    /// Where each connection's entries begin; the last value is where the last connection's entries end.
    private let starts: SharedArray<UInt32>
    /// The number of messages of each connection.
    private let counts: SharedArray<UInt32>
    /// From the earliest message to the latest, nanoseconds.
    let span: Int64
    /// The number of messages to send, over all connections.
    public let messageCount: Int
    /// The payload bytes of all messages together.
    public let byteCount: Int
    /// The longest payload, bytes.
    public let maximumLength: Int

    /// Parses a log. Error messages use `name` for the file.
    public convenience init(parsing bytes: [UInt8], name: String) throws(ReplayLogError) {
        try self.init(.memory(SharedArray(bytes), isMapped: false), name: name, share: .all)
    }

    /// Reads the text once for its figures, and once more for the messages of the share. So nothing else is held.
    init(_ source: ReplayLogSource, name: String, share: Share) throws(ReplayLogError) {
        guard source.size <= Self.maximumSize else {
            throw ReplayLogError(file: name, line: nil, reason: "longer than \(Self.maximumSize >> 30) GiB")
        }
        let figures = try ReplayLogFigures(source, name: name)
        span = (figures.latest - figures.earliest) * 1000
        (messageCount, byteCount, maximumLength) = (figures.messages, figures.bytes, figures.longest)

        let numbers = figures.connections.keys.sorted()
        let counts = numbers.map { figures.connections[$0] ?? 0 }
        var ranks: [Int64: Int] = [:]
        var starts = [UInt32](repeating: 0, count: numbers.count + 1)
        for (rank, number) in numbers.enumerated() {
            let isOwn = share.contains(rank, of: numbers.count)
            if isOwn { ranks[number] = rank }
            starts[rank + 1] = starts[rank] + (isOwn ? counts[rank] : 0)
        }
        let filling = try ReplayLogFilling(
            source, name: name, ranks: ranks, starts: starts, earliest: figures.earliest)
        var entries = filling.entries
        for rank in ranks.values { Self.sort(&entries, in: Int(starts[rank])..<Int(starts[rank + 1])) }
        self.entries = SharedArray(entries)
        self.starts = SharedArray(starts)
        self.counts = SharedArray(counts)
        if case .memory(let bytes, isMapped: true) = source, filling.hasData {
            data = bytes
        } else {
            data = SharedArray(filling.data)
        }
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
    /// The number of distinct connections in the log, at least 1.
    public var connectionCount: Int { counts.count }

    /// Time from the log's earliest message to its latest.
    public var duration: Duration { .nanoseconds(span) }

    /// The number of messages that the run's connection with this index sends in one round.
    public func messageCount(forConnection connection: Int) -> Int {
        precondition(connection >= 0, "a connection's index is never negative")
        return Int(counts[connection % connectionCount])
    }

    /// The entries of one connection; empty if it is not in the log's share. `rank` is its position among the log's sorted
    /// connection numbers.
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
