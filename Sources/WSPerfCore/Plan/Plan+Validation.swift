// A plan made in code must pass the same checks as a plan from a file.
extension Plan {
    /// The plan as if it came from a plan file: durations in whole nanoseconds, attachments and locations kept. Throws a `PlanError`
    /// that lists all errors, with the same keys and messages as for a plan file.
    func validated() throws(PlanError) -> Plan {
        let problems = PlanProblems()
        for (key, component) in [
            ("client", client), ("schedule", schedule.component), ("payload", payload.component),
        ] {
            // The document lists the options' keys beside `kind`, so options must be a mapping.
            _ = PlanReader(component.options, path: key, problems: problems)
        }
        let document = document
        document.checkShape(path: "", problems)
        try problems.throwIfAny()
        var plan = try Plan(document: document)
        plan.attachments = attachments
        plan.fileLocations = fileLocations
        return plan
    }

    /// The share that an engine of this plan runs. Throws if the plan has no such worker, or if `share` is nil and the
    /// plan has several workers.
    func checked(_ share: WorkerShare?) throws(PlanError) -> WorkerShare {
        let workers = machines * processes
        guard let share else {
            guard workers == 1 else {
                throw PlanError(
                    "\(machines) machines × \(processes) processes are \(workers) workers, but an engine runs one: "
                        + "set both to 1, say which one it is (share: WorkerShare(workerIndex: 0)), or run the plan with "
                        + "a fleet", at: machines > 1 ? "machines" : "processes")
            }
            return WorkerShare()
        }
        guard (0..<workers).contains(share.workerIndex) else {
            throw PlanError(
                "\(share.workerIndex) is not a worker of this plan: machines × processes gives 0 to \(workers - 1)",
                at: "share.workerIndex")
        }
        return share
    }
}

extension PlanNode {
    /// Reports what a file cannot contain: a key that occurs twice, and nesting deeper than `depthLimit`.
    fileprivate func checkShape(path: String, depth: Int = 0, _ problems: PlanProblems) {
        guard depth <= Self.depthLimit else {
            return problems.add(path: path, line: line, "nested deeper than \(Self.depthLimit) levels")
        }
        switch content {
        case .null, .scalar: break
        case .sequence(let elements):
            for (index, element) in elements.enumerated() {
                element.checkShape(path: "\(path)[\(index)]", depth: depth + 1, problems)
            }
        case .mapping(let entries):
            var seen: Set<String> = []
            for entry in entries {
                let place = path.isEmpty ? entry.key : "\(path).\(entry.key)"
                if !seen.insert(entry.key).inserted {
                    problems.add(path: place, line: entry.line, "the key occurs twice")
                }
                entry.value.checkShape(path: place, depth: depth + 1, problems)
            }
        }
    }
}
