import CLinux
import Glibc

/// The server under test: a parsed `ws://` or `wss://` URL (RFC 6455 §3).
public struct Target: Sendable, Hashable, CustomStringConvertible {
    /// True for `wss`.
    public let isSecure: Bool
    /// A name, an IPv4 address, or an IPv6 address without its brackets.
    public let host: String
    public let port: UInt16
    /// The request target: path and query, beginning with `/`.
    public let path: String

    /// Parses `url`. Throws if it is not a `ws` or `wss` URL, has a fragment or user information, has an invalid host
    /// or port, or contains characters that are not allowed in a URL (percent-encode those). Percent-encoding is kept
    /// unchanged. No name is resolved.
    public init(_ url: String) throws(PlanError) {
        do throws(Failure) {
            try self.init(parsing: url)
        } catch {
            throw PlanError(error.message, at: "target")
        }
    }

    /// Replaces a missing or invalid target while the rest of a plan is read.
    static let placeholder = Target(isSecure: false, host: "localhost", port: 80, path: "/")

    private init(isSecure: Bool, host: String, port: UInt16, path: String) {
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.path = path
    }

    /// The `Host` header: the host, in brackets if it is an IPv6 address, and the port unless it is the scheme's
    /// default.
    public var authority: String {
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    public var description: String { "\(isSecure ? "wss" : "ws")://\(authority)\(path)" }
}

extension Target {
    struct Failure: Error { var message: String }

    init(parsing url: String) throws(Failure) {
        guard !url.isEmpty else { throw Failure(message: "empty: write a ws:// or wss:// URL") }
        guard url.utf8.count <= 8192 else { throw Failure(message: "a URL of more than 8192 characters") }
        if let bad = url.unicodeScalars.first(where: { $0.value <= 32 || $0.value >= 127 }) {
            let name =
                bad == " "
                ? "a space" : bad.value < 128 ? "a control character" : PlanText.quoted(String(Character(bad)))
            throw Failure(
                message: "\(PlanText.quoted(url)) holds \(name): percent-encode it (a host name: in punycode)")
        }
        guard let colon = url.range(of: "://") else {
            throw Failure(
                message: "\(PlanText.quoted(url)) has no scheme: write ws://\(PlanText.printable(url, limit: 60))")
        }
        switch url[..<colon.lowerBound].lowercased() {
        case "ws": isSecure = false
        case "wss": isSecure = true
        case "http", "https":
            throw Failure(
                message: "\(PlanText.quoted(url)) is not a WebSocket URL: use ws:// for http://, wss:// for https://")
        default: throw Failure(message: "\(PlanText.quoted(url)) is not a WebSocket URL: use ws:// or wss://")
        }
        let rest = url[colon.upperBound...]
        guard !rest.contains("#") else {
            throw Failure(message: "\(PlanText.quoted(url)) has a fragment (#…), which a WebSocket URL may not have")
        }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = rest[..<end]
        guard !authority.contains("@") else {
            throw Failure(message: "has a user name before the '@': put it into an Authorization header instead")
        }
        path = rest[end...].hasPrefix("/") ? String(rest[end...]) : "/" + rest[end...]
        let digits: Substring?
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else {
                throw Failure(message: "\(PlanText.quoted(url)) has no ']' after its IPv6 address")
            }
            let address = String(authority[authority.index(after: authority.startIndex)..<close])
            guard Self.isIPv6(address) else {
                throw Failure(message: "\(PlanText.quoted(address)) is not an IPv6 address")
            }
            host = address
            let after = authority[authority.index(after: close)...]
            guard after.isEmpty || after.hasPrefix(":") else {
                throw Failure(message: "\(PlanText.quoted(url)) has something between ']' and the path")
            }
            digits = after.isEmpty ? nil : after.dropFirst()
        } else {
            let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2 else {
                throw Failure(message: "\(PlanText.quoted(url)): write an IPv6 address in brackets: ws://[::1]:9000/")
            }
            let name = parts.first.map(String.init) ?? ""
            guard !name.isEmpty else { throw Failure(message: "\(PlanText.quoted(url)) names no host") }
            try Self.checkName(name)
            host = name
            digits = parts.count == 2 ? parts[1] : nil
        }
        if let digits {
            guard digits.utf8.count <= 5, digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let port = UInt16(digits),
                port > 0
            else {
                throw Failure(message: "\(PlanText.quoted(String(digits))) is not a port: write one from 1 to 65535")
            }
            self.port = port
        } else {
            port = isSecure ? 443 : 80
        }
    }

    /// The address family if the host is an address; nil for a name.
    var isIPv6: Bool? {
        if host.utf8.contains(UInt8(ascii: ":")) { return true }
        var parsed = in_addr()
        return inet_pton(AF_INET, host, &parsed) == 1 ? false : nil
    }

    private static func isIPv6(_ address: String) -> Bool {
        var parsed = in6_addr()
        return inet_pton(AF_INET6, address, &parsed) == 1
    }

    /// Allows letters, digits, hyphens and underscores, in labels of at most 63 characters, at most 253 in total (RFC
    /// 1123 §2.1). A name that looks like an IPv4 address must be one.
    static func checkName(_ name: String) throws(Failure) {
        let labels = (name.hasSuffix(".") ? name.dropLast() : name[...]).split(
            separator: ".", omittingEmptySubsequences: false)
        let isValid =
            name.utf8.count <= 253
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                    && label.utf8.allSatisfy {
                        ($0 >= 97 && $0 <= 122) || ($0 >= 65 && $0 <= 90) || ($0 >= 48 && $0 <= 57) || $0 == 45
                            || $0 == 95
                    }
            }
        guard isValid else { throw Failure(message: "\(PlanText.quoted(name)) is not a host name") }
        if labels.last?.allSatisfy(\.isWholeNumber) == true {
            var parsed = in_addr()
            guard inet_pton(AF_INET, name, &parsed) == 1 else {
                throw Failure(message: "\(PlanText.quoted(name)) is not an IPv4 address")
            }
        }
    }
}

extension StringProtocol {
    /// The first occurrence of a short ASCII text.
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
