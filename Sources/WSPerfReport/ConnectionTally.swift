public import WSPerfCore

/// Connections and what they came to. Once a report is made of it, the outcomes add up to `planned`.
public struct ConnectionTally: Sendable, Hashable {
    /// Connections that were to be opened.
    public var planned: UInt64
    /// What they came to; no count is 0.
    public var outcomes: [Outcome: UInt64]

    /// Those that did all they were planned to do.
    public var succeeded: UInt64 { outcomes[.succeeded] ?? 0 }

    /// Outcomes from the most to the least frequent, `succeeded` first of all.
    var ranked: [(outcome: Outcome, count: UInt64)] {
        outcomes.map { (outcome: $0.key, count: $0.value) }.sorted { a, b in
            if (a.outcome == .succeeded) != (b.outcome == .succeeded) { return a.outcome == .succeeded }
            return a.count != b.count ? a.count > b.count : a.outcome < b.outcome
        }
    }
}
