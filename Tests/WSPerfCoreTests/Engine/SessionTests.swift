import Testing

@testable import WSPerfCore

/// A connection's outcome, by its state and how it ended.
@Suite struct SessionTests {
    private static let abnormal = Outcome.closed(1006)

    struct Case: Sendable, CustomTestStringConvertible {
        var state: Session.State
        var phase = Session.Phase.upgrade
        var verdict = Outcome.succeeded
        var closeSeen: CloseCode?
        /// Outcomes of: ended in order, ended with `reset`, deadline, aborted.
        var outcomes: [Outcome]
        var testDescription: String {
            "\(state) \(phase) \(verdict) \(closeSeen.map { "\($0.rawValue)" } ?? "no close")"
        }
    }

    static let cases: [Case] = [
        Case(state: .opening, phase: .dns, outcomes: [.upgradeClosed, .reset, .timeoutDNS, .aborted]),
        Case(state: .opening, phase: .tcp, outcomes: [.upgradeClosed, .reset, .timeoutTCP, .aborted]),
        Case(state: .opening, phase: .tls, outcomes: [.upgradeClosed, .reset, .timeoutTLS, .aborted]),
        Case(state: .opening, phase: .upgrade, outcomes: [.upgradeClosed, .reset, .timeoutUpgrade, .aborted]),
        Case(state: .open, outcomes: [abnormal, .reset, .sendTimeout, .aborted]),
        // The engine closed, and the server has not answered.
        Case(state: .closing, outcomes: [.closeIncomplete, .closeIncomplete, .closeTimeout, .aborted]),
        // The engine closed, and the server has answered.
        Case(state: .closing, closeSeen: .normal, outcomes: [.succeeded, .succeeded, .succeeded, .succeeded]),
        // The engine closed for a reason.
        Case(
            state: .closing, verdict: .replyTimeout,
            outcomes: [.replyTimeout, .replyTimeout, .replyTimeout, .replyTimeout]),
        Case(
            state: .closing, verdict: .idleTimeout, closeSeen: .goingAway,
            outcomes: [.idleTimeout, .idleTimeout, .idleTimeout, .idleTimeout]),
        // A send found the connection dead; the reason follows.
        Case(state: .closing, verdict: abnormal, outcomes: [abnormal, .reset, abnormal, abnormal]),
        // The server closed.
        Case(
            state: .closing, verdict: .closed(1012), closeSeen: CloseCode(rawValue: 1012),
            outcomes: [.closed(1012), .closed(1012), .closed(1012), .closed(1012)]),
    ]

    @Test(arguments: cases) func outcome(_ example: Case) {
        var session = Session(random: SeededGenerator(seed: 1, stream: 1))
        session.state = example.state
        session.phase = example.phase
        session.verdict = example.verdict
        session.closeSeen = example.closeSeen
        let endings: [Session.Ending] = [.ended(nil), .ended(.reset), .deadline, .aborted]
        #expect(endings.map { session.outcome(of: $0) } == example.outcomes)
        session.replies.free()
    }

    /// The server's close frame decides, unless the engine began to close first.
    @Test func whoClosedFirst() {
        var session = Session(random: SeededGenerator(seed: 1, stream: 1))
        session.state = .open
        let isUnasked = session.closeReceived(.goingAway, at: 5)
        #expect(isUnasked)
        #expect(session.outcome(of: .ended(nil)) == .closed(1001))

        session.state = .open
        session.closeSeen = nil
        session.beginClosing(.succeeded, at: 7)
        let isAnswer = !session.closeReceived(.normal, at: 8)
        #expect(isAnswer)
        #expect(session.phaseBegan == 7)
        #expect(session.outcome(of: .deadline) == .succeeded)

        // A send found the connection dead, and the close frame is read after that.
        session.closeSeen = nil
        session.beginClosing(Self.abnormal, at: 9)
        let isReason = session.closeReceived(.normal, at: 10)
        #expect(isReason)
        #expect(session.outcome(of: .ended(.reset)) == .closed(1000))
        session.replies.free()
    }

    @Test func aNewAttemptForgetsTheOldConnection() {
        for restarting in [false, true] {
            var session = Session(random: SeededGenerator(seed: 1, stream: 1))
            session.beginClosing(.closed(1011), at: 5)
            session.closeSeen = .normal
            (session.isHeld, session.isBlocked, session.hasWaited, session.owesPing) = (true, true, true, true)
            (session.isScheduled, session.hasMessage, session.sent, session.elapsed) = (true, true, 9, 1000)
            session.reset(restarting: restarting)
            #expect(session.state == .waiting)
            #expect(session.attempts == 1)
            #expect(session.closeSeen == nil)
            #expect(session.verdict == .succeeded)
            #expect(!session.isHeld && !session.isBlocked && !session.hasWaited && !session.owesPing)
            #expect(session.isScheduled == !restarting && session.hasMessage == !restarting)
            #expect(session.sent == (restarting ? 0 : 9))
            #expect(session.elapsed == (restarting ? 0 : 1000))
            session.replies.free()
        }
    }
}
