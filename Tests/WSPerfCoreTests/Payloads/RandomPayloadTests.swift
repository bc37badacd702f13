import Testing

@testable import WSPerfCore

@Suite struct RandomPayloadTests {
    static let lengths = Array(0...300) + [1023, 1024, 16_383, 16_384, 16_385, 16_400, 32_768, 32_769, 100_000]

    private func context(_ kind: MessageKind? = nil) -> MessageContext {
        MessageContext(connection: 0, index: 0, scheduled: ScheduledMessage(offset: 0, kind: kind))
    }

    private func payload(_ generator: RandomPayload, _ length: Int, _ random: inout SeededGenerator) -> [UInt8] {
        filled(length) { generator.fill(&$0, for: context(), using: &random) }
    }

    /// 64 characters, none of which has to be escaped in JSON.
    static let alphabet = Set(UInt8(ascii: "0")...UInt8(ascii: "p")).subtracting([UInt8(ascii: "\\")])

    @Test func textOfEveryLength() {
        #expect(Self.alphabet.count == 64)
        let generator = RandomPayload(format: .text, seed: 3)
        var random = SeededGenerator(seed: 3, stream: 0)
        for length in Self.lengths {
            let bytes = payload(generator, length, &random)
            #expect(bytes.count == length)
            #expect(Set(bytes).isSubset(of: Self.alphabet), "\(length)")
        }
    }

    @Test func textIsEven() {
        let generator = RandomPayload(format: .text, seed: 3)
        var random = SeededGenerator(seed: 3, stream: 0)
        // Short and long ones: ends of messages are written in ways of their own.
        for length in [1, 3, 7, 15, 20, 240, 20_000] {
            var counts = [UInt8: Int]()
            let messages = 64_000 / length
            for _ in 0..<messages { for byte in payload(generator, length, &random) { counts[byte, default: 0] += 1 } }
            let expected = Double(messages * length) / 64
            #expect(counts.count == 64)
            #expect(counts.values.allSatisfy { abs(Double($0) - expected) < 5 * expected.squareRoot() }, "\(length)")
        }
    }

    @Test func binaryIsEven() {
        let generator = RandomPayload(format: .binary, seed: 3)
        var random = SeededGenerator(seed: 3, stream: 0)
        for length in [1, 3, 7, 15, 20, 240, 20_000] {
            var counts = [Int](repeating: 0, count: 256)
            let messages = 128_000 / length
            for _ in 0..<messages { for byte in payload(generator, length, &random) { counts[Int(byte)] += 1 } }
            let expected = Double(messages * length) / 256
            #expect(counts.allSatisfy { abs(Double($0) - expected) < 5 * expected.squareRoot() }, "\(length)")
        }
    }

    /// Nothing for a compressor: no 8 bytes occur twice, within a message or in two of them.
    @Test(arguments: [(MessageKind.text, 240, 400), (.binary, 240, 400), (.text, 40_000, 2), (.text, 9, 5000)])
    func nothingRepeats(format: MessageKind, length: Int, messages: Int) {
        let generator = RandomPayload(format: format, seed: 3)
        var random = SeededGenerator(seed: 3, stream: 0)
        var seen = Set<UInt64>()
        var total = 0
        for _ in 0..<messages {
            var word: UInt64 = 0
            for (index, byte) in payload(generator, length, &random).enumerated() {
                word = word << 8 | UInt64(byte)
                guard index >= 7 else { continue }
                seen.insert(word)
                total += 1
            }
        }
        #expect(seen.count == total)
    }

    /// Each 16 bytes of a message are combined with a word of their own, even were the pool all the same.
    @Test func wordsDiffer() {
        let generator = RandomBytes(pool: [UInt8](repeating: 0, count: RandomBytes.poolSize))
        var random = SeededGenerator(seed: 3, stream: 0)
        let bytes = filled(40_000) { generator.fill(&$0, .binary, using: &random) }
        let blocks = stride(from: 0, to: bytes.count, by: 16).map { Array(bytes[$0..<$0 + 16]) }
        #expect(Set(blocks).count == blocks.count)
    }

    @Test(arguments: [MessageKind.text, .binary], [0, 5, 240, 40_000])
    func reproducedBySeed(format: MessageKind, length: Int) {
        let generator = RandomPayload(format: format, length: .uniform(0...1000), seed: 3)
        let again = RandomPayload(format: format, length: .uniform(0...1000), seed: 3)
        var one = SeededGenerator(seed: 3, stream: 8)
        var other = SeededGenerator(seed: 3, stream: 8)
        for _ in 0..<20 {
            #expect(generator.length(for: context(), using: &one) == again.length(for: context(), using: &other))
            #expect(payload(generator, length, &one) == payload(again, length, &other))
            #expect(one == other)
        }
    }

    @Test func seedAndConnectionMakeADifference() {
        var random = SeededGenerator(seed: 3, stream: 8)
        var other = SeededGenerator(seed: 3, stream: 9)
        var same = random
        let first = payload(RandomPayload(seed: 3), 100, &random)
        #expect(first != payload(RandomPayload(seed: 3), 100, &other))
        #expect(first != payload(RandomPayload(seed: 4), 100, &same))
    }

    @Test func scheduleDictatesTheKind() {
        let generator = RandomPayload(format: .binary, seed: 3)
        var random = SeededGenerator(seed: 3, stream: 8)
        #expect(generator.kind(for: context()) == .binary)
        let bytes = filled(5000) { generator.fill(&$0, for: context(.text), using: &random) }
        #expect(bytes.allSatisfy(Self.alphabet.contains))
    }

    /// What somebody else has begun to write stays.
    @Test func appendsToWhatIsThere() {
        let generator = RandomPayload(seed: 3)
        var random = SeededGenerator(seed: 3, stream: 8)
        let bytes = filled(20) { span in
            span.append(UInt8(ascii: "!"))
            generator.fill(&span, for: context(), using: &random)
        }
        #expect(bytes.count == 20 && bytes[0] == UInt8(ascii: "!"))
        #expect(bytes.dropFirst().allSatisfy(Self.alphabet.contains))
    }
}

/// What a generator writes into a buffer of this capacity. The bytes behind it are checked to be left alone.
func filled(_ capacity: Int, _ fill: (inout OutputRawSpan) -> Void) -> [UInt8] {
    let margin = 64
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity + 2 * margin, alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0xA5)
    let buffer = UnsafeMutableRawBufferPointer(rebasing: memory[margin..<margin + capacity])
    var span = OutputRawSpan(buffer: buffer, initializedCount: 0)
    fill(&span)
    let count = span.finalize(for: buffer)
    #expect(memory[..<margin].allSatisfy { $0 == 0xA5 } && memory[(margin + capacity)...].allSatisfy { $0 == 0xA5 })
    return Array(buffer[..<count])
}
