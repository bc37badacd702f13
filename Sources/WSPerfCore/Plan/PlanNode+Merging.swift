extension PlanNode {
    /// This plan document with `overlay`'s keys over it: mappings are merged key by key, everything else is replaced.
    ///
    /// Keys that exclude each other give way to the overlay's: `payload.length` is replaced as a whole, a `ramp` that is
    /// given a `rate` drops `over` and the reverse, a `schedule`, `payload` or `client` of another `kind` drops the options
    /// of the former one (all but the `interval` that periodic and randomized schedules share). Shorthands of both
    /// documents must have been expanded.
    public func merging(_ overlay: PlanNode) -> PlanNode { merging(overlay, at: "") }

    private func merging(_ overlay: PlanNode, at path: String) -> PlanNode {
        guard case .mapping = content, case .mapping = overlay.content, path != "payload.length" else {
            return overlay
        }
        let given = Set(overlay.entries.filter { !$0.value.isNull }.map(\.key))
        let dropped = Self.superseded(base: self, overlay: overlay, given: given, at: path)
        var merged = entries.filter { !dropped.contains($0.key) }
        for entry in overlay.entries {
            guard let index = merged.firstIndex(where: { $0.key == entry.key }) else {
                merged.append(entry)
                continue
            }
            let place = path.isEmpty ? entry.key : "\(path).\(entry.key)"
            let value = merged[index].value.merging(entry.value, at: place)
            merged[index] = Entry(key: entry.key, line: entry.line, value: value)
        }
        return PlanNode(.mapping(merged), line: line, origin: origin)
    }

    /// The keys of `base` that make no sense beside those of `overlay`.
    private static func superseded(
        base: PlanNode, overlay: PlanNode, given: Set<String>, at path: String
    ) -> Set<String> {
        if path == "ramp" {
            return given.contains("rate") ? ["over"] : given.contains("over") ? ["rate"] : []
        }
        guard let standard = ["client": "stock", "schedule": "periodic", "payload": "random"][path] else { return [] }
        let former = base["kind"]?.text ?? standard
        let kind = overlay["kind"]?.text ?? former
        var dropped: Set<String> = []
        if kind != former {
            dropped.formUnion(base.entries.map(\.key))
            if [kind, former].allSatisfy({ $0 == "periodic" || $0 == "randomized" }) { dropped.remove("interval") }
        }
        if path == "schedule", kind == "randomized" {
            if let distribution = overlay["distribution"]?.text,
                distribution != base["distribution"]?.text ?? "exponential"
            {
                dropped.formUnion(["min", "max", "stddev", "unit"])
            }
            if given.contains("interval") { dropped.formUnion(["min", "max"]) }
            if given.contains("min") || given.contains("max") { dropped.insert("interval") }
        }
        if path == "payload", kind == "fixed" {
            if given.contains("data") { dropped.insert("file") }
            if given.contains("file") { dropped.insert("data") }
        }
        return dropped
    }
}
