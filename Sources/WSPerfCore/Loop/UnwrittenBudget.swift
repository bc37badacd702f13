/// How much the connections of one loop keep of messages that their sockets have not taken, and who waits for it to become
/// less.
///
/// The rest of a message that a socket takes in part must be kept. Without a bound for all connections together, a thousand
/// messages of 16 MiB to a server that reads nothing would be 16 GB. Connections that wait have their turns in the order in
/// which they came. Confined to its loop's thread.
struct UnwrittenBudget {
    /// While more bytes than these are kept, a message is taken only if its socket has room for all of it. So a loop keeps
    /// these and one message at most, and less than 1 KiB of control frames for each connection.
    static let limit = 64 << 20

    private struct Waiter {
        let handler: PollHandler
        let length: Int
    }

    /// Bytes of memory that are kept.
    private(set) var held = 0
    /// Whether a message has to ask first: too much is kept, or others wait. Looked at before each message.
    private(set) var isTight = false
    /// Whether what the kernel says of a socket's room has held good so far. With some settings (`tcp_notsent_lowat`) a socket
    /// takes less than that, and then nothing more is kept on the strength of it.
    private(set) var trustsRoom = true
    /// Turns are about to be given.
    var isServing = false

    // Those who wait, by ticket: consecutive numbers from `served` on, with gaps where one has left.
    private var waiters: [UInt64: Waiter] = [:]
    private var served: UInt64 = 1
    private var issued: UInt64 = 1

    /// Whether somebody waits who could have a turn, and nobody is about to give it.
    var mustServe: Bool { !waiters.isEmpty && held <= Self.limit && !isServing }

    mutating func hold(_ bytes: Int) {
        held += bytes
        isTight = held > Self.limit || !waiters.isEmpty
    }

    mutating func release(_ bytes: Int) {
        held -= bytes
        isTight = held > Self.limit || !waiters.isEmpty
    }

    mutating func distrustRoom() { trustsRoom = false }

    /// Waits for a turn with a message of `length` bytes. Returns the ticket, which is not 0.
    mutating func enter(_ handler: PollHandler, length: Int) -> UInt64 {
        let ticket = issued
        issued += 1
        waiters[ticket] = Waiter(handler: handler, length: length)
        isTight = true
        return ticket
    }

    /// The length of the message that waits with this ticket.
    func length(of ticket: UInt64) -> Int? { waiters[ticket]?.length }

    /// Gives up a ticket; one that is not valid any more does no harm.
    mutating func leave(_ ticket: UInt64) {
        waiters[ticket] = nil
        if waiters.isEmpty { served = issued }
        isTight = held > Self.limit || !waiters.isEmpty
    }

    /// Takes out whoever has waited longest; nil if too much is kept, or nobody waits.
    mutating func next() -> PollHandler? {
        guard held <= Self.limit else { return nil }
        while served < issued {
            let ticket = served
            served += 1
            guard let waiter = waiters[ticket] else { continue }
            leave(ticket)
            return waiter.handler
        }
        return nil
    }
}

extension EventLoop {
    /// Bytes are not kept any more: those who waited for that have their turns soon, and not within the caller.
    func release(unwritten bytes: Int) {
        budget.pointee.release(bytes)
        serveLater()
    }

    private func serveLater() {
        guard budget.pointee.mustServe else { return }
        budget.pointee.isServing = true
        post { self.serve() }
    }

    private func serve() {
        // Bounded, so that sockets and deadlines are looked at in between.
        var turns = 0
        while turns < 64, let handler = budget.pointee.next() {
            handler.takeTurn()
            turns += 1
        }
        budget.pointee.isServing = false
        serveLater()
    }
}
