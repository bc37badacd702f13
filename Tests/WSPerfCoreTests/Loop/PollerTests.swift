import Testing

@testable import WSPerfCore

@Suite("Poller")
struct PollerTests {
    static let waits: [(Int64, Int32)] = [
        (-1, -1), (.min, -1), (0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2), (1_500_000_000, 1500),
        (3_600_000_000_000, 3_600_000), (.max, 3_600_000),
    ]

    /// A wait for a future deadline is never 0, which would be a busy loop.
    @Test("rounds waits up if the system can wait only for milliseconds", arguments: waits)
    func milliseconds(nanoseconds: Int64, expected: Int32) {
        #expect(Poller.milliseconds(nanoseconds) == expected)
    }
}
