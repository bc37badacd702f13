import Testing

@testable import WSPerfCore

@Suite("UnwrittenBudget")
struct UnwrittenBudgetTests {
    private static let limit = UnwrittenBudget.limit

    @Test("takes messages until its limit is passed, so that one message larger than the limit still goes")
    func limit() {
        var budget = UnwrittenBudget()
        #expect(!budget.isTight)
        budget.hold(Self.limit)
        #expect(!budget.isTight)
        budget.hold(3 * Self.limit)
        #expect(budget.isTight)
        budget.release(3 * Self.limit)
        #expect(!budget.isTight)
        budget.release(Self.limit)
        #expect(budget.held == 0)
    }

    @Test("gives turns in the order of the requests, when there is room")
    func order() {
        var budget = UnwrittenBudget()
        let handlers = (0..<5).map { _ in PollHandler() }
        budget.hold(Self.limit + 1)
        let tickets = handlers.enumerated().map { budget.enter($1, length: $0) }
        #expect(Set(tickets).count == 5 && !tickets.contains(0))
        #expect(budget.length(of: tickets[3]) == 3)
        #expect(budget.next() == nil)
        #expect(!budget.mustServe)
        budget.leave(tickets[1])
        #expect(budget.length(of: tickets[1]) == nil)
        budget.release(1)
        // Others wait, so a newcomer must wait too.
        #expect(budget.mustServe && budget.isTight)
        #expect(budget.next() === handlers[0])
        #expect(budget.next() === handlers[2])
        budget.hold(1)
        #expect(budget.next() == nil)
        budget.release(1)
        #expect(budget.next() === handlers[3])
        budget.leave(tickets[3])
        #expect(budget.next() === handlers[4])
        #expect(budget.next() == nil)
        #expect(!budget.isTight && !budget.mustServe)
    }

    @Test("keeps nothing of connections that left")
    func leaving() {
        var budget = UnwrittenBudget()
        budget.hold(Self.limit + 1)
        weak var gone: PollHandler?
        for _ in 0..<10_000 {
            let handler = PollHandler()
            gone = handler
            budget.leave(budget.enter(handler, length: 1))
        }
        #expect(gone == nil)
        budget.release(Self.limit + 1)
        #expect(!budget.isTight && budget.next() == nil)
    }
}
