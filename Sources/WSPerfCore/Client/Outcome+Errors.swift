internal import Glibc

/// The outcome for a kernel error number; it depends on the connection's phase.
extension Outcome {
    /// A failed connect.
    static func connecting(error: Int32) -> Outcome {
        switch error {
        case ECONNREFUSED: .refused
        case ENETUNREACH, EHOSTUNREACH, EHOSTDOWN, ENETDOWN: .unreachable
        case EADDRNOTAVAIL, EADDRINUSE: .portsExhausted
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: .descriptorsExhausted
        case ETIMEDOUT: .timeoutTCP
        default: .connectError
        }
    }

    /// During the TLS handshake on an established connection. A server that hangs up refuses the handshake.
    static func securing(error: Int32) -> Outcome {
        switch error {
        case ENETUNREACH, EHOSTUNREACH, EHOSTDOWN, ENETDOWN: .unreachable
        case ETIMEDOUT: .timeoutTLS
        default: .tls
        }
    }

    /// An open connection.
    static func open(error: Int32) -> Outcome {
        switch error {
        case ECONNRESET, EPIPE, ECONNABORTED: .reset
        case ENETUNREACH, EHOSTUNREACH, EHOSTDOWN, ENETDOWN: .connectionUnreachable
        case ETIMEDOUT: .connectionTimedOut
        default: .connectionError
        }
    }

    /// This outcome's name before the upgrade is answered.
    var whileUpgrading: Outcome {
        switch self {
        case .reset: .upgradeClosed
        case .connectionUnreachable: .unreachable
        case .connectionTimedOut: .timeoutUpgrade
        case .connectionError: .connectError
        default: self
        }
    }
}
