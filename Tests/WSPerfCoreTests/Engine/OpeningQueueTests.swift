import Testing

@testable import WSPerfCore

/// Which connection opens next, and when. All times are in nanoseconds.
@Suite struct OpeningQueueTests {
    private static func queue(
        _ connections: Int, limit: Int = .max, interval: Double = 100, loop: Int = 0, loops: Int = 1
    ) -> Box {
        let box = Box(
            OpeningQueue(connections: connections, limit: limit, interval: interval, loop: loop, loops: loops))
        box.queue.begin(at: 1000)
        return box
    }

    /// Lets `#expect` change the queue.
    private final class Box {
        var queue: OpeningQueue
        init(_ queue: OpeningQueue) { self.queue = queue }
        var nextTime: UInt64 { queue.nextTime }
        func ended(at now: UInt64) -> Bool { queue.ended(at: now) }

        /// Takes what is due, as the loop does.
        func take(at now: UInt64) -> [OpeningQueue.Opening] {
            var result: [OpeningQueue.Opening] = []
            while let opening = queue.next(at: now) {
                queue.began()
                result.append(opening)
            }
            return result
        }
    }

    @Test func followsTheRamp() {
        let queue = Self.queue(3)
        #expect(queue.nextTime == 1000)
        #expect(queue.take(at: 999).isEmpty)
        #expect(queue.take(at: 1000) == [.init(slot: 0, lag: 0)])
        #expect(queue.nextTime == 1100)
        #expect(queue.take(at: 1250) == [.init(slot: 1, lag: 150), .init(slot: 2, lag: 50)])
        #expect(queue.nextTime == .max)
    }

    @Test(
        arguments: [(loop: 0, times: [1000, 1200, 1400]), (loop: 1, times: [1100, 1300, 1500])] as [(Int, [UInt64])])
    func loopsShareTheRamp(loop: Int, times: [UInt64]) {
        let queue = Self.queue(3, loop: loop, loops: 2)
        #expect((0..<3).map { queue.queue.time(of: $0) } == times)
    }

    /// An opening that waited for room is late only from the moment when there was room.
    @Test func opensNoMoreAtOnceThanAllowed() {
        let queue = Self.queue(4, limit: 2, interval: 0)
        #expect(queue.take(at: 1000) == [.init(slot: 0, lag: 0), .init(slot: 1, lag: 0)])
        #expect(queue.nextTime == .max)
        #expect(queue.ended(at: 5000))
        #expect(queue.nextTime == 1000)
        #expect(queue.take(at: 5010) == [.init(slot: 2, lag: 10)])
        #expect(queue.ended(at: 6000))
        #expect(!queue.ended(at: 6001), "there was already room")
        #expect(queue.take(at: 6002) == [.init(slot: 3, lag: 2)])
    }

    @Test func newAttemptsGoFirst() {
        let queue = Self.queue(2, limit: 1, interval: 0)
        #expect(queue.take(at: 1000) == [.init(slot: 0, lag: 0)])
        queue.queue.retry(7)
        queue.queue.retry(8)
        #expect(queue.ended(at: 1001))
        #expect(queue.nextTime == 0)
        #expect(queue.take(at: 1002) == [.init(slot: 7, lag: nil)])
        #expect(queue.ended(at: 1003))
        #expect(queue.take(at: 1004) == [.init(slot: 8, lag: nil)])
        #expect(queue.ended(at: 1005))
        #expect(queue.take(at: 1006) == [.init(slot: 1, lag: 1)])
    }

    @Test func nothingOpensAfterStop() {
        let queue = Self.queue(2, interval: 0)
        queue.queue.stop()
        #expect(queue.nextTime == .max)
        #expect(queue.queue.next(at: 2000) == nil)
    }

    /// Attempts that were handed out don't stay in memory.
    @Test func manyAttempts() {
        let queue = Self.queue(0)
        var expected = 0
        for round in 0..<5000 {
            queue.queue.retry(2 * round)
            queue.queue.retry(2 * round + 1)
            #expect(queue.queue.next(at: 2000)?.slot == expected)
            expected += 1
        }
        while let opening = queue.queue.next(at: 2000) {
            #expect(opening.slot == expected)
            expected += 1
        }
        #expect(expected == 10_000)
    }
}
