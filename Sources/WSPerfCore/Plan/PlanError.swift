/// What is wrong with a plan: every problem found, each with the key it concerns and the line it stands on.
///
/// ```
/// plan.yaml:7: schedule.intervall: unknown key; did you mean 'interval'?
/// plan.yaml:9: machines: must be from 1 to 10000, not 0
/// ```
public struct PlanError: Error, Sendable, Hashable, CustomStringConvertible {
    public struct Problem: Sendable, Hashable {
        /// The key (`schedule.interval`, `runs[1].instances`) or command-line option (`--interval`) concerned; empty
        /// where it is the whole file.
        public var path: String
        /// The line in the plan file, from 1; nil where the value stands in none.
        public var line: Int?
        /// What is wrong, without a full stop.
        public var message: String
        /// What may have been meant.
        public var suggestion: String?

        public init(path: String, line: Int? = nil, message: String, suggestion: String? = nil) {
            self.path = path
            self.line = line
            self.message = message
            self.suggestion = suggestion
        }
    }

    /// Problems one error lists; what is beyond is only counted.
    public static let limit = 20

    /// The plan file's name; nil where there is no file.
    public var file: String?
    /// At least one and at most `limit`, by line.
    public private(set) var problems: [Problem]
    /// Problems found beyond `limit`.
    public private(set) var omitted: Int

    /// One problem.
    public init(
        _ message: String, at path: String = "", line: Int? = nil, suggestion: String? = nil, inFile file: String? = nil
    ) {
        self.file = file
        problems = [Problem(path: path, line: line, message: message, suggestion: suggestion)]
        omitted = 0
    }

    /// All of `problems`, of which there must be at least one; those said twice count once.
    init(_ problems: [Problem]) {
        var seen: Set<Problem> = []
        let unique = problems.filter { seen.insert($0).inserted }
        let ordered = unique.enumerated().sorted { a, b in
            (a.element.line ?? .max, a.offset) < (b.element.line ?? .max, b.offset)
        }
        self.problems = ordered.prefix(Self.limit).map(\.element)
        omitted = max(0, ordered.count - Self.limit)
    }

    /// The same error, naming the file that the lines are of.
    public func inFile(_ file: String?) -> PlanError {
        var error = self
        error.file = file
        return error
    }

    /// One line for each problem.
    public var description: String {
        var lines = problems.map(line)
        if omitted > 0 { lines.append("… and \(omitted) more") }
        return lines.joined(separator: "\n")
    }

    private func line(_ problem: Problem) -> String {
        var text = ""
        switch (file, problem.line) {
        case (let file?, let line?): text = "\(file):\(line): "
        case (nil, let line?): text = "line \(line): "
        // An option of the command line stands in no file.
        case (let file?, nil): text = problem.path.hasPrefix("--") ? "" : "\(file): "
        case (nil, nil): break
        }
        if !problem.path.isEmpty { text += "\(PlanText.printable(problem.path, limit: 200)): " }
        text += problem.message
        if let suggestion = problem.suggestion { text += "; did you mean '\(suggestion)'?" }
        return text
    }

    /// The candidate that `word` is most likely a misspelling of; nil if it is near none.
    public static func suggestion(for word: String, among candidates: some Sequence<String>) -> String? {
        PlanText.nearest(to: word, among: candidates)
    }
}
