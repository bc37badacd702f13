import CZlib
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

    /// 64 characters that need no escape in JSON.
    static let alphabet = Set(UInt8(ascii: "0")...UInt8(ascii: "W")).union(UInt8(ascii: "`")...UInt8(ascii: "w"))

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

    /// What a compressor that keeps its window from message to message (RFC 7692) makes of them: the same as of characters
    /// and bytes each of which is drawn anew. 64 characters are 6 bits of 8 each; what a short message takes besides is the
    /// table of its codes.
    @Test(
        arguments: [
            (.text, 240, 2000, 0.90), (.text, 1024, 500, 0.80), (.text, 16_384, 30, 0.765), (.text, 100_000, 5, 0.765),
            (.binary, 240, 2000, 1.05), (.binary, 16_384, 30, 1.005),
        ] as [(MessageKind, Int, Int, Double)])
    func compressesNoFurther(format: MessageKind, length: Int, messages: Int, most: Double) throws {
        let generator = RandomPayload(format: format, seed: 3)
        // Messages of many connections, one after the other.
        var randoms = (0..<10).map { SeededGenerator(seed: 3, stream: $0) }
        let letters = Array(Self.alphabet)
        var compressor = try Compressor()
        var reference = try Compressor()
        var (compressed, expected) = (0, 0)
        for index in 0..<messages {
            compressed += try compressor.compress(payload(generator, length, &randoms[index % 10]))
            let drawn = (0..<length).map { _ in
                let bits = randoms[0].next() >> 56
                return format == .text ? letters[Int(bits & 63)] : UInt8(bits)
            }
            expected += try reference.compress(drawn)
        }
        let ratio = Double(compressed) / Double(messages * length)
        #expect(ratio > (format == .text ? 0.75 : 1) && ratio < most, "\(ratio)")
        #expect(Double(compressed) > Double(expected) * 0.997, "\(compressed), and \(expected) where all are drawn")
    }

    /// Worked out by an independent implementation: the bytes are the same on every machine.
    @Test(arguments: [(MessageKind.text, "14748d6c"), (.binary, "996e65e2")])
    func exactly(format: MessageKind, expected: String) {
        let generator = RandomPayload(format: format, seed: 3)
        var random = SeededGenerator(seed: 3, stream: 8)
        var sum: UInt32 = 0
        for length in [7, 240, 40_001] { sum = crc(payload(generator, length, &random), sum) }
        #expect(String(sum, radix: 16) == expected)
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

    /// Bytes that were written before stay.
    @Test func appendsToWhatIsThere() {
        let generator = RandomPayload(seed: 3)
        var random = SeededGenerator(seed: 3, stream: 8)
        let bytes = filled(20) { payload in
            payload.append(UInt8(ascii: "!"))
            generator.fill(&payload, for: context(), using: &random)
        }
        #expect(bytes.count == 20 && bytes[0] == UInt8(ascii: "!"))
        #expect(bytes.dropFirst().allSatisfy(Self.alphabet.contains))
    }
}

/// What a generator writes into a buffer of this capacity. The bytes behind it are checked to be left alone.
func filled(_ capacity: Int, _ fill: (inout PayloadBuffer) -> Void) -> [UInt8] {
    let margin = 64
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity + 2 * margin, alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0xA5)
    let bytes = UnsafeMutableRawBufferPointer(rebasing: memory[margin..<margin + capacity])
    var buffer = PayloadBuffer(bytes)
    fill(&buffer)
    let count = buffer.count
    #expect(memory[..<margin].allSatisfy { $0 == 0xA5 } && memory[(margin + capacity)...].allSatisfy { $0 == 0xA5 })
    return Array(bytes[..<count])
}

/// Continues zlib's CRC-32 `sum` with these bytes.
private func crc(_ bytes: [UInt8], _ sum: UInt32) -> UInt32 { UInt32(crc32(UInt(sum), bytes, UInt32(bytes.count))) }

/// zlib at its best, as permessage-deflate uses it: one stream, flushed after each message.
private struct Compressor: ~Copyable {
    struct Failure: Error { let status: Int32 }

    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

    init() throws {
        stream.initialize(to: z_stream())
        let status = deflateInit2_(
            stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw Failure(status: status) }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// How many bytes the message becomes, without the four that end a flush (RFC 7692 §7.2.1).
    mutating func compress(_ message: [UInt8]) throws -> Int {
        var message = message
        var output = [UInt8](repeating: 0, count: message.count + message.count / 10 + 100)
        return try message.withUnsafeMutableBufferPointer { input in
            try output.withUnsafeMutableBufferPointer { output in
                stream.pointee.next_in = input.baseAddress
                stream.pointee.avail_in = UInt32(input.count)
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = UInt32(output.count)
                let status = deflate(stream, Z_SYNC_FLUSH)
                guard status == Z_OK, stream.pointee.avail_in == 0, stream.pointee.avail_out > 0 else {
                    throw Failure(status: status)
                }
                return output.count - Int(stream.pointee.avail_out) - 4
            }
        }
    }
}
