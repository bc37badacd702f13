internal import CLinux
internal import Glibc

/// Consecutive IP addresses, both ends included: one entry of a plan's `source_addresses`.
public struct AddressRange: Sendable, Hashable, CustomStringConvertible {
    public let isIPv6: Bool
    /// The addresses as numbers, most significant byte first; IPv4 addresses are below 2³². `first` is at most `last`.
    public let first: UInt128
    public let last: UInt128

    /// Reads an IPv4 or IPv6 address (`127.0.1.1`), range (`127.0.1.1-127.0.1.40`) or network (`127.0.2.0/26`: all of
    /// its addresses). Throws if the text is none of these, includes an address that cannot be a source (unspecified,
    /// multicast, broadcast, IPv4 written as IPv6), or has more than `limit` addresses.
    public init(_ text: String) throws(PlanError) {
        do throws(Failure) {
            try self.init(parsing: text)
        } catch {
            throw PlanError(error.message)
        }
    }

    /// The most addresses in one plan, over all its entries.
    public static let limit = 65_536

    public var count: Int { Int(clamping: last - first) + 1 }

    public func contains(_ other: AddressRange) -> Bool {
        isIPv6 == other.isIPv6 && first <= other.first && other.last <= last
    }

    /// `127.0.1.1`, or `127.0.1.1-127.0.1.40`.
    public var description: String {
        first == last
            ? Self.text(first, isIPv6: isIPv6)
            : "\(Self.text(first, isIPv6: isIPv6))-\(Self.text(last, isIPv6: isIPv6))"
    }
}

extension AddressRange {
    struct Failure: Error { var message: String }

    init(parsing text: String) throws(Failure) {
        let written = PlanText.quoted(text)
        func address(_ part: Substring) throws(Failure) -> (isIPv6: Bool, value: UInt128) {
            guard let found = Self.parse(String(part)) else {
                throw Failure(
                    message: text.contains("-") || text.contains("/")
                        ? "\(PlanText.quoted(String(part))) in \(written) is not an IP address"
                        : "\(written) is not an IP address, a range such as 127.0.1.1-127.0.1.40, or a network "
                            + "such as 127.0.2.0/26")
            }
            return found
        }
        guard text.utf8.count <= 200 else { throw Failure(message: "\(written) is not an IP address") }
        if let dash = text.firstIndex(of: "-") {
            let from = try address(text[..<dash])
            let to = try address(text[text.index(after: dash)...])
            guard from.isIPv6 == to.isIPv6 else {
                throw Failure(message: "\(written) mixes IPv4 and IPv6")
            }
            guard from.value <= to.value else { throw Failure(message: "\(written) ends before it begins") }
            (isIPv6, first, last) = (from.isIPv6, from.value, to.value)
        } else if let slash = text.firstIndex(of: "/") {
            let base = try address(text[..<slash])
            let width = base.isIPv6 ? 128 : 32
            let digits = text[text.index(after: slash)...]
            guard (1...3).contains(digits.utf8.count), digits.allSatisfy({ $0.isASCII && $0.isWholeNumber }),
                let length = Int(digits), length <= width
            else { throw Failure(message: "\(written): a network's length is from /0 to /\(width)") }
            let host: UInt128 = length == 0 && width == 128 ? .max : (1 << UInt128(width - length)) - 1
            guard base.value & host == 0 else {
                let network = Self.text(base.value & ~host, isIPv6: base.isIPv6)
                throw Failure(message: "\(written) is not a network: write \(network)/\(length), or a range")
            }
            (isIPv6, first, last) = (base.isIPv6, base.value, base.value | host)
        } else {
            let one = try address(text[...])
            (isIPv6, first, last) = (one.isIPv6, one.value, one.value)
        }
        guard last - first < UInt128(Self.limit) else {
            throw Failure(message: "\(written) has more than \(Self.limit) addresses")
        }
        for (network, what) in Self.impossible where network.isIPv6 == isIPv6 {
            guard network.last < first || last < network.first else {
                throw Failure(message: "\(written) holds \(what), which cannot be used as a source")
            }
        }
    }

    /// Addresses that connections can never come from.
    private static let impossible: [(AddressRange, String)] = [
        (AddressRange(isIPv6: false, 0, 0), "0.0.0.0"),
        (
            AddressRange(isIPv6: false, 0xE000_0000, 0xFFFF_FFFF),
            "multicast, reserved or broadcast addresses (224.0.0.0/3)"
        ),
        (AddressRange(isIPv6: true, 0, 0), "::"),
        (AddressRange(isIPv6: true, 0xFFFF << 32, 0xFFFF_FFFF_FFFF), "IPv4 addresses written as IPv6 (::ffff:0:0/96)"),
        (AddressRange(isIPv6: true, 0xFF << 120, .max), "multicast addresses (ff00::/8)"),
    ]

    private init(isIPv6: Bool, _ first: UInt128, _ last: UInt128) {
        (self.isIPv6, self.first, self.last) = (isIPv6, first, last)
    }

    private static func parse(_ text: String) -> (isIPv6: Bool, value: UInt128)? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return (false, UInt128(UInt32(bigEndian: four.s_addr))) }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        return (true, withUnsafeBytes(of: six) { UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)) })
    }

    /// The text form of an address (RFC 5952).
    static func text(_ value: UInt128, isIPv6: Bool) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            guard let base = buffer.baseAddress else { return "" }
            if isIPv6 {
                var bytes = value.bigEndian
                inet_ntop(AF_INET6, &bytes, base, socklen_t(buffer.count))
            } else {
                var bytes = UInt32(truncatingIfNeeded: value).bigEndian
                inet_ntop(AF_INET, &bytes, base, socklen_t(buffer.count))
            }
            return String(cString: base)
        }
    }

    /// Reads a list of ranges, or a single one; no address may occur twice.
    static func list(reading value: PlanValue) -> [AddressRange] {
        var ranges: [AddressRange] = []
        var count = 0
        for element in value.node.text == nil ? value.list(limit: limit) ?? [] : [value] {
            guard let text = element.string() else { continue }
            do throws(Failure) {
                let range = try AddressRange(parsing: text)
                ranges.append(range)
                count += range.count
            } catch {
                element.report(error.message)
            }
        }
        if count > limit { value.report("\(count) addresses in total; at most \(limit) are allowed") }
        let sorted = ranges.sorted { ($0.isIPv6 ? 1 : 0, $0.first) < ($1.isIPv6 ? 1 : 0, $1.first) }
        for (a, b) in zip(sorted, sorted.dropFirst()) where a.isIPv6 == b.isIPv6 && b.first <= a.last {
            value.report("\(text(b.first, isIPv6: b.isIPv6)) occurs twice")
        }
        return ranges
    }
}
