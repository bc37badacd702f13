import Testing

@testable import WSPerfCore

@Suite("UnwrittenBytes")
struct UnwrittenBytesTests {
    private func content(_ bytes: UnwrittenBytes) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: bytes.start, count: bytes.count))
    }

    private func append(_ new: [UInt8], _ bytes: inout UnwrittenBytes) { new.withUnsafeBytes { bytes.append($0) } }

    @Test("keeps bytes in order, however they are added and removed")
    func order() {
        var random = SeededGenerator(seed: 5, stream: 1)
        var model: [UInt8] = (0..<100).map { UInt8($0) }
        var bytes = model.withUnsafeBytes { UnwrittenBytes($0) }
        defer { bytes.free() }
        for _ in 0..<2000 {
            if random.next() % 2 == 0 {
                let new = (0..<Int(random.next() % 300)).map { UInt8(truncatingIfNeeded: $0 &+ model.count) }
                append(new, &bytes)
                model += new
            } else {
                let taken = Int(random.next() % UInt64(min(model.count, 280) + 1))
                bytes.drop(taken)
                model.removeFirst(taken)
            }
            #expect(content(bytes) == model)
        }
    }

    @Test("takes a ping, a pong and a close frame after a message without growing")
    func controlFrames() {
        let message = [UInt8](repeating: 1, count: 100_000)
        var bytes = message.withUnsafeBytes { UnwrittenBytes($0) }
        defer { bytes.free() }
        let size = bytes.size
        #expect(size < message.count + 1024)
        for count in [14, 131, 131] { append([UInt8](repeating: 2, count: count), &bytes) }
        #expect(bytes.size == size)
    }

    @Test("keeps the last of several pongs")
    func pongs() {
        var bytes = [UInt8](repeating: 1, count: 10).withUnsafeBytes { UnwrittenBytes($0) }
        defer { bytes.free() }
        #expect(bytes.pong == nil)
        for payload: [UInt8] in [[1, 2, 3], [], [UInt8](repeating: 7, count: 125)] {
            payload.withUnsafeBytes { bytes.wait(with: $0) }
            #expect(bytes.pong.map { Array($0) } == payload)
        }
        // It moves along when the buffer grows.
        append([UInt8](repeating: 2, count: 5000), &bytes)
        #expect(bytes.pong?.count == 125)
        #expect(bytes.count == 5010)
        bytes.wait(with: nil)
        #expect(bytes.pong == nil)
    }
}
