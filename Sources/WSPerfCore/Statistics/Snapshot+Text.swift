extension Snapshot {
    /// All figures for people who check what their worker encodes: a line for each field that holds something, in the order
    /// of the encoding. Durations are nanoseconds.
    package var text: String {
        var lines = ["sequence: \(sequence)", "elapsed: \(elapsed)", "final: \(isFinal)"]
        for field in LoadStatistics.fieldsByName where !statistics.isEmpty(field) {
            switch field.storage {
            case .counter(let path), .maximum(let path): lines.append("\(field.name): \(statistics[keyPath: path])")
            case .outcomes(let path):
                let counts = statistics[keyPath: path].sorted { $0.key < $1.key }
                lines.append(
                    "\(field.name): {" + counts.map { "\($0.key.rawValue): \($0.value)" }.joined(separator: ", ") + "}")
            case .histogram(let path): lines.append("\(field.name): {\(statistics[keyPath: path].figures)}")
            }
        }
        for name in statistics.unknownFields.sorted() { lines.append("\(name): not known to this version") }
        return lines.map { $0 + "\n" }.joined()
    }
}

extension Histogram {
    fileprivate var figures: String {
        let buckets = touchedBuckets.filter { self.buckets[$0] > 0 }.map { "\($0): \(self.buckets[$0])" }
        let shown = buckets.prefix(100).joined(separator: ", ") + (buckets.count > 100 ? ", …" : "")
        return "count: \(count), saturated: \(saturated), min: \(lowest), max: \(highest), sum: \(sum), "
            + "sum_of_squares: \(sumOfSquares), buckets: {\(shown)}"
    }
}
