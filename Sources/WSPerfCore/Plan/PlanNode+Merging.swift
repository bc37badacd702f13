extension PlanNode {
    /// This plan document overlaid with `overlay`: mappings are merged key by key, everything else is replaced.
    ///
    /// If keys exclude each other, the overlay's keys win: `payload.length` is replaced as a whole; `rate` in a `ramp`
    /// removes `over`, and the reverse; a `schedule`, `payload` or `client` with another `kind` removes the options of
    /// the previous kind (except the `interval` that periodic and randomized schedules share). Expand the shorthands of
    /// both documents first.
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

    /// The keys of `base` that conflict with those of `overlay`.
    private static func superseded(
        base: PlanNode, overlay: PlanNode, given: Set<String>, at path: String
    ) -> Set<String> {
        if path == "ramp" {
            return given.contains("rate") ? ["over"] : given.contains("over") ? ["rate"] : []
        }
        var dropped: Set<String> = []
        let (standard, options) = stockOptions(of: path)
        guard let standard else { return [] }
        let former = base["kind"]?.text ?? standard
        let kind = overlay["kind"]?.text ?? former
        if kind != former {
            let shared = options(former)?.sharedKeys.intersection(options(kind)?.sharedKeys ?? []) ?? []
            dropped = Set(base.entries.map(\.key)).subtracting(shared)
        }
        if let stock = options(kind) { dropped.formUnion(stock.superseded(in: base, by: overlay, given: given)) }
        return dropped
    }

    /// For a plan key that holds a component: its default kind (nil if the key holds no component), and the options of
    /// the library's kinds.
    private static func stockOptions(
        of key: String
    ) -> (standard: String?, options: (String) -> (any ComponentOptions.Type)?) {
        switch key {
        case "client": (ComponentPlan.stock.kind, { _ in nil })
        case "schedule": (SchedulePlan.Kind.standard.rawValue, { SchedulePlan.Kind(rawValue: $0)?.options })
        case "payload": (PayloadPlan.Kind.standard.rawValue, { PayloadPlan.Kind(rawValue: $0)?.options })
        default: (nil, { _ in nil })
        }
    }
}
