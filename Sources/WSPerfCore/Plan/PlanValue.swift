/// One value of a plan, read as a given type. A value of another type reads as nil, and the problem is recorded for the
/// reader's `finish()`.
public struct PlanValue {
    public let node: PlanNode
    /// The value's name in error messages: `schedule.interval`.
    public let path: String
    let owner: PlanReader

    init(_ node: PlanNode, path: String, owner: PlanReader) {
        self.node = node
        self.path = node.origin ?? path
        self.owner = owner
    }

    /// Records a problem with this value.
    public func report(_ message: String, suggestion: String? = nil) {
        owner.problems.add(path: path, line: node.line, message, suggestion: suggestion)
    }

    /// Any scalar, as text.
    public func string() -> String? {
        guard case .scalar(let text, _) = node.content else {
            report("expected text, not \(kind)")
            return nil
        }
        return text
    }

    /// The path of a file: a scalar that is not empty.
    public func filePath() -> String? {
        guard let path = string() else { return nil }
        guard !path.isEmpty, path.utf8.count < 4096, !path.utf8.contains(0) else {
            report("expected the path of a file, not \(PlanText.quoted(path))")
            return nil
        }
        return path
    }

    /// A whole number within `range`.
    public func integer(in range: ClosedRange<Int> = .min ... .max) -> Int? {
        guard let text = literal("a whole number") else { return nil }
        guard let value = Int(text) else {
            let isWhole = text.dropFirst(text.hasPrefix("-") ? 1 : 0).allSatisfy { $0.isASCII && $0.isWholeNumber }
            if isWhole && !text.isEmpty && text != "-" {
                report(
                    "must be from \(range.lowerBound) to \(range.upperBound), not "
                        + PlanText.printable(text, limit: 40)
                )
            } else {
                report("expected a whole number, not \(PlanText.quoted(text))")
            }
            return nil
        }
        return check(value, in: range, as: \.description)
    }

    /// A whole number from 0 to 2⁶⁴ − 1.
    public func unsigned() -> UInt64? {
        guard let text = literal("a whole number") else { return nil }
        guard let value = UInt64(text) else {
            report("expected a whole number from 0 to \(UInt64.max), not \(PlanText.quoted(text))")
            return nil
        }
        return value
    }

    /// A finite decimal number within `range`.
    public func number(in range: ClosedRange<Double> = -.infinity ... .infinity) -> Double? {
        guard let text = literal("a number") else { return nil }
        guard let value = PlanQuantity.number(text) else {
            report("expected a number, not \(PlanText.quoted(text))")
            return nil
        }
        return check(value, in: range, as: PlanQuantity.text)
    }

    /// `true` or `false`.
    public func boolean() -> Bool? {
        guard let text = literal("true or false") else { return nil }
        switch text {
        case "true": return true
        case "false": return false
        default:
            report("expected true or false, not \(PlanText.quoted(text))")
            return nil
        }
    }

    /// A duration within `range`: `250ms`, `1s`, `2m`, `1.5h`, `10us`, `5ns`, or `0`.
    public func duration(in range: ClosedRange<Duration> = .zero ... .seconds(366 * 24 * 3600)) -> Duration? {
        quantity("a duration such as 250ms, 1s, 2m or 1.5h", in: range, as: PlanQuantity.text) {
            text throws(PlanQuantity.Failure) in try PlanQuantity.duration(text)
        }
    }

    /// Bytes within `range`: `240`, `4KiB`, `1MiB` (powers of 1,024), `64KB`, `1MB` (powers of 1,000).
    public func size(in range: ClosedRange<Int> = 0...1 << 40) -> Int? {
        quantity("a size such as 240, 4KiB or 1MiB", in: range, as: \.description) {
            text throws(PlanQuantity.Failure) in try PlanQuantity.size(text)
        }
    }

    /// Events per second, within `range`: `500/s`, `30/m`, `10/h`.
    public func rate(in range: ClosedRange<Double> = 0...1e12) -> Double? {
        quantity("a rate such as 500/s or 30/m", in: range, as: PlanQuantity.rateText) {
            text throws(PlanQuantity.Failure) in try PlanQuantity.rate(text)
        }
    }

    /// One of the words of `Choice`.
    public func choice<Choice: RawRepresentable & CaseIterable>(of type: Choice.Type = Choice.self) -> Choice?
    where Choice.RawValue == String {
        let words = Choice.allCases.map(\.rawValue)
        guard case .scalar(let text, _) = node.content else {
            report("expected \(PlanText.list(words)), not \(kind)")
            return nil
        }
        guard let choice = Choice(rawValue: text) else {
            report(
                "expected \(PlanText.list(words)), not \(PlanText.quoted(text))",
                suggestion: PlanText.nearest(to: text, among: words))
            return nil
        }
        return choice
    }

    /// A reader of the mapping's keys. `finish()` reports the keys that nobody asks for as unknown.
    public func mapping() -> PlanReader? {
        guard case .mapping = node.content else {
            report("expected a mapping (key: value), not \(kind)\(intendedMapping.map { ": write \($0)" } ?? "")")
            return nil
        }
        return owner.child(node, path: path)
    }

    /// The intended mapping if the user wrote a list such as `[{kind: periodic}, {interval: 1s}]`, in its correct form.
    private var intendedMapping: String? {
        guard case .sequence(let elements) = node.content, !elements.isEmpty else { return nil }
        var words: [String] = []
        for element in elements {
            guard case .mapping(let entries) = element.content else { return "{key: value, …}" }
            for entry in entries {
                guard words.count < 4 else { break }
                if case .scalar(let text, quoted: false) = entry.value.content {
                    words.append(PlanText.printable("\(entry.key): \(text)", limit: 40))
                } else {
                    words.append(PlanText.printable("\(entry.key): …", limit: 40))
                }
            }
        }
        return "{\(words.joined(separator: ", "))}, or each key on its own line without '- '"
    }

    /// The elements of a list with at most `limit` elements.
    public func list(limit: Int = 100_000) -> [PlanValue]? {
        guard case .sequence(let elements) = node.content else {
            report("expected a list, not \(kind)")
            return nil
        }
        guard elements.count <= limit else {
            report("has \(elements.count) entries; at most \(limit) are allowed")
            return nil
        }
        return elements.enumerated().map { PlanValue($1, path: "\(path)[\($0)]", owner: owner) }
    }

    // MARK: -

    /// A description of the node, for "expected …, not …".
    var kind: String {
        switch node.content {
        case .null: "nothing"
        case .scalar(let text, _): PlanText.quoted(text)
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// An unquoted scalar's text.
    private func literal(_ expected: String) -> String? {
        switch node.content {
        case .scalar(let text, quoted: false): return text
        case .scalar(let text, quoted: true):
            report(
                "expected \(expected), not the text \"\(PlanText.printable(text, limit: 60))\" (write it without "
                    + "quotes)"
            )
        default: report("expected \(expected), not \(kind)")
        }
        return nil
    }

    private func quantity<Value: Comparable>(
        _ expected: String, in range: ClosedRange<Value>, as text: (Value) -> String,
        _ parse: (String) throws(PlanQuantity.Failure) -> Value
    ) -> Value? {
        guard case .scalar(let written, _) = node.content else {
            report("expected \(expected), not \(kind)")
            return nil
        }
        do throws(PlanQuantity.Failure) {
            return check(try parse(written), in: range, as: text)
        } catch {
            report(error.message)
            return nil
        }
    }

    private func check<Value: Comparable>(
        _ value: Value, in range: ClosedRange<Value>, as text: (Value) -> String
    ) -> Value? {
        guard range.contains(value) else {
            report("must be from \(text(range.lowerBound)) to \(text(range.upperBound)), not \(text(value))")
            return nil
        }
        return value
    }
}
