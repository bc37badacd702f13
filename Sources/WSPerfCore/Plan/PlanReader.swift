/// Reads the options of a component, or any other mapping of a plan, key by key.
///
/// Reading never throws: a key that is absent, null or invalid reads as nil or as the default, and an invalid value is
/// recorded as a problem. `finish()` throws all problems at once, including keys that nobody asked for.
///
/// ```swift
/// let reader = context.options.reader(at: "schedule")
/// let burst = reader.integer("burst", in: 1...100, default: 2)
/// let pause = reader.duration("pause", default: .seconds(1))
/// try reader.finish()     // plan.yaml:7: schedule.brust: unknown key; did you mean 'burst'?
/// ```
public final class PlanReader {
    /// The mapping's name in error messages; empty for the whole plan.
    public let path: String
    /// The mapping's line in the plan file.
    public let line: Int?
    let node: PlanNode
    let problems: PlanProblems
    /// Keys that were asked for, in that order.
    private(set) var known: [String] = []
    /// The plan whose attached files `file(_:)` returns; without one, it reads this machine's disk.
    var plan: Plan?
    private var acceptsAll = false
    private var children: [PlanReader] = []

    /// Reads `node`, which must be a mapping (or null, which is an empty one).
    public convenience init(_ node: PlanNode, path: String = "") {
        self.init(node, path: path, problems: PlanProblems())
    }

    init(_ node: PlanNode, path: String, problems: PlanProblems) {
        self.node = node
        self.path = node.origin ?? path
        self.line = node.line
        self.problems = problems
        switch node.content {
        case .mapping, .null: break
        case .scalar, .sequence:
            problems.add(
                path: self.path, line: line,
                "expected a mapping (key: value), not \(PlanValue(node, path: path, owner: self).kind)")
        }
    }

    func child(_ node: PlanNode, path: String) -> PlanReader {
        if let child = children.first(where: { $0.path == path }) { return child }
        let child = PlanReader(node, path: path, problems: problems)
        child.plan = plan
        children.append(child)
        return child
    }

    // MARK: Values

    /// The raw value of `key`; nil if it is absent or null. From now on the key counts as known.
    public func value(_ key: String) -> PlanValue? {
        if !known.contains(key) { known.append(key) }
        guard let value = node[key], !value.isNull else { return nil }
        return PlanValue(value, path: path(of: key), owner: self)
    }

    /// Whether `key` has a value that is not null.
    public func has(_ key: String) -> Bool { value(key) != nil }

    public func string(_ key: String) -> String? { value(key)?.string() }

    public func string(_ key: String, default value: String) -> String { string(key) ?? value }

    public func integer(_ key: String, in range: ClosedRange<Int> = .min ... .max) -> Int? {
        value(key)?.integer(in: range)
    }

    public func integer(_ key: String, in range: ClosedRange<Int> = .min ... .max, default value: Int) -> Int {
        integer(key, in: range) ?? value
    }

    public func number(_ key: String, in range: ClosedRange<Double> = -.infinity ... .infinity) -> Double? {
        value(key)?.number(in: range)
    }

    public func number(
        _ key: String, in range: ClosedRange<Double> = -.infinity ... .infinity, default value: Double
    ) -> Double {
        number(key, in: range) ?? value
    }

    public func boolean(_ key: String) -> Bool? { value(key)?.boolean() }

    public func boolean(_ key: String, default value: Bool) -> Bool { boolean(key) ?? value }

    /// See `PlanValue.duration(in:)`.
    public func duration(
        _ key: String, in range: ClosedRange<Duration> = .zero ... .seconds(366 * 24 * 3600)
    ) -> Duration? {
        value(key)?.duration(in: range)
    }

    public func duration(
        _ key: String, in range: ClosedRange<Duration> = .zero ... .seconds(366 * 24 * 3600), default value: Duration
    ) -> Duration {
        duration(key, in: range) ?? value
    }

    /// Bytes; see `PlanValue.size(in:)`.
    public func size(_ key: String, in range: ClosedRange<Int> = 0...1 << 40) -> Int? { value(key)?.size(in: range) }

    public func size(_ key: String, in range: ClosedRange<Int> = 0...1 << 40, default value: Int) -> Int {
        size(key, in: range) ?? value
    }

    /// Events per second; see `PlanValue.rate(in:)`.
    public func rate(_ key: String, in range: ClosedRange<Double> = 0...1e12) -> Double? {
        value(key)?.rate(in: range)
    }

    public func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, default value: Choice) -> Choice
    where Choice.RawValue == String {
        self.value(key)?.choice(of: Choice.self) ?? value
    }

    /// A reader of the mapping under `key`; an empty one if the key is absent.
    public func mapping(_ key: String) -> PlanReader {
        value(key)?.mapping() ?? child(.null, path: path(of: key))
    }

    /// The elements of the list under `key`; empty if the key is absent.
    public func list(_ key: String, limit: Int = 100_000) -> [PlanValue] { value(key)?.list(limit: limit) ?? [] }

    /// The contents of the file that an option names as `{file: PATH}`; nil if the option is absent. Relative paths in
    /// a plan file start from its directory, and the file travels with the plan: for this, use the reader of
    /// `ComponentContext`. Any other value, or a file that cannot be read, is a problem with the key and the line.
    public func file(_ key: String) -> [UInt8]? {
        guard let value = value(key) else { return nil }
        guard let path = value.node.namedFile else {
            report("expected {file: PATH}", at: key)
            return nil
        }
        do throws(PlanError) {
            guard let plan else { return try Plan.read(path, limit: Plan.fileSizeLimit) }
            return try plan.contents(ofFile: path)
        } catch {
            report(error.problems.map(\.message).joined(separator: "; "), at: key)
            return nil
        }
    }

    // MARK: Problems

    /// Records a problem with the value of `key`, or with the whole mapping.
    public func report(_ message: String, at key: String? = nil, suggestion: String? = nil) {
        guard let key else { return problems.add(path: path, line: line, message, suggestion: suggestion) }
        // A value from the command line has no line, even if the rest of its mapping does.
        guard let value = node[key] else {
            // A key that is missing from the whole plan has no line.
            return problems.add(
                path: path(of: key), line: path.isEmpty ? nil : line, message, suggestion: suggestion)
        }
        problems.add(path: value.origin ?? path(of: key), line: value.line, message, suggestion: suggestion)
    }

    /// Records a problem if `key` is missing.
    public func require(_ key: String) {
        if !has(key) { report("missing", at: key) }
    }

    /// Treats every key as known.
    public func acceptAll() { acceptsAll = true }

    /// Throws all problems found in this mapping and in those read with it.
    public func finish() throws(PlanError) {
        findUnknown()
        try problems.throwIfAny()
    }

    /// Records each key that nobody asked for as a problem; `alsoKnown` are further suggestions.
    func findUnknown(alsoKnown: [String] = []) {
        if !acceptsAll {
            for entry in node.entries where !known.contains(entry.key) {
                problems.add(
                    path: entry.value.origin ?? path(of: entry.key), line: entry.line, "unknown key",
                    suggestion: PlanText.nearest(to: entry.key, among: known + alsoKnown))
            }
        }
        for child in children { child.findUnknown() }
    }

    /// The full paths of all keys that were asked for, here and below.
    var knownPaths: [String] { known.map(path) + children.flatMap(\.knownPaths) }

    func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}

/// A reader is used only by the code that made it.
@available(*, unavailable)
extension PlanReader: Sendable {}

/// The problems found so far by a reader and those below it.
final class PlanProblems {
    private(set) var found: [PlanError.Problem] = []

    func add(path: String, line: Int?, _ message: String, suggestion: String? = nil) {
        found.append(PlanError.Problem(path: path, line: line, message: message, suggestion: suggestion))
    }

    func throwIfAny() throws(PlanError) {
        if !found.isEmpty { throw PlanError(found) }
    }
}

@available(*, unavailable)
extension PlanProblems: Sendable {}

extension PlanNode {
    /// A reader of this mapping; error messages call it `path`.
    public func reader(at path: String = "") -> PlanReader { PlanReader(self, path: path) }
}
