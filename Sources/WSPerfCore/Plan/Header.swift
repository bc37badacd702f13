/// A header of the upgrade request.
public struct Header: Sendable, Hashable {
    public var name: String
    public var value: String
    /// Whether the value stays out of records: run directories, `validate` and reports. Always true for the names that
    /// carry credentials: Authorization, Proxy-Authorization, Cookie and X-API-Key.
    public var isSecret: Bool { isMarkedSecret || Self.credentials.contains(name.lowercased()) }
    private var isMarkedSecret: Bool

    /// - Parameter isSecret: Whether the value stays out of records, whatever the name.
    public init(name: String, value: String, isSecret: Bool = false) {
        self.name = name
        self.value = value
        isMarkedSecret = isSecret
    }

    private static let credentials: Set<String> = ["authorization", "proxy-authorization", "cookie", "x-api-key"]
}

extension Header {
    /// The header in a run's record, which does not contain the values of secret headers. Such a record cannot be read
    /// as a plan.
    var record: PlanNode { isSecret ? entry(.mapping(["secret": .null])) : document }

    /// The header in a plan's document: `Name: value`, or a mapping if that text would be read as another header.
    var document: PlanNode {
        if isMarkedSecret { return entry(.mapping(["secret": .string(value)])) }
        return name.utf8.contains(UInt8(ascii: ":")) || value.hasPrefix(" ")
            ? entry(.string(value)) : .string("\(name): \(value)")
    }

    private func entry(_ value: PlanNode) -> PlanNode { .mapping([PlanNode.Entry(key: name, value: value)]) }

    /// Headers that the client writes itself (RFC 6455 §4.1), or that would change where the request ends.
    static let reserved: Set<String> = [
        "host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol",
        "sec-websocket-extensions", "content-length", "transfer-encoding",
    ]

    /// An HTTP token (RFC 9110 §5.6.2).
    static func isToken(_ text: String) -> Bool {
        (1...200).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122)
                    || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }

    /// Reads a mapping of names to values (or to lists of values), or a list of `Name: value` texts. A value that stays
    /// out of records is written as `{secret: VALUE}`.
    static func list(reading value: PlanValue) -> [Header] {
        var headers: [Header] = []
        func add(_ name: String, _ text: String, _ place: PlanValue, isSecret: Bool = false) {
            if !isToken(name) {
                place.report("\(PlanText.quoted(name)) is not a header name")
            } else if reserved.contains(name.lowercased()) {
                place.report("the client writes the header \(name) itself")
            } else if text.utf8.count > 8192 || text.utf8.contains(where: { ($0 < 32 && $0 != 9) || $0 == 127 }) {
                place.report("a header's value must have at most 8192 bytes and no control characters")
            }
            headers.append(Header(name: name, value: text, isSecret: isSecret))
        }
        func addSecret(_ name: String, _ value: PlanValue) {
            guard let reader = value.mapping() else { return }
            guard let secret = reader.value("secret") else {
                return value.report("the value of this secret header is missing; records of runs do not contain it")
            }
            secret.string().map { add(name, $0, secret, isSecret: true) }
        }
        func addMapping(_ mapping: PlanValue) {
            guard let reader = mapping.mapping() else { return }
            for entry in reader.node.entries {
                guard let value = reader.value(entry.key) else { continue }
                let values: [PlanValue] =
                    if case .sequence = value.node.content { value.list(limit: 100) ?? [] } else { [value] }
                for value in values {
                    if case .mapping = value.node.content {
                        addSecret(entry.key, value)
                    } else {
                        value.string().map { add(entry.key, $0, value) }
                    }
                }
            }
        }
        switch value.node.content {
        case .mapping: addMapping(value)
        default:
            for element in value.list(limit: 1000) ?? [] {
                guard case .scalar(let text, _) = element.node.content else {
                    addMapping(element)
                    continue
                }
                guard let colon = text.firstIndex(of: ":") else {
                    element.report(
                        "expected a header such as 'Origin: https://example.org', not \(PlanText.quoted(text))")
                    continue
                }
                add(String(text[..<colon]), String(text[text.index(after: colon)...].drop { $0 == " " }), element)
            }
        }
        return headers
    }
}
