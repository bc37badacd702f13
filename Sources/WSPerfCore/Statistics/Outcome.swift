/// How a connection ended. Every planned connection ends in exactly one outcome, and the outcomes of a run add up to
/// the number of connections planned.
///
/// The set is open (a close code or an HTTP status is part of the name), so this is a struct with statics.
/// `Docs/Results.md` lists all of them.
public struct Outcome: RawRepresentable, Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Lower-case letters, digits and underscores, at most 40 of them.
    public let rawValue: String

    /// Nil if `rawValue` is empty, longer than 40 characters, or holds anything but `a-z`, `0-9` and `_`.
    public init?(rawValue: String) {
        let utf8 = rawValue.utf8
        guard !utf8.isEmpty, utf8.count <= 40,
            utf8.allSatisfy({ ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == 95 })
        else { return nil }
        self.rawValue = rawValue
    }

    private init(_ rawValue: String) { self.rawValue = rawValue }

    /// Opened, did all it was planned to do, and closed.
    public static let succeeded = Outcome("succeeded")
    /// The target's name could not be resolved.
    public static let dns = Outcome("dns")
    /// The target refused the TCP connection (ECONNREFUSED).
    public static let refused = Outcome("refused")
    /// No route to the target (ENETUNREACH, EHOSTUNREACH), also if it is lost before the upgrade is answered.
    public static let unreachable = Outcome("unreachable")
    /// This machine had no local port left for the connection (EADDRNOTAVAIL).
    public static let portsExhausted = Outcome("ports_exhausted")
    /// The source address that the plan gives the connection is no longer on this machine (EADDRNOTAVAIL on bind), or
    /// has a different family than all of the target's.
    public static let sourceUnavailable = Outcome("source_unavailable")
    /// This process or machine had no file descriptor left (EMFILE, ENFILE).
    public static let descriptorsExhausted = Outcome("descriptors_exhausted")
    /// The TCP connection failed in another way, also after it was established and before the upgrade was answered.
    public static let connectError = Outcome("connect_error")
    /// The name was not resolved within the connect deadline.
    public static let timeoutDNS = Outcome("timeout_dns")
    /// The TCP connection was not established within the connect deadline.
    public static let timeoutTCP = Outcome("timeout_tcp")
    /// The TLS handshake was not over within the connect deadline, or before the kernel gave up the connection
    /// (ETIMEDOUT).
    public static let timeoutTLS = Outcome("timeout_tls")
    /// The upgrade was not answered within the connect deadline, or before the kernel gave up the connection
    /// (ETIMEDOUT).
    public static let timeoutUpgrade = Outcome("timeout_upgrade")
    /// The TLS handshake failed, or the server broke TLS on the open connection.
    public static let tls = Outcome("tls")
    /// The server answered the TLS handshake with something that is not TLS.
    public static let notTLS = Outcome("not_tls")
    /// The server's certificate was not trusted, had expired, or names another host.
    public static let tlsCertificate = Outcome("tls_certificate")
    /// The answer to the upgrade request broke RFC 6455 §4.1 (header, Accept key, subprotocol, extension, or not HTTP).
    public static let upgradeInvalid = Outcome("upgrade_invalid")
    /// The server closed or reset the connection before it answered the upgrade request.
    public static let upgradeClosed = Outcome("upgrade_closed")
    /// The server reset the open connection (ECONNRESET, EPIPE).
    public static let reset = Outcome("reset")
    /// The kernel gave up the open connection because the server's machine acknowledged nothing any more (ETIMEDOUT).
    public static let connectionTimedOut = Outcome("connection_timed_out")
    /// The kernel gave up the open connection because there was no longer a route to the server's machine (ENETUNREACH,
    /// EHOSTUNREACH).
    public static let connectionUnreachable = Outcome("connection_unreachable")
    /// The open connection failed in another way.
    public static let connectionError = Outcome("connection_error")
    /// The server broke the WebSocket protocol on the open connection.
    public static let protocolError = Outcome("protocol_error")
    /// Nothing arrived on the open connection for the plan's idle timeout.
    public static let idleTimeout = Outcome("idle_timeout")
    /// A reply was still missing when the reply deadline after the last message passed.
    public static let replyTimeout = Outcome("reply_timeout")
    /// A due message could not be written within the reply timeout, because the server read nothing.
    public static let sendTimeout = Outcome("send_timeout")
    /// All was sent and answered, but the server did not complete the closing handshake within its deadline.
    public static let closeTimeout = Outcome("close_timeout")
    /// All was sent and answered, but the server ended the stream without its close frame.
    public static let closeIncomplete = Outcome("close_incomplete")
    /// The server sent a message longer than the plan's `max_message_size`.
    public static let messageTooBig = Outcome("message_too_big")
    /// The engine's client failed through its own fault.
    public static let clientError = Outcome("client_error")
    /// The payload generator gave a message an impossible length, or did not write as much as it had announced.
    public static let payloadError = Outcome("payload_error")
    /// Ended by the operator, or by the run's time limit, before its work was done.
    public static let aborted = Outcome("aborted")
    /// Its worker process died or fell silent.
    public static let lost = Outcome("lost")

    /// The server answered the upgrade request with an HTTP status other than 101: `upgrade_status_503`.
    public static func upgradeStatus(_ status: Int) -> Outcome { Outcome("upgrade_status_\(min(max(status, 0), 999))") }

    /// The server closed the open connection before its work was done: `closed_1011`. A connection that ended with no
    /// close frame is `closed_1006` (RFC 6455 §7.1.5), a close frame with no code is `closed_1005`.
    public static func closed(_ code: UInt16) -> Outcome { Outcome("closed_\(code)") }

    public var description: String { rawValue }

    /// Whether no new attempt follows, whatever the plan says: the connection did its work, or must not go on.
    var isFinal: Bool { Self.final.contains(self) }
    private static let final: Set<Outcome> = [.succeeded, .closeTimeout, .closeIncomplete, .payloadError, .aborted]

    public static func < (a: Outcome, b: Outcome) -> Bool { a.rawValue < b.rawValue }
}
