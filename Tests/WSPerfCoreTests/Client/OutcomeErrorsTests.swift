import Glibc
import Testing

@testable import WSPerfCore

@Suite("Outcomes of error numbers")
struct OutcomeErrorsTests {
    struct Row: Sendable {
        let error: Int32
        let connecting: Outcome
        let securing: Outcome
        let upgrading: Outcome
        let open: Outcome
    }

    static let rows = [
        Row(
            error: ECONNREFUSED, connecting: .refused, securing: .tls, upgrading: .connectError, open: .connectionError),
        Row(error: ECONNRESET, connecting: .connectError, securing: .tls, upgrading: .upgradeClosed, open: .reset),
        Row(error: EPIPE, connecting: .connectError, securing: .tls, upgrading: .upgradeClosed, open: .reset),
        Row(
            error: ETIMEDOUT, connecting: .timeoutTCP, securing: .timeoutTLS, upgrading: .timeoutUpgrade,
            open: .connectionTimedOut),
        Row(
            error: EHOSTUNREACH, connecting: .unreachable, securing: .unreachable, upgrading: .unreachable,
            open: .connectionUnreachable),
        Row(
            error: ENETUNREACH, connecting: .unreachable, securing: .unreachable, upgrading: .unreachable,
            open: .connectionUnreachable),
        Row(
            error: ENETDOWN, connecting: .unreachable, securing: .unreachable, upgrading: .unreachable,
            open: .connectionUnreachable),
        Row(
            error: EADDRNOTAVAIL, connecting: .portsExhausted, securing: .tls, upgrading: .connectError,
            open: .connectionError),
        Row(
            error: EMFILE, connecting: .descriptorsExhausted, securing: .tls, upgrading: .connectError,
            open: .connectionError),
        Row(error: EPROTO, connecting: .connectError, securing: .tls, upgrading: .connectError, open: .connectionError),
    ]

    @Test("depend on how far the connection had come", arguments: rows)
    func table(row: Row) {
        #expect(Outcome.connecting(error: row.error) == row.connecting)
        #expect(Outcome.securing(error: row.error) == row.securing)
        #expect(Outcome.open(error: row.error).whileUpgrading == row.upgrading)
        #expect(Outcome.open(error: row.error) == row.open)
    }

    @Test("an outcome that is not a connection error keeps its name while upgrading")
    func others() {
        for outcome in [Outcome.tls, .upgradeStatus(503), .protocolError] {
            #expect(outcome.whileUpgrading == outcome)
        }
    }
}
