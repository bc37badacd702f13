/// Why a file is not a log that can be replayed: `traffic.jsonl:12: t_us is missing`.
public struct ReplayLogError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file, as it was named to the parser.
    public let file: String
    /// The line, from 1; nil where it is the whole file.
    public let line: Int?
    /// What is wrong, without a full stop; printable text.
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
