internal import WSPerfCore

/// Identities and names of the controller's peers.
enum PeerIdentity {
    /// Whether `text` can be an identity: 1 to 96 characters of `A-Z a-z 0-9 . _ -`. A topic contains it without
    /// escaping.
    static func isValid(_ text: String) -> Bool {
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

    /// A new, unique identity: the prefix and 64 random bits.
    static func random(prefix: String = "") -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return prefix + String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// A peer's name for display: printable, on one line, never empty.
    static func displayName(_ text: String) -> String {
        let name = PlanText.printable(text, limit: FleetLimits.name)
        return name.isEmpty ? "unnamed" : name
    }
}
