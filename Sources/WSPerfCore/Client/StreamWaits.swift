/// What a connection waits for besides the next bytes from the server, and thus what its socket is watched for. Pure.
///
/// Nearly always empty: the socket is then watched for reading only, and messages can be written.
struct StreamWaits: OptionSet {
    let rawValue: UInt8

    /// A write resumes when the socket is writable.
    static let toWrite = StreamWaits(rawValue: 1)
    /// A write resumes when reads have finished a TLS renegotiation.
    static let toRenegotiate = StreamWaits(rawValue: 2)
    /// A read resumes when the socket is writable. Reading isn't watched meanwhile: the socket would be readable all
    /// the time.
    static let toReadByWriting = StreamWaits(rawValue: 4)
    /// A message goes out when the socket has room for all of it, or when the loop's turn for this connection comes.
    static let room = StreamWaits(rawValue: 8)

    /// Part of what has been framed is not written yet, and nothing may be written before it.
    static let writing: StreamWaits = [.toWrite, .toRenegotiate]

    /// What to watch the socket for. Errors and hang-ups come without asking.
    var interest: Poller.Interest {
        var interest: Poller.Interest = contains(.toReadByWriting) ? .write : .read
        if contains(.toWrite) || contains(.room) { interest.insert(.write) }
        return interest
    }

    /// Whether to resume a write.
    func resumesWrite(_ ready: Poller.Interest) -> Bool {
        contains(.toWrite) && !ready.isDisjoint(with: [.write, .error, .hangUp])
    }

    /// Whether to read. A write that waits for a renegotiation causes reads, whatever the socket is ready for.
    func resumesRead(_ ready: Poller.Interest) -> Bool {
        let awaited: Poller.Interest = contains(.toReadByWriting) ? .write : .read
        return contains(.toRenegotiate) || !ready.isDisjoint(with: [awaited, .error, .hangUp])
    }
}
