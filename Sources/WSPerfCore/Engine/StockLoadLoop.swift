/// The loop of the stock client.
///
/// A generic class's overrides are compiled once for all clients: every call to the client goes through a witness
/// table, and every type is looked up at run time. Calls of `super` from a non-generic class are specialised for its
/// client.
final class StockLoadLoop: LoadLoop<StockClient>, @unchecked Sendable {
    override func start() { super.start() }
    override func fire() { super.fire() }
    override func open() { super.open() }
    override func handle(_ event: SessionEvent, slot: UInt32, generation: UInt32, now: UInt64) {
        super.handle(event, slot: slot, generation: generation, now: now)
    }
    override func message(length: Int, tag: MessageTag?, slot: UInt32, generation: UInt32, now: UInt64) {
        super.message(length: length, tag: tag, slot: slot, generation: generation, now: now)
    }
}
