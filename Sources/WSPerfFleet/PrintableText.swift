/// Text that came from elsewhere, made fit to print: bounded, and without anything a terminal would act on.
enum PrintableText {
    /// At most `limit` characters of `text`; everything but printable characters is escaped (`\n`, `\u{1b}`). Line breaks
    /// are kept where `lines` allows them.
    static func of(_ text: String, limit: Int, lines: Bool = false) -> String {
        var result = ""
        var count = 0
        for scalar in text.unicodeScalars {
            guard count < limit else { return result + "…" }
            count += 1
            switch scalar.properties.generalCategory {
            case .control where lines && scalar == "\n":
                result.unicodeScalars.append(scalar)
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
                result += scalar.escaped(asASCII: true)
            default:
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// A peer's name for people: never empty, one line.
    static func name(_ text: String) -> String {
        let name = of(text, limit: FleetLimits.name)
        return name.isEmpty ? "unnamed" : name
    }

    /// Whether `text` may be an identity: 1 to 96 of `A-Z a-z 0-9 . _ -`, so that it can stand in a topic as it is.
    static func isIdentity(_ text: String) -> Bool {
        let utf8 = text.utf8
        return !utf8.isEmpty && utf8.count <= 96
            && utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// A new identity that no one else has: the prefix and 64 random bits.
    static func newIdentity(_ prefix: String) -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return prefix + String(repeating: "0", count: 16 - digits.count) + digits
    }
}
