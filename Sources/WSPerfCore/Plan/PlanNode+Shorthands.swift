extension PlanNode {
    /// Top-level keys that stand for nested ones.
    static let shorthands = ["interval", "randomized_interval", "message_length"]

    /// The document with its shorthands expanded, as `merging(_:)` needs it: `interval` becomes `schedule.interval`,
    /// `randomized_interval: true` becomes `schedule.kind: randomized`, `message_length` becomes `payload.length`, and
    /// a `client`, `schedule` or `payload` that is a single word becomes its `kind`. Throws if both a key and its
    /// shorthand are given.
    public func expandingShorthands() throws(PlanError) -> PlanNode {
        let problems = PlanProblems()
        let expanded = expandingShorthands(problems)
        try problems.throwIfAny()
        return expanded
    }

    func expandingShorthands(_ problems: PlanProblems) -> PlanNode {
        guard case .mapping(var entries) = content else { return self }
        for index in entries.indices where ["client", "schedule", "payload"].contains(entries[index].key) {
            let value = entries[index].value
            if case .scalar = value.content {
                entries[index].value = PlanNode(
                    .mapping([Entry(key: "kind", line: value.line, value: value)]), line: value.line)
            }
        }
        var document = PlanNode(.mapping(entries), line: line, origin: origin)
        document.move("interval", to: "interval", of: "schedule", problems)
        document.move("message_length", to: "length", of: "payload", problems)
        document.expandRandomizedInterval(problems)
        return document
    }

    /// Moves the top-level `key` under `name` in the mapping `parent`.
    private mutating func move(_ key: String, to name: String, of parent: String, _ problems: PlanProblems) {
        guard case .mapping(var entries) = content, let index = entries.firstIndex(where: { $0.key == key }) else {
            return
        }
        var entry = entries.remove(at: index)
        content = .mapping(entries)
        guard !entry.value.isNull else { return }
        entry.value.origin = entry.value.origin ?? key
        entry.key = name
        insert(entry, into: parent, problems)
    }

    private mutating func expandRandomizedInterval(_ problems: PlanProblems) {
        let key = "randomized_interval"
        guard case .mapping(var entries) = content, let index = entries.firstIndex(where: { $0.key == key }) else {
            return
        }
        let entry = entries.remove(at: index)
        content = .mapping(entries)
        guard !entry.value.isNull else { return }
        let place = entry.value.origin ?? key
        guard case .scalar(let text, quoted: false) = entry.value.content, text == "true" || text == "false" else {
            let value = PlanValue(entry.value, path: key, owner: PlanReader(.null))
            return problems.add(path: place, line: entry.value.line, "expected true or false, not \(value.kind)")
        }
        let isRandomized = text == "true"
        let (randomized, periodic) = (SchedulePlan.Kind.randomized.rawValue, SchedulePlan.Kind.periodic.rawValue)
        if let kind = self["schedule"]?["kind"]?.text {
            if (kind == randomized) != isRandomized, isRandomized || kind == periodic || kind == randomized {
                problems.add(
                    path: place, line: entry.value.line, "contradicts schedule.kind, which is \(PlanText.quoted(kind))")
            }
            return
        }
        let kind = PlanNode(
            .scalar(isRandomized ? randomized : periodic, quoted: false), line: entry.value.line, origin: place)
        insert(Entry(key: "kind", line: entry.line, value: kind), into: "schedule", problems)
    }

    private mutating func insert(_ entry: Entry, into parent: String, _ problems: PlanProblems) {
        guard case .mapping(var entries) = content else { return }
        guard let index = entries.firstIndex(where: { $0.key == parent && !$0.value.isNull }) else {
            entries.removeAll { $0.key == parent }
            entries.append(Entry(key: parent, line: entry.line, value: .mapping([entry])))
            content = .mapping(entries)
            return
        }
        // If it is not a mapping, reading the plan reports that.
        guard case .mapping(var inner) = entries[index].value.content else { return }
        if inner.contains(where: { $0.key == entry.key && !$0.value.isNull }) {
            return problems.add(
                path: entry.value.origin ?? entry.key, line: entry.value.line,
                "given twice: here and as \(parent).\(entry.key)")
        }
        inner.removeAll { $0.key == entry.key }
        inner.append(entry)
        entries[index].value.content = .mapping(inner)
        content = .mapping(entries)
    }
}
