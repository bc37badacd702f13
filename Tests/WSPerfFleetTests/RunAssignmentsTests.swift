import Testing

@testable import WSPerfFleet

@Suite struct RunAssignmentsTests {
    private func assignments(machines: Int = 2, minMachines: Int? = nil, processes: Int = 2) -> RunAssignments {
        RunAssignments(run: "r", machines: machines, minMachines: minMachines ?? machines, processes: processes)
    }

    @Test func listenersGetTheMachinesInOrderAndTheRestAreSpares() throws {
        var assignments = assignments()
        let alpha = assignments.assign("a", name: "alpha")
        let beta = assignments.assign("b", name: "beta")
        let gamma = assignments.assign("c", name: "gamma")
        let first = try #require(alpha)
        let second = try #require(beta)
        #expect(first.orders == [WorkerOrder(id: "r-w0", index: 0), WorkerOrder(id: "r-w1", index: 1)])
        #expect(second.orders == [WorkerOrder(id: "r-w2", index: 2), WorkerOrder(id: "r-w3", index: 3)])
        #expect(!first.isReplacement && !second.isReplacement)
        #expect(gamma == nil)
        #expect(assignments.unassigned.isEmpty)
        #expect(assignments.isFree("c") && !assignments.isFree("a"))
    }

    @Test func aSpareGetsTheMachineOfALostListenerWithNewWorkers() throws {
        var assignments = assignments()
        _ = assignments.assign("a", name: "alpha")
        _ = assignments.assign("b", name: "beta")
        assignments.giveUp("a")
        assignments.giveUp("a")
        #expect(assignments.unassigned == [0])
        let gamma = assignments.assign("c", name: "gamma")
        let spare = try #require(gamma)
        #expect(spare.isReplacement)
        #expect(spare.orders.map(\.id) == ["r-w0.2", "r-w1.2"])
    }

    @Test func severalLostMachinesAreReplacedInAscendingOrder() {
        var assignments = assignments(machines: 3, processes: 1)
        for listener in ["a", "b", "c"] { _ = assignments.assign(listener, name: listener) }
        assignments.giveUp("c")
        assignments.giveUp("a")
        #expect(assignments.unassigned == [0, 2])
    }

    @Test func anAssignmentIsConfirmedOnceAllItsOrdersAreLaunched() {
        var assignments = assignments(machines: 1)
        _ = assignments.assign("a", name: "alpha")
        let isTooEarly = assignments.confirm("a", launched: 1)
        #expect(!isTooEarly && !assignments.areAccepted)
        let isComplete = assignments.confirm("a", launched: 2)
        #expect(isComplete && assignments.areAccepted)
        let isRepeated = assignments.confirm("a", launched: 2)
        let isUnknown = assignments.confirm("nobody", launched: 9)
        #expect(!isRepeated && !isUnknown)
    }

    @Test func aReplacementIsOneMoreOrderToConfirm() {
        var assignments = assignments(machines: 1)
        _ = assignments.assign("a", name: "alpha")
        _ = assignments.confirm("a", launched: 2)
        let order = assignments.order(1, from: "a")
        #expect(order == WorkerOrder(id: "r-w1.2", index: 1))
        #expect(!assignments.areAccepted)
        #expect(assignments.assignments["a"]?.orders.map(\.id) == ["r-w0", "r-w1.2"])
        let isTooEarly = assignments.confirm("a", launched: 2)
        let isComplete = assignments.confirm("a", launched: 3)
        let unknown = assignments.order(0, from: "nobody")
        #expect(!isTooEarly && isComplete && unknown == nil)
    }

    /// Attempts count per listener; worker identities count over all listeners.
    @Test func launchesAreCountedForEachListener() {
        var assignments = assignments(machines: 1, processes: 1)
        _ = assignments.assign("a", name: "alpha")
        _ = assignments.order(0, from: "a")
        #expect(assignments.launches(of: 0, on: "a") == 2)
        assignments.giveUp("a")
        #expect(assignments.launches(of: 0, on: "a") == nil)
        let beta = assignments.assign("b", name: "beta")
        #expect(beta?.orders.map(\.id) == ["r-w0.3"])
        #expect(assignments.launches(of: 0, on: "b") == 1)
    }

    @Test func anExcludedListenerGetsNothing() {
        var assignments = assignments()
        assignments.exclude("a")
        #expect(!assignments.isFree("a") && !assignments.isFit("a"))
        let alpha = assignments.assign("a", name: "alpha")
        #expect(alpha == nil)
        #expect(assignments.unassigned == [0, 1])
    }

    @Test(
        arguments: [
            // machines, minMachines, at most, listeners, join is over, enough
            (4, 4, nil, 3, false, false), (4, 4, nil, 4, false, true), (4, 4, nil, 3, true, false),
            (4, 2, nil, 3, false, false), (4, 2, nil, 2, true, true), (4, 2, nil, 1, true, false),
            (4, 2, 3, 3, false, true), (4, 2, 3, 2, false, false), (4, 2, 1, 1, false, false),
            (4, 2, 9, 3, false, false),
        ] as [(Int, Int, Int?, Int, Bool, Bool)])
    func enough(machines: Int, least: Int, reachable: Int?, count: Int, joinIsOver: Bool, isEnough: Bool) {
        var assignments = assignments(machines: machines, minMachines: least)
        if let reachable { assignments.expectAtMost(reachable) }
        #expect(assignments.areEnough(count, joinIsOver: joinIsOver) == isEnough)
    }
}
