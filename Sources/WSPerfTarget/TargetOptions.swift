/// How a `TargetServer` is to run.
public struct TargetOptions: Sendable, Hashable {
    /// The address or name to listen on.
    public var host: String = "127.0.0.1"
    /// The port to listen on; 0 takes a free one.
    public var port: Int = 0
    /// Event loops, each a thread; at least 1. Connections are dealt out to them in turn.
    public var threads: Int = 1
    /// Connections the kernel may hold ready to be accepted; it caps this at `net.core.somaxconn`.
    public var backlog: Int32 = 8192
    /// Serves `wss://` where set, `ws://` otherwise.
    public var tls: TargetTLS?
    /// How every connection is treated, whatever path it asks for; nil: by the path (see `TargetBehaviour`).
    public var behaviour: TargetBehaviour?
    /// Subprotocols the server speaks: the first one offered that is among these is chosen.
    public var subprotocols: [String] = []
    /// Bytes of payload a message may have, fragmented or not; a longer one is answered by close 1009.
    public var maxMessageSize: Int = 16 << 20
    /// Whether text messages are checked to be UTF-8 (RFC 6455 §8.1) and answered by close 1007 if they are not. Off by
    /// default: it costs processor time that the client under measurement would share.
    public var validatesText: Bool = false
    /// How long a closing handshake may take before the TCP connection is dropped; monotonic clock.
    public var closeTimeout: Duration = .seconds(5)

    public init() {}
}

/// What a `TargetServer` needs to serve TLS (1.2 and later). All paths are of PEM files.
public struct TargetTLS: Sendable, Hashable {
    /// The server's certificate, followed by the intermediate ones if there are any.
    public var certificate: String
    /// The private key that belongs to it.
    public var key: String
    /// The authority that clients' certificates must be signed by; nil: clients need none.
    public var clientAuthority: String?

    public init(certificate: String, key: String, clientAuthority: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.clientAuthority = clientAuthority
    }
}
