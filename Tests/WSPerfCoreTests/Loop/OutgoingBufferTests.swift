import Testing

@testable import WSPerfCore

@Suite("OutgoingBuffer")
struct OutgoingBufferTests {
    private static let window = OutgoingBuffer.window

    @Test("shrinks again after a large message")
    func shrinks() {
        var buffer = OutgoingBuffer()
        let least = buffer.capacity
        var capacity: Int
        _ = buffer.payload(16 << 20)
        capacity = buffer.capacity
        #expect(capacity == 16 << 20)
        for _ in 0..<2 * Self.window { _ = buffer.payload(100) }
        capacity = buffer.capacity
        #expect(capacity == least)
    }

    @Test("shrinks to what was needed recently")
    func partly() {
        var buffer = OutgoingBuffer()
        let capacity: Int
        _ = buffer.payload(16 << 20)
        for count in 0..<2 * Self.window { _ = buffer.payload(count % 100 == 0 ? 1_000_000 : 100) }
        capacity = buffer.capacity
        #expect(capacity == 1 << 20)
    }

    @Test("is not reallocated for each of many large messages, or for an occasional one", arguments: [1, 2, 500])
    func stays(every: Int) {
        var buffer = OutgoingBuffer()
        let first = buffer.payload(5 << 20)
        for count in 0..<10 * Self.window {
            let place = buffer.payload(count % every == 0 ? 5 << 20 : 64)
            #expect(place == first)
        }
    }

    @Test("is aligned and can be written to its end", arguments: [0, 1, 65_536, 65_537, 3 << 20])
    func places(length: Int) {
        var buffer = OutgoingBuffer()
        let place = buffer.payload(length)
        #expect(UInt(bitPattern: place) % 64 == 0)
        (place - FrameEncoder.longestHeader).initializeMemory(
            as: UInt8.self, repeating: 1, count: FrameEncoder.longestHeader + length)
    }
}
