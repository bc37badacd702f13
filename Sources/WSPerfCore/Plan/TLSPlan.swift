/// Which servers a `wss` target accepts, and how the client identifies itself. Paths name PEM files.
public struct TLSPlan: Sendable, Hashable {
    /// Whether to check the server's certificate chain and name.
    public var verify: Bool = true
    /// PEM file of the certification authorities to trust instead of the system's.
    public var ca: String? = nil
    /// PEM files of the client's certificate chain and private key (mutual TLS).
    public var certificate: String? = nil
    public var key: String? = nil
    /// The name to ask for (SNI) and to verify; nil means the target's host.
    public var serverName: String? = nil
    public init() {}
}

extension TLSPlan {
    init(reading reader: PlanReader) {
        self.init()
        verify = reader.boolean("verify", default: verify)
        ca = reader.value("ca")?.filePath()
        certificate = reader.value("certificate")?.filePath()
        key = reader.value("key")?.filePath()
        serverName = reader.string("server_name")
        if let serverName {
            do throws(Target.Failure) {
                try Target.checkName(serverName)
            } catch {
                reader.report(error.message, at: "server_name")
            }
        }
    }

    var document: PlanNode {
        .mapping([
            "verify": .boolean(verify),
            "ca": ca.map { .string($0) } ?? .null,
            "certificate": certificate.map { .string($0) } ?? .null,
            "key": key.map { .string($0) } ?? .null,
            "server_name": serverName.map { .string($0) } ?? .null,
        ])
    }
}
