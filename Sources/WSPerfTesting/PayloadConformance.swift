public import WSPerfCore

/// Checks that a payload generator keeps to what `PayloadGenerator` promises, without any connection.
public struct PayloadConformance<Generator: PayloadGenerator> {
    /// Messages asked for, per seed.
    public var messages = 1000
    private let make: () -> Generator

    public init(_ make: @escaping () -> Generator) { self.make = make }

    public func check() -> [Finding] {
        var findings: [Finding] = []
        for seed: UInt64 in 1...5 {
            var reported: Set<String> = []
            func report(_ message: String, _ index: Int) {
                guard reported.insert(message).inserted else { return }
                findings.append(Finding("seed \(seed), message \(index)", message))
            }
            var (a, b) = (make(), make())
            var (randomA, randomB) = (SeededGenerator(seed: seed, stream: 1), SeededGenerator(seed: seed, stream: 1))
            for index in 0..<messages {
                let context = MessageContext(
                    connection: 1, index: index, scheduled: ScheduledMessage(offset: Int64(index) * 1_000_000))
                let (first, second) = (payload(&a, context, &randomA), payload(&b, context, &randomB))
                if first.kind != second.kind || first.bytes != second.bytes {
                    report("the same seed gave another payload", index)
                }
                if first.length < 0 { report("a negative length", index) }
                if first.bytes.count < first.length { report("fewer bytes written than the length says", index) }
                if first.kind == .text, String(validating: first.bytes, as: UTF8.self) == nil {
                    report("a text message that is not UTF-8", index)
                }
            }
        }
        return findings
    }

    private func payload(
        _ generator: inout Generator, _ context: MessageContext, _ random: inout SeededGenerator
    ) -> (kind: MessageKind, length: Int, bytes: [UInt8]) {
        let kind = generator.kind(for: context)
        let length = generator.length(for: context, using: &random)
        guard length > 0 else { return (kind, length, []) }
        let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            var output = OutputRawSpan(buffer: raw, initializedCount: 0)
            generator.fill(&output, for: context, using: &random)
            count = output.finalize(for: raw)
        }
        return (kind, length, bytes)
    }
}
