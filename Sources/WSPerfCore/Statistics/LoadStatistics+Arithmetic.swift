extension LoadStatistics {
    /// Adds all that `other` counted. Exact, and the same in any order and grouping.
    public mutating func merge(_ other: LoadStatistics) {
        for field in Self.fields {
            switch field.storage {
            case .counter(let path): self[keyPath: path] &+= other[keyPath: path]
            case .maximum(let path): self[keyPath: path] = max(self[keyPath: path], other[keyPath: path])
            case .outcomes(let path):
                for (outcome, count) in other[keyPath: path] { self[keyPath: path][outcome, default: 0] &+= count }
            case .histogram(let path): self[keyPath: path].merge(other[keyPath: path])
            }
        }
        addUnknown(other.unknownFields)
    }

    /// Adds all that `b` counted, as `merge(_:)` does.
    public static func += (a: inout LoadStatistics, b: LoadStatistics) { a.merge(b) }

    /// Clears everything and keeps the storage of histograms and outcomes.
    public mutating func reset() {
        for field in Self.fields {
            switch field.storage {
            case .counter(let path), .maximum(let path): self[keyPath: path] = 0
            case .outcomes(let path): self[keyPath: path].removeAll(keepingCapacity: true)
            case .histogram(let path): self[keyPath: path].reset()
            }
        }
        unknownFields = []
    }

    /// True if nothing was counted, not even processor time, and nothing was left out.
    public var isEmpty: Bool {
        unknownFields.isEmpty && Self.fields.allSatisfy { isEmpty($0) }
    }

    func isEmpty(_ field: Field) -> Bool {
        switch field.storage {
        case .counter(let path), .maximum(let path): self[keyPath: path] == 0
        case .outcomes(let path): self[keyPath: path].values.allSatisfy { $0 == 0 }
        case .histogram(let path): self[keyPath: path].isEmpty
        }
    }

    /// Connections that have their outcome: the sum of `outcomes`.
    public var accounted: UInt64 { outcomes.values.reduce(0, &+) }

    /// The most names that `unknownFields` holds.
    public static let unknownFieldLimit = 20

    /// Always keeps the first names in alphabetical order, so that the result does not depend on the order of merging.
    mutating func addUnknown(_ names: Set<String>) {
        guard !names.isEmpty else { return }
        unknownFields.formUnion(names)
        guard unknownFields.count > Self.unknownFieldLimit else { return }
        unknownFields = Set(unknownFields.sorted().prefix(Self.unknownFieldLimit))
    }
}

extension LoadStatistics {
    /// The share of their time that the event loops did not spend waiting, 0 … 1; nil if not known.
    public var loopUtilisation: Double? {
        loopTime > 0 ? min(1, Double(loopBusy) / Double(loopTime)) : nil
    }

    /// The share of their time that the event loops had a processor, 0 … 1; nil if not known. Less than
    /// `loopUtilisation` if something else had the processors.
    public var loopCPUShare: Double? {
        loopTime > 0 ? min(1, Double(loopCPU) / Double(loopTime)) : nil
    }

    /// Whether more than one reply in a thousand has no round-trip time, so that the times don't cover all replies.
    public var leavesOutReplies: Bool { untimed > (rttResponse.count &+ untimed) / 1000 }
}
