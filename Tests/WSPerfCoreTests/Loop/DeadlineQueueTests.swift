import Testing

@testable import WSPerfCore

@Suite struct DeadlineQueueTests {
    /// Any sequence of operations leaves the same earliest deadline as in a dictionary.
    @Test(arguments: [1, 2, 5, 64, 1000]) func behavesLikeADictionary(capacity: Int) {
        let queue = DeadlineQueue(capacity: capacity)
        var model: [Int: UInt64] = [:]
        var random = SeededGenerator(seed: UInt64(capacity), stream: 3)
        for _ in 0..<5000 {
            let slot = random.nextInteger(in: 0...capacity - 1)
            switch random.nextInteger(in: 0...3) {
            case 0:
                queue.remove(slot)
                model[slot] = nil
            case 1 where queue.count > 0:
                let earliest = queue.earliestSlot
                queue.remove(earliest)
                model[earliest] = nil
            default:
                let deadline = UInt64(random.nextInteger(in: 1...500))
                queue.set(slot, to: deadline)
                model[slot] = deadline
            }
            #expect(queue.count == model.count)
            #expect(queue.earliest == model.values.min() ?? .max)
            if queue.count > 0 { #expect(model[queue.earliestSlot] == queue.earliest) }
        }
    }

    @Test func givesDeadlinesInOrder() {
        let queue = DeadlineQueue(capacity: 500)
        var random = SeededGenerator(seed: 1, stream: 1)
        for slot in 0..<500 { queue.set(slot, to: random.next()) }
        var last: UInt64 = 0
        while queue.count > 0 {
            #expect(queue.earliest >= last)
            last = queue.earliest
            queue.remove(queue.earliestSlot)
        }
    }
}
