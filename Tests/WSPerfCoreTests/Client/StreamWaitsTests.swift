import Testing

@testable import WSPerfCore

@Suite("StreamWaits")
struct StreamWaitsTests {
    struct Row: Sendable {
        let waits: StreamWaits
        let interest: Poller.Interest
        /// Which of readable, writable, error and hang-up lead to a write, and which to a read.
        let writes: Poller.Interest
        let reads: Poller.Interest
    }

    static let bad: Poller.Interest = [.error, .hangUp]

    static let rows = [
        Row(waits: [], interest: .read, writes: [], reads: bad.union(.read)),
        Row(waits: .toWrite, interest: [.read, .write], writes: bad.union(.write), reads: bad.union(.read)),
        // A write that waits for a read must not be watched for writing: the socket is writable all the time.
        Row(waits: .toRenegotiate, interest: .read, writes: [], reads: bad.union([.read, .write])),
        // A read that waits for a write must not be watched for reading.
        Row(waits: .toReadByWriting, interest: .write, writes: [], reads: bad.union(.write)),
        Row(
            waits: [.toReadByWriting, .toRenegotiate], interest: .write, writes: [], reads: bad.union([.read, .write])),
        Row(
            waits: [.toReadByWriting, .toWrite], interest: .write, writes: bad.union(.write), reads: bad.union(.write)),
        Row(waits: .room, interest: [.read, .write], writes: [], reads: bad.union(.read)),
        Row(waits: [.room, .toReadByWriting], interest: .write, writes: [], reads: bad.union(.write)),
    ]

    @Test("watches for what each direction waits for, and resumes it", arguments: rows)
    func table(row: Row) {
        #expect(row.waits.interest == row.interest)
        for ready: Poller.Interest in [.read, .write, .error, .hangUp] {
            #expect(row.waits.resumesWrite(ready) == row.writes.contains(ready), "\(ready)")
            #expect(row.waits.resumesRead(ready) == row.reads.contains(ready), "\(ready)")
        }
    }

    /// Every watched readiness leads to an action. Otherwise the poller would report it over and over.
    @Test("does not spin", arguments: rows)
    func acts(row: Row) {
        for ready: Poller.Interest in [.read, .write] where row.waits.interest.contains(ready) {
            let usesRoom = row.waits.contains(.room) && ready == .write
            #expect(row.waits.resumesRead(ready) || row.waits.resumesWrite(ready) || usesRoom, "\(ready)")
        }
    }
}
