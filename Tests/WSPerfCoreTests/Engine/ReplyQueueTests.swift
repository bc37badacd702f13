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

    static func text(_ answer: ReplyQueue.Answer) -> String {
        switch answer {
        case .timed(let entry): "\(entry.intended)"
        case .untimed: "untimed"
        case .unexpected: "unexpected"
        }
    }

    @Test(arguments: [1, 2, 3, 17, 64]) func inOrder(count: Int) {
        var queue = Self.filled(count)
        defer { queue.free() }
        #expect(queue.count == UInt64(count))
        for index in 0..<count { #expect(Self.text(queue.answerOldest()) == "\(index)") }
        #expect(queue.count == 0)
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
        #expect(Self.text(queue.answer(5)) == "50")
    }

    /// Past the limit messages are counted, and their replies too, but none is given another's time.
    @Test func pastTheLimit() {
        var queue = Self.filled(6, limit: 4)
        defer { queue.free() }
        #expect(queue.count == 6)
        #expect(
            (0..<7).map { _ in Self.text(queue.answerOldest()) }
                == ["0", "1", "2", "3", "untimed", "untimed", "unexpected"])
        queue.append(.init(intended: 9, actual: 1009), index: 6, limit: 4)
        #expect(Self.text(queue.answerOldest()) == "9")

        var tagged = Self.filled(6, limit: 4)
        defer { tagged.free() }
        #expect([5, 0, 4, 2].map { Self.text(tagged.answer($0)) } == ["untimed", "0", "untimed", "2"])
        tagged.append(.init(intended: 6, actual: 1006), index: 6, limit: 4)
        #expect([1, 3, 6].map { Self.text(tagged.answer($0)) } == ["1", "3", "untimed"])
        #expect(tagged.count == 0)
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
}
