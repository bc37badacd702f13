/// The payload generator of one event loop, whatever its type.
///
/// The generator's type is erased here: one virtual call per question, no existential, no allocation. The base class is
/// the generator of empty messages. Confined to its loop's thread.
class PayloadPool {
    func kind(for message: MessageContext) -> MessageKind { .text }
    func length(for message: MessageContext, using random: inout SeededGenerator) -> Int { 0 }
    func fill(_ payload: inout PayloadBuffer, for message: MessageContext, using random: inout SeededGenerator) {}
}

@available(*, unavailable)
extension PayloadPool: Sendable {}

/// A pool around one `Generator`.
///
/// Unsafe code: `generator` points to one value, initialised from `init` to `deinit`. A stored property would cost an
/// exclusivity check per message.
final class TypedPayloadPool<Generator: PayloadGenerator>: PayloadPool {
    private let generator: UnsafeMutablePointer<Generator>

    init(_ generator: Generator) {
        self.generator = .allocate(capacity: 1)
        self.generator.initialize(to: generator)
    }

    deinit {
        generator.deinitialize(count: 1)
        generator.deallocate()
    }

    override func kind(for message: MessageContext) -> MessageKind {
        generator.pointee.kind(for: message)
    }

    override func length(for message: MessageContext, using random: inout SeededGenerator) -> Int {
        generator.pointee.length(for: message, using: &random)
    }

    override func fill(
        _ payload: inout PayloadBuffer,
        for message: MessageContext,
        using random: inout SeededGenerator
    ) {
        generator.pointee.fill(&payload, for: message, using: &random)
    }
}
