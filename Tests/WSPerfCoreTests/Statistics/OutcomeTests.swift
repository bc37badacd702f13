import Testing

@testable import WSPerfCore

@Suite("Outcome")
struct OutcomeTests {
    @Test("has names of only lower-case letters, digits and underscores")
    func names() {
        #expect(Outcome.upgradeStatus(503).rawValue == "upgrade_status_503")
        #expect(Outcome.upgradeStatus(-1).rawValue == "upgrade_status_0")
        #expect(Outcome.upgradeStatus(123_456).rawValue == "upgrade_status_999")
        #expect(Outcome.closed(1011).rawValue == "closed_1011")
        for outcome in [Outcome.succeeded, .lost, .timeoutDNS, .upgradeStatus(404), .closed(.max)] {
            #expect(Outcome(rawValue: outcome.rawValue) == outcome)
        }
    }

    @Test(
        "refuses any other name",
        arguments: ["", "A", "a-b", "a b", "é", "a\n", String(repeating: "a", count: 41), "\u{1b}[2J"])
    func refused(name: String) {
        #expect(Outcome(rawValue: name) == nil)
    }
}
