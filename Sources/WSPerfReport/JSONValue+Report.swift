import WSPerfCore

extension JSONValue {
    /// Nanoseconds as milliseconds, exactly.
    static func milliseconds(_ nanoseconds: UInt64) -> JSONValue { .number(Double(nanoseconds) / 1e6) }

    /// Nanoseconds as milliseconds, rounded to the nanosecond.
    static func milliseconds(rounding nanoseconds: Double) -> JSONValue { .number(nanoseconds.rounded() / 1e6) }

    /// Nanoseconds as seconds, exactly.
    static func seconds(_ nanoseconds: UInt64) -> JSONValue { .number(Double(nanoseconds) / 1e9) }

    /// A distribution of nanoseconds in milliseconds, on one line.
    static func distribution(_ histogram: Histogram) -> JSONValue {
        func value(_ nanoseconds: UInt64?) -> JSONValue { nanoseconds.map { milliseconds($0) } ?? .null }
        func value(rounding nanoseconds: Double?) -> JSONValue {
            nanoseconds.map { milliseconds(rounding: $0) } ?? .null
        }
        return .line(
            .object([
                ("count", .unsigned(histogram.count)),
                ("min", value(histogram.min)),
                ("mean", value(rounding: histogram.mean)),
                ("stddev", value(rounding: histogram.standardDeviation)),
                ("p50", value(histogram.percentile(50))),
                ("p90", value(histogram.percentile(90))),
                ("p95", value(histogram.percentile(95))),
                ("p99", value(histogram.percentile(99))),
                ("p999", value(histogram.percentile(99.9))),
                ("max", value(histogram.max)),
            ]))
    }

    /// Outcomes by name.
    static func outcomes(_ outcomes: [Outcome: UInt64]) -> JSONValue {
        .object(
            outcomes.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { ($0.key.rawValue, .unsigned($0.value)) })
    }

    /// The value, or null.
    static func optional(_ value: Int32?) -> JSONValue { value.map { .integer(Int64($0)) } ?? .null }

    /// The value, or null.
    static func optional(_ value: UInt64?) -> JSONValue { value.map { .unsigned($0) } ?? .null }

    /// The value, rounded to three decimals, or null.
    static func optional(rounding value: Double?) -> JSONValue {
        value.map { .number(($0 * 1000).rounded() / 1000) } ?? .null
    }
}

extension PlanNode {
    /// The plan as part of a JSON document. Numbers and booleans without quotes stay numbers and booleans; other
    /// scalars become strings.
    var jsonValue: JSONValue {
        switch content {
        case .null: .null
        case .scalar(let text, quoted: false) where Content.isLiteral(text): .verbatim(text)
        case .scalar(let text, _): .string(text)
        case .sequence(let nodes): .array(nodes.map(\.jsonValue))
        case .mapping(let entries): .object(entries.map { ($0.key, $0.value.jsonValue) })
        }
    }
}
