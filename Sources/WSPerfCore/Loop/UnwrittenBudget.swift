/// How many bytes of messages the connections of one loop keep because their sockets have not taken them, and which
/// connections wait for that to shrink.
///
/// If a socket takes part of a message, the rest must be kept. Without a common bound, a thousand messages of 16 MiB to
/// a server that reads nothing would take 16 GB. Waiting connections get their turns in the order in which they came.
/// Confined to its loop's thread.
struct UnwrittenBudget {
    /// While more bytes than this are kept, a message is taken only if its socket has room for all of it. So a loop
    /// keeps at most this and one message, plus less than 1 KiB of control frames per connection.
    static let limit = 64 << 20

    private struct Waiter {
        let handler: PollHandler
        let length: Int
    }

    /// Bytes of memory kept now.
    private(set) var held = 0
    /// Whether a message must ask first, because too much is kept or others wait. Checked before each message.
    private(set) var isTight = false
    /// Whether the kernel's figures for sockets' room have been right so far. With some settings (`tcp_notsent_lowat`)
    /// a socket takes less, and then the figures are no longer used.
    private(set) var trustsRoom = true
    /// Turns are about to be given out.
    var isServing = false

    // Waiting connections by ticket: consecutive numbers from `served` on, with gaps where one has left.
    private var waiters: [UInt64: Waiter] = [:]
    private var served: UInt64 = 1
    private var issued: UInt64 = 1

    /// Whether a waiting connection could have a turn and no turns are about to be given out.
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

    /// Gives up a ticket. Does nothing if it is no longer valid.
    mutating func leave(_ ticket: UInt64) {
        waiters[ticket] = nil
        if waiters.isEmpty { served = issued }
        isTight = held > Self.limit || !waiters.isEmpty
    }

    /// Takes out the connection that has waited longest; nil if too much is kept or none waits.
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
    /// Bytes are no longer kept. The connections that waited for that get their turns soon, but not within this call.
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
        // Bounded, so that the loop looks at sockets and deadlines in between.
        var turns = 0
        while turns < 64, let handler = budget.pointee.next() {
            handler.takeTurn()
            turns += 1
        }
        budget.pointee.isServing = false
        serveLater()
    }
}
