/// Numbers with a unit, as plans write them.
package enum PlanQuantity {
    /// Why a text is not a valid quantity; completes "key: …".
    package struct Failure: Error { package var message: String }

    /// The longest duration in a plan.
    package static let longest = Duration.seconds(366 * 24 * 3600)
    /// The largest size in a plan, bytes.
    static let largest = 1 << 40

    // MARK: Reading

    /// `250ms`, `1s`, `2m`, `1.5h`, `10us`, `5ns`, or `0`.
    package static func duration(_ text: String) throws(Failure) -> Duration {
        guard let (number, unit) = split(text) else {
            throw Failure(
                message: "expected a duration such as 250ms, 1s, 2m or 1.5h, not \(PlanText.quoted(text))")
        }
        guard !unit.isEmpty else {
            if number.mantissa == 0 { return .zero }
            throw Failure(message: "a duration needs its unit: write \(text)s or \(text)ms, not \(text)")
        }
        guard let nanoseconds = durationUnits[unit] else {
            throw Failure(
                message: "\(PlanText.quoted(unit)) is not a unit of time: write ns, us, ms, s, m or h")
        }
        if number.isNegative && number.mantissa != 0 { throw Failure(message: "must not be negative, not \(text)") }
        let (quotient, remainder) = (number.mantissa * nanoseconds).quotientAndRemainder(dividingBy: number.divisor)
        guard remainder == 0 else { throw Failure(message: "\(text) is finer than a nanosecond") }
        guard quotient <= Int128(longest.nanoseconds) else {
            throw Failure(message: "must be at most 8784h (366 days), not \(text)")
        }
        return .nanoseconds(Int64(quotient))
    }

    /// Bytes: `240`, `4KiB`, `1MiB`, `1GiB` (powers of 1,024), `4KB`, `1MB`, `1GB` (powers of 1,000), `16B`.
    static func size(_ text: String) throws(Failure) -> Int {
        guard let (number, unit) = split(text) else {
            throw Failure(message: "expected a size such as 240, 4KiB or 1MiB, not \(PlanText.quoted(text))")
        }
        guard let bytes = sizeUnits[unit] else {
            if let letter = unit.first, unit.count == 1, "kKmMgG".contains(letter) {
                let (upper, digits) = (letter.uppercased(), text.dropLast())
                throw Failure(
                    message: "write \(digits)\(upper)iB (powers of 1,024) or \(digits)\(upper)B (powers of 1,000), not "
                        + PlanText.quoted(text))
            }
            throw Failure(
                message: "\(PlanText.quoted(unit)) is not a unit of size: write B, KiB, MiB, GiB, KB, MB or GB")
        }
        if number.isNegative && number.mantissa != 0 { throw Failure(message: "must not be negative, not \(text)") }
        let (quotient, remainder) = (number.mantissa * bytes).quotientAndRemainder(dividingBy: number.divisor)
        guard remainder == 0 else { throw Failure(message: "\(text) is not a whole number of bytes") }
        guard quotient <= Int128(largest) else { throw Failure(message: "must be at most 1024GiB, not \(text)") }
        return Int(quotient)
    }

    /// Per second: `500/s`, `30/m`, `0.5/s`, `10/h`.
    static func rate(_ text: String) throws(Failure) -> Double {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let amount = number(String(parts[0])), amount.isFinite else {
            throw Failure(message: "expected a rate such as 500/s or 30/m, not \(PlanText.quoted(text))")
        }
        guard parts.count == 2 else {
            throw Failure(message: "a rate needs its unit: write \(text)/s, not \(text)")
        }
        guard let seconds = ["s": 1.0, "m": 60, "h": 3600][String(parts[1])] else {
            throw Failure(message: "expected a rate such as 500/s or 30/m, not \(PlanText.quoted(text))")
        }
        return amount / seconds
    }

    /// A decimal number. Rejects the words and hexadecimal digits that `Double` also accepts.
    static func number(_ text: String) -> Double? {
        guard text.utf8.count <= 40,
            text.utf8.allSatisfy({ ($0 >= 48 && $0 <= 57) || [43, 45, 46, 69, 101].contains($0) }),
            let value = Double(text), value.isFinite
        else { return nil }
        return value
    }

    /// Whether `text` is a number in JSON's grammar (RFC 8259 §6).
    package static func isJSONNumber(_ text: some Collection<UInt8>) -> Bool {
        var scanner = JSONScanner(Array(text))
        do throws(JSONScanner.Failure) {
            _ = try scanner.number()
            return scanner.position == scanner.end
        } catch {
            return false
        }
    }

    // MARK: Writing

    package static func text(_ value: Duration) -> String {
        // A negative duration of less than a nanosecond is still negative.
        let nanoseconds = value < .zero ? min(value.nanoseconds, -1) : value.nanoseconds
        for (unit, length) in [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000)] as [(String, Int64)]
        where nanoseconds % length == 0 {
            return "\(nanoseconds / length)\(unit)"
        }
        return "\(nanoseconds)ns"
    }

    package static func text(_ value: Double) -> String {
        let text = "\(value)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    static func rateText(_ perSecond: Double) -> String { text(perSecond) + "/s" }

    // MARK: -

    private static let durationUnits: [String: Int128] = [
        "ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000,
        "h": 3_600_000_000_000,
    ]

    private static let sizeUnits: [String: Int128] = [
        "": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "KB": 1000, "kB": 1000, "MB": 1_000_000,
        "GB": 1_000_000_000,
    ]

    /// A decimal number as an exact fraction: `1.5` is 15 / 10.
    private struct Fraction {
        var isNegative = false
        var mantissa: Int128 = 0
        var divisor: Int128 = 1
    }

    /// The number at the start, and the rest. nil if there is no number, or if it has more digits than `Int64.max`,
    /// which has 19.
    private static func split(_ text: String) -> (Fraction, unit: String)? {
        var fraction = Fraction()
        var rest = text[...]
        if rest.first == "-" {
            fraction.isNegative = true
            rest = rest.dropFirst()
        }
        var digits = 0
        var afterPoint = -1
        while let character = rest.first {
            if let digit = character.isASCII ? character.wholeNumberValue : nil {
                digits += 1
                guard digits <= 19 else { return nil }
                fraction.mantissa = fraction.mantissa * 10 + Int128(digit)
                if afterPoint >= 0 {
                    afterPoint += 1
                    fraction.divisor *= 10
                }
            } else if character == ".", afterPoint < 0, digits > 0 {
                afterPoint = 0
            } else {
                break
            }
            rest = rest.dropFirst()
        }
        guard digits > 0, afterPoint != 0 else { return nil }
        return (fraction, String(rest.drop { $0 == " " }))
    }
}

extension Duration {
    /// Whole nanoseconds, clamped to the range of `Int64`.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflow2) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflow || overflow2 ? (seconds < 0 ? .min : .max) : sum
    }

    var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
