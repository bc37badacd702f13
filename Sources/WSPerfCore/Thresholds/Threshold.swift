/// A limit for a figure of a run: `response.p99 < 50ms`. A run that does not keep it has failed, however well it was
/// measured.
///
/// ```swift
/// plan.thresholds = [try Threshold("connections.succeeded >= 99.9 %"), try Threshold("response.p99 < 50ms")]
/// let result = try await LoadEngine(plan: plan).run()
/// for check in result.checks(of: plan) where !check.isMet { print(check) }
/// ```
public struct Threshold: Sendable, Hashable, CustomStringConvertible {
    enum Comparison: String, Sendable, Hashable, CaseIterable {
        // Longer ones first, because they begin like the shorter ones.
        case atMost = "<="
        case atLeast = ">="
        case equal = "=="
        case unequal = "!="
        case below = "<"
        case above = ">"

        func holds(_ value: Double, _ limit: Double) -> Bool {
            switch self {
            case .atMost: value <= limit
            case .atLeast: value >= limit
            case .equal: value == limit
            case .unequal: value != limit
            case .below: value < limit
            case .above: value > limit
            }
        }
    }

    public let figure: Figure
    let comparison: Comparison
    /// In the figure's unit, or in percent.
    let limit: Double
    let isPercentage: Bool
    /// The limit as it was written.
    private let limitText: String
    /// Whether a run that does not keep it ends its load early.
    public let aborts: Bool
    /// The time from the start of the load before which it does not end the run, because figures of a few messages mean
    /// little.
    public let grace: Duration

    /// `FIGURE < LIMIT`, also with `<=`, `>`, `>=`, `==` and `!=`. A time has a unit (`50ms`), a rate is per time (`1/s`),
    /// bytes may have a unit (`4MiB`). A number of connections or of messages may be in percent of the planned connections
    /// or of the sent messages (`99.9 %`).
    ///
    /// - Throws: If the text has another form, there is no such figure, or its limit has another unit. With `aborts`, if
    ///   the figure is a total with a lower limit, because such a total is too small until the end of each run.
    public init(_ text: String, aborts: Bool = false, grace: Duration = .zero) throws(PlanError) {
        self = try Self.parse(text, aborts: aborts, grace: grace)
    }

    private init(
        _ figure: Figure, _ comparison: Comparison, limit: Double, isPercentage: Bool, text: String, aborts: Bool,
        grace: Duration
    ) {
        self.figure = figure
        self.comparison = comparison
        self.limit = limit
        self.isPercentage = isPercentage
        limitText = text
        self.aborts = aborts
        self.grace = grace
    }

    /// As it is written in a plan.
    public var description: String { "\(figure) \(comparison.rawValue) \(limitText)" }

    /// Compares the figure's value.
    public func check(_ figures: RunFigures) -> ThresholdCheck {
        var value = figure.value(in: figures)
        if isPercentage, let part = value { value = figure.whole(in: figures).map { part / $0 * 100 } }
        return ThresholdCheck(threshold: self, value: value)
    }

    // MARK: Reading

    private static func parse(_ text: String, aborts: Bool, grace: Duration) throws(PlanError) -> Threshold {
        func fail(_ message: String, suggestion: String? = nil) -> PlanError {
            PlanError([PlanError.Problem(path: "", line: nil, message: message, suggestion: suggestion)])
        }
        guard text.utf8.count <= 200,
            let start = text.firstIndex(where: { "<>=!".contains($0) }),
            let comparison = Comparison.allCases.first(where: { text[start...].hasPrefix($0.rawValue) })
        else {
            throw fail("expected a threshold such as 'response.p99 < 50ms', not \(PlanText.quoted(text))")
        }
        func trimmed(_ part: Substring) -> String {
            let front = part.drop { $0 == " " }
            return String(front.reversed().drop { $0 == " " }.reversed())
        }
        let name = trimmed(text[..<start])
        let value = trimmed(text[start...].dropFirst(comparison.rawValue.utf8.count))
        let figure: Figure
        do throws(Figure.Unknown) {
            figure = try Figure(name)
        } catch {
            throw fail("there is no figure \(PlanText.quoted(name))", suggestion: error.near)
        }
        let (limit, isPercentage): (Double, Bool)
        do throws(PlanQuantity.Failure) {
            (limit, isPercentage) = try Self.limit(value, for: figure)
        } catch {
            throw fail("the limit of \(figure.path): \(error.message)")
        }
        let isLower = comparison == .atLeast || comparison == .above || comparison == .equal
        if aborts, figure.isTotal, isLower {
            throw fail("\(figure.path) grows until the end, so only an upper limit (< or <=) of it can abort a run")
        }
        return Threshold(
            figure, comparison, limit: limit, isPercentage: isPercentage, text: value, aborts: aborts, grace: grace)
    }

    private static func limit(
        _ text: String, for figure: Figure
    ) throws(PlanQuantity.Failure) -> (limit: Double, isPercentage: Bool) {
        func number(_ text: String, _ expected: String) throws(PlanQuantity.Failure) -> Double {
            guard let value = PlanQuantity.number(text), value >= 0 else {
                throw PlanQuantity.Failure(message: "expected \(expected), not \(PlanText.quoted(text))")
            }
            return value
        }
        if text.hasSuffix("%") {
            let digits = String(text.dropLast().reversed().drop { $0 == " " }.reversed())
            switch figure.unit {
            case .count(of: .some): return (try number(digits, "a percentage such as 99.9 %"), true)
            case .share: return (try number(digits, "a percentage such as 80 %") / 100, false)
            case .count, .time, .rate, .bytes:
                throw PlanQuantity.Failure(message: "it has no percentage, so \(PlanText.quoted(text)) means nothing")
            }
        }
        switch figure.unit {
        case .time: return (Double(try PlanQuantity.duration(text).nanoseconds), false)
        case .rate: return (try PlanQuantity.rate(text), false)
        case .bytes: return (Double(try PlanQuantity.size(text)), false)
        case .share: return (try number(text, "a share such as 0.8 or 80 %"), false)
        case .count(let whole):
            return (try number(text, "a number" + (whole == nil ? "" : ", or a percentage such as 1 %")), false)
        }
    }
}

extension Threshold {
    /// Reads the list of a plan: texts, or mappings with `check`, `after` and `abort`.
    static func list(reading value: PlanValue) -> [Threshold] {
        var thresholds: [Threshold] = []
        for element in value.node.text == nil ? value.list(limit: 100) ?? [] : [value] {
            let isMapping: Bool
            if case .mapping = element.node.content { isMapping = true } else { isMapping = false }
            let reader = isMapping ? element.mapping() : nil
            reader?.require("check")
            guard let text = isMapping ? reader?.string("check") : element.string() else { continue }
            let aborts = reader?.boolean("abort", default: false) ?? false
            let grace = reader?.duration("after", in: .zero...PlanQuantity.longest) ?? .zero
            do throws(PlanError) {
                thresholds.append(try Threshold(text, aborts: aborts, grace: grace))
            } catch {
                for problem in error.problems { element.report(problem.message, suggestion: problem.suggestion) }
            }
        }
        return thresholds
    }

    var document: PlanNode {
        guard aborts || grace > .zero else { return .string(description) }
        return .mapping(["check": .string(description), "after": .duration(grace), "abort": .boolean(aborts)])
    }
}

/// A threshold and the value that was measured.
public struct ThresholdCheck: Sendable, Hashable, CustomStringConvertible {
    public var threshold: Threshold
    /// In the figure's unit (nanoseconds, per second, bytes), or in percent if the limit is; nil if the run has no such
    /// value.
    public var value: Double?
    /// Whether it ended the load early. Then `value` is what it was at that moment.
    public var endedTheLoad = false

    public init(threshold: Threshold, value: Double?, endedTheLoad: Bool = false) {
        self.threshold = threshold
        self.value = value
        self.endedTheLoad = endedTheLoad
    }

    /// Whether the limit is kept. Without a value, it is not: nothing shows that it is.
    public var isMet: Bool {
        !endedTheLoad && value.map { threshold.comparison.holds($0, threshold.limit) } ?? false
    }

    /// The value with its unit: `43.2ms`, `99.95 %`.
    public var measured: String {
        guard let value else { return "no value" }
        // A value that the limit separates from its rounded form is written in full.
        func decimal(_ scale: Double) -> String {
            let (value, limit) = (value / scale, threshold.limit / scale)
            let isNear = value != limit && (value * 1000).rounded() == (limit * 1000).rounded()
            return isNear ? PlanQuantity.text(value) : Self.decimal(value)
        }
        if threshold.isPercentage { return decimal(1) + " %" }
        switch threshold.figure.unit {
        case .time:
            for (unit, length) in [("s", 1e9), ("ms", 1e6), ("us", 1e3)] where value >= length {
                return decimal(length) + unit
            }
            return decimal(1) + "ns"
        case .rate: return decimal(1) + "/s"
        case .share: return decimal(0.01) + " %"
        case .count, .bytes:
            return UInt64(exactly: value.rounded()).map { PlanText.count($0) } ?? PlanQuantity.text(value)
        }
    }

    /// The value for programs, and its unit: `ms`, `%`, `/s`, `bytes`, or nothing for a number. A share is in percent.
    package var quantity: (value: Double?, unit: String) {
        if threshold.isPercentage { return (value, "%") }
        return switch threshold.figure.unit {
        case .time: (value.map { $0 / 1e6 }, "ms")
        case .rate: (value, "/s")
        case .share: (value.map { $0 * 100 }, "%")
        case .bytes: (value, "bytes")
        case .count: (value, "")
        }
    }

    public var description: String { "\(threshold): \(measured), \(isMet ? "pass" : "FAIL")" }

    /// At most three decimals, without zeros at the end.
    private static func decimal(_ value: Double) -> String {
        // Larger numbers have no decimals to show.
        guard value < 1e12 else { return PlanQuantity.text(value.rounded()) }
        return PlanQuantity.text((value * 1000).rounded() / 1000)
    }
}

extension LoadResult {
    /// The plan's thresholds and the values that this load measured.
    public func checks(of plan: Plan) -> [ThresholdCheck] {
        var figures = RunFigures(statistics: statistics, planned: UInt64(max(0, planned)), load: elapsed)
        figures.elapsed = elapsed
        return plan.thresholds.map { $0.check(figures) }
    }
}
