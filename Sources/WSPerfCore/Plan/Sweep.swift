/// The plans in one plan document: one plan, or one for each entry of `runs`.
///
/// Each entry's keys are merged over the rest of the document. A run's name is the `name` of its entry, or else
/// `run-1`, `run-2` and so on.
public struct Sweep: Sendable, Hashable {
    /// At least one plan; all names differ.
    public var plans: [Plan]

    /// The most runs in a sweep.
    public static let limit = 1000

    /// Reads a document with or without `runs`. Throws all errors in all of the plans.
    public init(document: PlanNode) throws(PlanError) {
        let problems = PlanProblems()
        plans = Self.read(document, problems)
        try problems.throwIfAny()
    }

    private static func read(_ document: PlanNode, _ problems: PlanProblems) -> [Plan] {
        guard let runs = document["runs"], !runs.isNull else { return [Plan.read(document, problems)] }
        guard case .sequence(let elements) = runs.content, (1...limit).contains(elements.count) else {
            problems.add(path: "runs", line: runs.line, "expected a list of 1 to \(limit) mappings, one for each run")
            return []
        }
        let base = PlanNode(.mapping(document.entries.filter { $0.key != "runs" }), line: document.line)
            .expandingShorthands(problems)
        var names: Set<String> = []
        return elements.enumerated().compactMap { index, element in
            let path = "runs[\(index)]"
            let run = element.named(path)
            guard case .mapping = run.content else {
                problems.add(
                    path: path, line: run.line,
                    "expected a mapping (key: value), not \(PlanValue(run, path: path, owner: PlanReader(.null)).kind)")
                return nil
            }
            var plan = Plan.read(base.merging(run.expandingShorthands(problems)), problems)
            if run["name"]?.isNull ?? true { plan.name = "run-\(index + 1)" }
            if !names.insert(plan.name).inserted {
                problems.add(
                    path: "\(path).name", line: run["name"]?.line ?? run.line,
                    "two runs have the name \(PlanText.quoted(plan.name))")
            }
            return plan
        }
    }
}

extension PlanNode {
    /// This node and everything below it, named after their places under `path` in errors.
    public func named(_ path: String) -> PlanNode {
        var node = self
        node.origin = origin ?? path
        switch content {
        case .null, .scalar: break
        case .sequence(let elements):
            node.content = .sequence(elements.enumerated().map { $1.named("\(path)[\($0)]") })
        case .mapping(let entries):
            node.content = .mapping(
                entries.map { Entry(key: $0.key, line: $0.line, value: $0.value.named("\(path).\($0.key)")) })
        }
        return node
    }
}
