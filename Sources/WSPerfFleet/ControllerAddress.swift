internal import Glibc
internal import WSPerfCore

/// Where a controller listens: its host and its two ports.
public struct ControllerAddress: Sendable, Hashable, CustomStringConvertible {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    public let host: String
    /// Port on which it publishes commands (PUB).
    public let publishPort: UInt16
    /// Port on which it receives messages from listeners and workers (PULL).
    public let reportPort: UInt16

    public init(
        host: String, publishPort: UInt16 = FleetLimits.publishPort, reportPort: UInt16 = FleetLimits.reportPort
    ) {
        self.host = host
        self.publishPort = publishPort
        self.reportPort = reportPort
    }

    /// Reads `HOST`, `HOST:PUB:PULL`, `[IPV6]` or `[IPV6]:PUB:PULL`; the ports default to 5561 and 5564.
    public init(_ text: String) throws(FleetError) {
        let shown = PlanText.printable(text, limit: 300)
        func fail(_ why: String) -> FleetError {
            FleetError(.address, "'\(shown)' is not a controller address: \(why) (HOST or HOST:PUB:PULL)")
        }
        var rest = Substring(text)
        let host: Substring
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { throw fail("the bracket is not closed") }
            host = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
        } else {
            let end = rest.firstIndex(of: ":") ?? rest.endIndex
            host = rest[..<end]
            rest = rest[end...]
        }
        guard !host.isEmpty, host.utf8.count <= 255,
            host.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ";") })
        else { throw fail("the host is missing or invalid") }
        guard !rest.isEmpty else {
            self.init(host: String(host))
            return
        }
        let ports = rest.dropFirst().split(separator: ":", omittingEmptySubsequences: false).map { UInt16($0) }
        guard rest.first == ":", ports.count == 2, let publish = ports[0], let report = ports[1], publish > 0,
            report > 0
        else { throw fail("two ports from 1 to 65535 must follow the host, or none") }
        self.init(host: String(host), publishPort: publish, reportPort: report)
    }

    /// The host as part of an address: IPv6 addresses are in brackets.
    var bracketedHost: String { host.contains(":") ? "[\(host)]" : host }

    /// Whether the host is an address and not a name.
    var isNumeric: Bool {
        var address = in6_addr()
        return inet_pton(AF_INET, host, &address) == 1 || host.contains(":")
    }

    /// The same ports at another host.
    func at(_ host: String) -> ControllerAddress {
        ControllerAddress(host: host, publishPort: publishPort, reportPort: reportPort)
    }

    public var description: String { "\(bracketedHost):\(publishPort):\(reportPort)" }
}
