/// Everything wrong with a plan: each problem has its key and its line.
///
/// ```
/// plan.yaml:7: schedule.intervall: unknown key; did you mean 'interval'?
/// plan.yaml:9: machines: must be from 1 to 10000, not 0
/// ```
public struct PlanError: Error, Sendable, Hashable, CustomStringConvertible {
    public struct Problem: Sendable, Hashable {
        /// The key (`schedule.interval`, `runs[1].instances`) or command-line option (`--interval`); empty if the
        /// problem concerns the whole file.
        public var path: String
        /// The line in the plan file, from 1; nil if the value is not in a file.
        public var line: Int?
        /// What is wrong, without a full stop.
        public var message: String
        /// The word that the user probably meant.
        public var suggestion: String?

        public init(path: String, line: Int? = nil, message: String, suggestion: String? = nil) {
            self.path = path
            self.line = line
            self.message = message
            self.suggestion = suggestion
        }
    }

    /// The most problems that one error lists; the others are only counted.
    public static let limit = 20

    /// The plan file's name; nil if there is no file.
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

    /// Lists `problems`, which must not be empty; duplicates count once.
    init(_ problems: [Problem]) {
        var seen: Set<Problem> = []
        let unique = problems.filter { seen.insert($0).inserted }
        let ordered = unique.enumerated().sorted { a, b in
            (a.element.line ?? .max, a.offset) < (b.element.line ?? .max, b.offset)
        }
        self.problems = ordered.prefix(Self.limit).map(\.element)
        omitted = max(0, ordered.count - Self.limit)
    }

    /// The same error with the name of the plan file.
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
        // A command-line option is in no file.
        case (let file?, nil): text = problem.path.hasPrefix("--") ? "" : "\(file): "
        case (nil, nil): break
        }
        if !problem.path.isEmpty { text += "\(PlanText.printable(problem.path, limit: 200)): " }
        text += problem.message
        if let suggestion = problem.suggestion { text += "; did you mean '\(suggestion)'?" }
        return text
    }

    /// The candidate that is most like `word`; nil if none is close.
    public static func suggestion(for word: String, among candidates: some Sequence<String>) -> String? {
        PlanText.nearest(to: word, among: candidates)
    }
}
