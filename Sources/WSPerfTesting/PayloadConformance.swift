public import WSPerfCore

/// Checks, without any connection, that a payload generator keeps the rules of `PayloadGenerator`.
///
/// It asks for the messages of several connections in turn, as the engine's loop does. Then it asks a second generator
/// for the same messages in another order. Some of these it refuses and asks for again later.
///
/// ```swift
/// #expect(PayloadConformance { MyPayload() }.check() == [])
/// #expect(PayloadConformance(isDeterministic: false) { TimeOfDayPayload() }.check() == [])
/// ```
public struct PayloadConformance<Generator: PayloadGenerator> {
    /// The number of messages to ask for with each seed, over all connections.
    public var messages = 1000
    /// Whether the same seed must give the same payloads. False, for example, for a generator that sends the time of
    /// day.
    public var isDeterministic: Bool
    private let make: () -> Generator

    public init(isDeterministic: Bool = true, _ make: @escaping () -> Generator) {
        self.isDeterministic = isDeterministic
        self.make = make
    }

    public func check() -> [Finding] {
        let connections = min(7, max(messages, 0))
        var findings: [Finding] = []
        for seed: UInt64 in 1...5 {
            let plain = inTurn(connections, seed)
            let disturbed = disturbed(connections, seed, counts: plain.payloads.map(\.count))
            for offence in Offence.allCases {
                guard let (place, message) = plain.offences[offence] ?? disturbed.offences[offence] else { continue }
                findings.append(Finding("seed \(seed), \(place)", message))
            }
            guard isDeterministic else { continue }
            if let place = plain.firstDifference(from: inTurn(connections, seed)) {
                findings.append(Finding("seed \(seed), \(place)", "the same seed gave another payload"))
            } else if let place = plain.firstDifference(from: disturbed) {
                findings.append(
                    Finding(
                        "seed \(seed), \(place)",
                        "the payload depends on the order of the connections, or on whether a message is asked for twice"
                    )
                )
            }
        }
        return findings
    }

    private func inTurn(_ connections: Int, _ seed: UInt64) -> Pass {
        var pass = Pass(generator: make(), seed: seed, connections: connections)
        for number in 0..<max(messages, 0) { pass.ask(number % connections, isRefused: false) }
        return pass
    }

    /// The same messages, with the connections in random order. Refuses one message in four and asks for it again at
    /// the connection's next turn.
    private func disturbed(_ connections: Int, _ seed: UInt64, counts: [Int]) -> Pass {
        var pass = Pass(generator: make(), seed: seed, connections: connections)
        var order = SeededGenerator(seed: seed, stream: .max)
        var unfinished = Array(0..<connections)
        while !unfinished.isEmpty {
            let place = order.nextInteger(in: 0...unfinished.count - 1)
            let connection = unfinished[place]
            pass.ask(connection, isRefused: order.next() % 4 == 0)
            if pass.payloads[connection].count == counts[connection] { unfinished.remove(at: place) }
        }
        return pass
    }

    private enum Offence: CaseIterable { case length, count, overrun, encoding }

    /// One generator, asked for messages the way the engine does it.
    private struct Pass {
        var generator: Generator
        var randoms: [SeededGenerator]
        /// A hash of each connection's messages: kind, length and bytes.
        var payloads: [[Int]]
        /// The first offence of each kind, with its place.
        var offences: [Offence: (place: String, message: String)] = [:]

        init(generator: Generator, seed: UInt64, connections: Int) {
            self.generator = generator
            randoms = (0..<connections).map { SeededGenerator(seed: seed, stream: UInt64($0)) }
            payloads = Array(repeating: [], count: connections)
        }

        /// Asks for the connection's next message, which is the same one again if it was refused.
        mutating func ask(_ connection: Int, isRefused: Bool) {
            let index = payloads[connection].count
            let offset = Int64(index) * 1_000_000
            let context = MessageContext(
                connection: connection, index: index, scheduled: ScheduledMessage(offset: offset),
                intended: 1_000_000_000 + UInt64(offset))
            let random = randoms[connection]
            let kind = generator.kind(for: context)
            let length = generator.length(for: context, using: &randoms[connection])
            guard !isRefused else {
                randoms[connection] = random
                return
            }
            var hasher = Hasher()
            hasher.combine(kind)
            hasher.combine(length)
            if (0...LengthDistribution.limit).contains(length) {
                let bytes = fill(length, context)
                hasher.combine(bytes)
                if kind == .text, String(validating: bytes, as: UTF8.self) == nil {
                    report(.encoding, context, "a text message that is not UTF-8")
                }
            } else {
                report(
                    .length, context, "gave a length of \(length) bytes; it must be 0 to \(LengthDistribution.limit)")
            }
            payloads[connection].append(hasher.finalize())
        }

        /// The bytes that were written.
        private mutating func fill(_ length: Int, _ context: MessageContext) -> [UInt8] {
            let (margin, mark) = (64, UInt8(0xA5))
            var memory = [UInt8](repeating: mark, count: length + margin)
            let offered = memory.withUnsafeMutableBytes { bytes in
                var payload = PayloadBuffer(UnsafeMutableRawBufferPointer(rebasing: bytes[..<length]))
                generator.fill(&payload, for: context, using: &randoms[context.connection])
                return payload.offered
            }
            if offered != length { report(.count, context, "wrote \(offered) bytes after it announced \(length)") }
            if memory[length...].contains(where: { $0 != mark }) {
                report(.overrun, context, "wrote beyond the end of its buffer")
            }
            return Array(memory[..<min(offered, length)])
        }

        private mutating func report(_ offence: Offence, _ context: MessageContext, _ message: String) {
            guard offences[offence] == nil else { return }
            offences[offence] = ("connection \(context.connection), message \(context.index)", message)
        }

        /// The place of the first message that differs.
        func firstDifference(from other: Pass) -> String? {
            for (connection, (one, another)) in zip(payloads, other.payloads).enumerated() {
                for (index, (a, b)) in zip(one, another).enumerated() where a != b {
                    return "connection \(connection), message \(index)"
                }
            }
            return nil
        }
    }
}
