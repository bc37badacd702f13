import Testing
import WSPerfCore

@testable import WSPerfFleet

/// Outbox and inbox over a line that loses, repeats and reorders.
@Suite struct SnapshotStreamTests {
    private func snapshot(_ sent: UInt64, final: Bool = false) -> Snapshot {
        var statistics = LoadStatistics()
        statistics.sent = sent
        statistics.rttResponse.record(sent * 1000)
        return Snapshot(sequence: 0, elapsed: sent, isFinal: final, statistics: statistics)
    }

    @Test(arguments: 0..<60) func everythingArrivesOnceAndInOrder(_ seed: Int) throws {
        var random = TestRandom(seed: UInt64(seed))
        var outbox = SnapshotOutbox(window: 8, backlog: 10)
        var inbox = SnapshotInbox()
        var now = FleetInstant(nanoseconds: 0)
        var line: [SnapshotOutbox.Parcel] = []
        var received: [Snapshot] = []
        let total = Int.random(in: 1...120, using: &random)
        var produced = 0
        var expected = LoadStatistics()
        let loss = Double.random(in: 0...0.7, using: &random)
        for _ in 0..<20_000 where !outbox.isDelivered {
            now = now + .milliseconds(Int64.random(in: 1...700, using: &random))
            if produced < total, random.chance(0.6) {
                produced += 1
                let next = snapshot(UInt64(produced), final: produced == total)
                expected.merge(next.statistics)
                outbox.append(next)
                #expect(outbox.count <= 8 + 11)
            }
            for parcel in outbox.due(now: now) {
                outbox.sent(parcel.sequence, now: now)
                if !random.chance(loss) { line.append(parcel) }
                if random.chance(0.2) { line.append(parcel) }
            }
            line.shuffle(using: &random)
            while let parcel = line.popLast(), !random.chance(0.2) {
                if inbox.wants(parcel.sequence) {
                    let (ready, unreadable) = inbox.take(parcel.sequence, parcel.body)
                    received += ready.map(\.snapshot)
                    #expect(unreadable == nil)
                }
                if !random.chance(loss) {
                    outbox.acknowledge(.init(upTo: inbox.accepted, missing: inbox.missing), now: now)
                }
            }
        }
        #expect(outbox.isDelivered && inbox.isComplete)
        #expect(received.map(\.sequence) == Array(1...UInt64(received.count)))
        #expect(received.last?.isFinal == true && received.dropLast().allSatisfy { !$0.isFinal })
        #expect(received.map(\.elapsed) == received.map(\.elapsed).sorted())
        var sum = LoadStatistics()
        for snapshot in received { sum.merge(snapshot.statistics) }
        #expect(sum == expected)
    }

    @Test func whileNobodyAcknowledgesTheOutboxStaysBounded() {
        var outbox = SnapshotOutbox()
        for number in 1...5000 { outbox.append(snapshot(UInt64(number))) }
        #expect(outbox.count <= FleetLimits.snapshotWindow + FleetLimits.snapshotBacklog + 1)
        #expect(outbox.due(now: FleetInstant(nanoseconds: 0)).count == FleetLimits.snapshotWindow)
    }

    /// A controller that is behind is not buried under repetitions of all that it has not come to yet.
    @Test func onlyTheOldestAreRepeatedUnasked() {
        var outbox = SnapshotOutbox()
        for number in 1...40 { outbox.append(snapshot(UInt64(number))) }
        var now = FleetInstant(nanoseconds: 0)
        for parcel in outbox.due(now: now) { outbox.sent(parcel.sequence, now: now) }
        now = now + .seconds(3)
        let repeated = outbox.due(now: now).map(\.sequence)
        #expect(repeated == Array(1...UInt64(FleetLimits.snapshotRepeats)))
        for sequence in repeated { outbox.sent(sequence, now: now) }
        #expect(outbox.due(now: now).isEmpty)
        #expect(outbox.nextDeadline.map { $0 > now } == true)
        // What is asked for is sent, wherever it stands; what moves up is due.
        outbox.acknowledge(.init(upTo: 2, missing: [30]), now: now)
        #expect(outbox.due(now: now).map(\.sequence) == [3, 4, 30])
    }

    @Test func whatIsBeyondTheWindowIsNotKept() {
        var inbox = SnapshotInbox()
        #expect(!inbox.wants(0))
        #expect(!inbox.wants(UInt64(FleetLimits.snapshotWindow) + 1))
        #expect(!inbox.wants(.max))
        #expect(inbox.take(3, body(3)).ready == [])
        #expect(!inbox.wants(3))
        #expect(inbox.missing == [1, 2])
    }

    /// What came early is only looked at in its turn. What breaks a rule is named.
    @Test func whatIsNoSnapshotIsRefusedByName() {
        var inbox = SnapshotInbox()
        #expect(inbox.take(2, [1, 2, 3]) == ([], nil))
        #expect(inbox.take(3, body(4)) == ([], nil))
        #expect(inbox.take(4, body(4)) == ([], nil))
        #expect(inbox.heldBytes == 3 + 2 * body(4).count)
        let (first, offence) = inbox.take(1, body(1))
        #expect(first.map(\.snapshot.sequence) == [1])
        #expect(offence == "snapshot 2: version 1 is not known, only 2 (byte 1)")
        #expect(
            inbox.take(2, body(2)) == ([EncodedSnapshot(numbered(2))], "snapshot 3: its body has the number 4"))
    }

    /// A newer worker's snapshot has a counter that this version does not know. Encoding it again would lose the count.
    @Test func aSnapshotKeepsItsBytesAsTheyCame() throws {
        let name = Array("a_new_counter".utf8)
        let body: [UInt8] = [2, 0, 1, 1, 3, 1, UInt8(name.count)] + name + [1, 1, 7]
        var inbox = SnapshotInbox()
        let (ready, unreadable) = inbox.take(1, body)
        #expect(unreadable == nil && ready.map(\.bytes) == [body])
        #expect(ready.first?.snapshot.encoded() != body)
    }

    private func numbered(_ sequence: UInt64) -> Snapshot {
        var snapshot = snapshot(sequence)
        snapshot.sequence = sequence
        return snapshot
    }

    private func body(_ sequence: UInt64) -> [UInt8] { numbered(sequence).encoded() }
}
