import Glibc
import Testing

@testable import WSPerfCore

@Suite struct ReplyQueueTests {
    static func filled(_ count: Int, limit: Int = 100) -> ReplyQueue {
        var queue = ReplyQueue()
        for index in 0..<count {
            queue.append(
                .init(intended: UInt64(index), actual: UInt64(index) + 1000), index: UInt64(index), limit: limit)
        }
        return queue
    }

    static func text(_ times: ReplyQueue.Times?) -> String { times.map { "\($0.intended)" } ?? "unexpected" }

    @Test(arguments: [1, 2, 3, 17, 64]) func inOrder(count: Int) {
        var queue = Self.filled(count)
        defer { queue.free() }
        #expect(queue.count == UInt64(count))
        for index in 0..<count {
            #expect(queue.oldestActual == UInt64(index) + 1000)
            #expect(Self.text(queue.answerOldest()) == "\(index)")
        }
        #expect(queue.count == 0)
        #expect(queue.oldestActual == nil)
        #expect(Self.text(queue.answerOldest()) == "unexpected")
    }

    @Test func byIndexInAnyOrder() {
        var queue = Self.filled(5)
        defer { queue.free() }
        #expect(
            [3, 0, 0, 3, 4, 1, 2, 7].map { Self.text(queue.answer($0)) }
                == ["3", "0", "unexpected", "unexpected", "4", "1", "2", "unexpected"])
        #expect(queue.count == 0)
        queue.append(.init(intended: 50, actual: 1050), index: 5, limit: 100)
        #expect(Self.text(queue.answer(4)) == "unexpected")
        #expect(Self.text(queue.answer(UInt64(5) &+ 1 << 32)) == "unexpected")
        #expect(Self.text(queue.answer(5)) == "50")
    }

    /// A pong answers all pings up to its own.
    @Test func upToAnIndex() {
        var queue = Self.filled(6)
        defer { queue.free() }
        func answers(upTo index: UInt64) -> [String] {
            var all: [String] = []
            while let times = queue.answerOldest(upTo: index) { all.append(Self.text(times)) }
            return all
        }
        #expect(answers(upTo: 0) == ["0"])
        #expect(answers(upTo: 0) == [])
        #expect(answers(upTo: 3) == ["1", "2", "3"])
        #expect(answers(upTo: 9) == [])
        #expect(answers(upTo: 5) == ["4", "5"])
        #expect(queue.count == 0)
    }

    /// Past the limit every reply is still timed (exactly, for evenly paced messages), and memory does not grow.
    @Test(arguments: [16, 17, 100, 1024]) func pastTheLimit(limit: Int) {
        let count = limit * 9 + 5
        var queue = Self.filled(count, limit: limit)
        defer { queue.free() }
        #expect(queue.count == UInt64(count))
        #expect(queue.remembered <= limit)
        for index in 0..<count { #expect(Self.text(queue.answerOldest()) == "\(index)") }
        #expect(Self.text(queue.answerOldest()) == "unexpected")

        var tagged = Self.filled(count, limit: limit)
        defer { tagged.free() }
        for index in (0..<count).reversed() {
            #expect(tagged.answer(UInt64(index)) == .init(intended: UInt64(index), actual: UInt64(index) + 1000))
        }
        #expect(tagged.count == 0)
        #expect(tagged.remembered == 0)
    }

    @Test func wrapsAround() {
        var queue = ReplyQueue()
        defer { queue.free() }
        var (sent, answered): (UInt64, UInt64) = (0, 0)
        for round in 0..<1000 {
            for _ in 0..<(round % 7) {
                queue.append(.init(intended: sent, actual: sent + 1), index: sent, limit: 1000)
                sent += 1
            }
            for _ in 0..<(round % 5) where answered < sent {
                #expect(Self.text(queue.answerOldest()) == "\(answered)")
                answered += 1
            }
        }
        #expect(queue.count == sent - answered)
    }

    /// Random arrivals, faster than they are served: the percentiles stay within the histogram's resolution of the true
    /// ones, and after the backlog each reply has its own times again.
    @Test(arguments: [1, 2, 3] as [UInt64], [false, true]) func overloadOfRandomArrivals(seed: UInt64, tagged: Bool) {
        var random = SeededGenerator(seed: seed, stream: 0)
        var queue = ReplyQueue()
        defer { queue.free() }
        var (truth, measured) = (Histogram(), Histogram())
        var intended: [UInt64] = []
        var (sendTime, servedTime): (UInt64, UInt64) = (1_000_000_000, 1_000_000_000)
        var served = 0
        func serve() {
            // A first-in, first-out server of 1,000 messages a second.
            servedTime = max(servedTime, intended[served]) + 1_000_000
            let times = tagged ? queue.answer(UInt64(served)) : queue.answerOldest()
            truth.record(servedTime - intended[served])
            measured.record(times.map { servedTime.since($0.intended) } ?? 0)
            served += 1
        }
        for index in 0..<60_000 {
            sendTime += UInt64(Double(800_000) * -log1p(-random.nextUnit()))
            while served < intended.count, max(servedTime, intended[served]) + 1_000_000 <= sendTime { serve() }
            intended.append(sendTime)
            queue.append(.init(intended: sendTime, actual: sendTime + 5), index: UInt64(index), limit: 1024)
            #expect(queue.remembered <= 1024)
        }
        while served < intended.count { serve() }
        #expect(queue.count == 0)
        #expect(measured.count == truth.count)
        for percentile in [10.0, 50, 90, 99, 99.9, 100] {
            let (a, b) = (Double(measured.value(percentile)), Double(truth.value(percentile)))
            #expect(abs(a - b) <= b / 500, "p\(percentile): \(a) instead of \(b)")
        }
        queue.append(.init(intended: 7, actual: 8), index: 60_000, limit: 1024)
        #expect(Self.text(queue.answerOldest()) == "7")
    }
}

extension Histogram {
    fileprivate func value(_ percentile: Double) -> UInt64 { self.percentile(percentile) ?? 0 }
}
