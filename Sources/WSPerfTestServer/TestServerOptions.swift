/// How a `TestServer` runs.
public struct TestServerOptions: Sendable, Hashable {
    /// The address or name to listen on.
    public var host: String = "127.0.0.1"
    /// The port to listen on; 0 means any free port.
    public var port: Int = 0
    /// Event loops, at least 1. Each is a thread. Connections go to them in turn.
    public var threads: Int = 1
    /// Connections that may wait in the kernel to be accepted. The kernel caps this at `net.core.somaxconn`.
    public var backlog: Int32 = 8192
    /// Serves `wss://` if set, `ws://` otherwise.
    public var tls: TestServerTLS?
    /// The behaviour of every connection, whatever its path. Nil: the path decides (see `TestServerBehaviour`).
    public var behaviour: TestServerBehaviour?
    /// Subprotocols that the server speaks. It chooses the first one offered that is among these.
    public var subprotocols: [String] = []
    /// The largest payload of a message in bytes, fragmented or not. The server answers a larger one with close 1009.
    public var maxMessageSize: Int = 16 << 20
    /// Whether to check that text messages are UTF-8 (RFC 6455 §8.1), and answer with close 1007 if not. Off by
    /// default: it takes processor time from the client that is being measured.
    public var validatesText: Bool = false
    /// How long a closing handshake may take before the TCP connection is dropped; monotonic clock.
    public var closeTimeout: Duration = .seconds(5)

    public init() {}
}

/// What a `TestServer` needs to serve TLS (1.2 and later). All paths name PEM files.
public struct TestServerTLS: Sendable, Hashable {
    /// The server's certificate, followed by any intermediate certificates.
    public var certificate: String
    /// The private key of the certificate.
    public var key: String
    /// The authority that must have signed the clients' certificates. Nil: clients need no certificate.
    public var clientAuthority: String?

    public init(certificate: String, key: String, clientAuthority: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.clientAuthority = clientAuthority
    }
}
