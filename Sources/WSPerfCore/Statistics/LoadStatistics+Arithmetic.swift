extension LoadStatistics {
    /// Adds all that `other` counted. Exact, and the same in whatever order and grouping it is done.
    public mutating func merge(_ other: LoadStatistics) {
        for field in Self.counters { self[keyPath: field] &+= other[keyPath: field] }
        for (outcome, count) in other.outcomes { outcomes[outcome, default: 0] &+= count }
        for (outcome, count) in other.interruptions { interruptions[outcome, default: 0] &+= count }
        for field in Self.distributions { self[keyPath: field].merge(other[keyPath: field]) }
    }

    /// Adds all that `b` counted, as `merge(_:)` does.
    public static func += (a: inout LoadStatistics, b: LoadStatistics) { a.merge(b) }

    /// Sets everything to nothing and keeps the storage of histograms and outcomes.
    public mutating func reset() {
        for field in Self.counters { self[keyPath: field] = 0 }
        outcomes.removeAll(keepingCapacity: true)
        interruptions.removeAll(keepingCapacity: true)
        for field in Self.distributions { self[keyPath: field].reset() }
    }

    /// True if nothing was counted, not even processor time.
    public var isEmpty: Bool {
        Self.counters.allSatisfy { self[keyPath: $0] == 0 } && outcomes.values.allSatisfy { $0 == 0 }
            && interruptions.values.allSatisfy { $0 == 0 }
            && Self.distributions.allSatisfy { self[keyPath: $0].isEmpty }
    }

    /// Connections that have come to their outcome: the sum of `outcomes`.
    public var accounted: UInt64 { outcomes.values.reduce(0, &+) }

    /// Every counter, in the order in which they are written (see Docs/WireProtocol.md, "Snapshot body").
    static let counters: [any WritableKeyPath<LoadStatistics, UInt64> & Sendable] = [
        \.started, \.opened, \.ended,
        \.sent, \.received, \.unanswered, \.unexpected, \.late, \.untimed, \.blocked,
        \.bytesSent, \.bytesReceived,
        \.cpuUser, \.cpuSystem,
    ]

    /// Every distribution, in the order in which they are written.
    static let distributions: [any WritableKeyPath<LoadStatistics, Histogram> & Sendable] = [
        \.dns, \.tcpConnect, \.tls, \.upgrade, \.handshake, \.rttResponse, \.rttService, \.sendLag,
    ]
}
