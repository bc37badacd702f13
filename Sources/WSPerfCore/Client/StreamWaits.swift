/// What a connection waits for besides the next bytes from the server. This decides which events its socket is watched
/// for. Pure.
///
/// Usually empty: then the socket is watched for reading only, and messages can be written.
struct StreamWaits: OptionSet {
    let rawValue: UInt8

    /// A write resumes when the socket is writable.
    static let toWrite = StreamWaits(rawValue: 1)
    /// A write resumes when reads have finished a TLS renegotiation.
    static let toRenegotiate = StreamWaits(rawValue: 2)
    /// A read resumes when the socket is writable. Reading is not watched in the meantime, because the socket would be
    /// readable all the time.
    static let toReadByWriting = StreamWaits(rawValue: 4)
    /// A message is sent when the socket has room for all of it, or when it is this connection's turn in the loop.
    static let room = StreamWaits(rawValue: 8)

    /// Part of the framed data is not written yet, and nothing may be written before it.
    static let writing: StreamWaits = [.toWrite, .toRenegotiate]

    /// The events to watch on the socket. Errors and hang-ups are always reported.
    var interest: Poller.Interest {
        var interest: Poller.Interest = contains(.toReadByWriting) ? .write : .read
        if contains(.toWrite) || contains(.room) { interest.insert(.write) }
        return interest
    }

    /// Whether to resume a write.
    func resumesWrite(_ ready: Poller.Interest) -> Bool {
        contains(.toWrite) && !ready.isDisjoint(with: [.write, .error, .hangUp])
    }

    /// Whether to read. A write that waits for a renegotiation needs reads, whatever the socket is ready for.
    func resumesRead(_ ready: Poller.Interest) -> Bool {
        let awaited: Poller.Interest = contains(.toReadByWriting) ? .write : .read
        return contains(.toRenegotiate) || !ready.isDisjoint(with: [awaited, .error, .hangUp])
    }
}
