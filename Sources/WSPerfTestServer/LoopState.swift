import NIOCore
import Synchronization

/// What the connections of one event loop share: counters, the outgoing buffer, the rooms. Confined to its loop.
final class LoopState {
    let eventLoop: any EventLoop
    let options: TestServerOptions
    let hub: Hub
    var counters = TestServerCounters()
    /// The head of the last request. It is parsed only on demand.
    private(set) var lastHead = ByteBuffer()
    private(set) var lastHeadTime: NIODeadline?
    /// Replies to the current read. The loop's connections share it, so an idle connection has no outgoing buffer and a
    /// busy one allocates none.
    var out: ByteBuffer
    let tlsBuffers = TLSBuffers()
    var connections: [ObjectIdentifier: TestServerConnection] = [:]
    var rooms: [String: [ObjectIdentifier: TestServerConnection]] = [:]
    /// Notified when counters change; empty if nobody waits for a change.
    var observers: [Int: AsyncStream<Void>.Continuation] = [:]

    /// Capacity that `out` keeps between reads.
    private static let keptCapacity = 256 << 10

    init(eventLoop: any EventLoop, options: TestServerOptions, hub: Hub) {
        self.eventLoop = eventLoop
        self.options = options
        self.hub = hub
        out = ByteBufferAllocator().buffer(capacity: 16 << 10)
    }

    /// Empties `out` after it was written. Reuses its storage if the socket took everything.
    func resetOut() {
        if out.capacity > Self.keptCapacity {
            out = ByteBufferAllocator().buffer(capacity: 16 << 10)
        } else {
            out.clear()
        }
    }

    func record(head: ByteBuffer) {
        lastHead.clear()
        lastHead.writeImmutableBuffer(head)
        lastHeadTime = .now()
    }

    func counted(_ fault: Fault) { counters.faults[fault, default: 0] += 1 }

    /// Call this after each event that changes counters.
    @inline(__always)
    func changed() {
        if !observers.isEmpty { for observer in observers.values { observer.yield() } }
    }

    /// Sends a frame to every connection of this loop in a room.
    func deliver(_ frame: ByteBuffer, payloadLength: Int, toRoom room: String) {
        guard let members = rooms[room] else { return }
        for member in members.values { member.deliver(frame, payloadLength: payloadLength) }
        changed()
    }
}

@available(*, unavailable)
extension LoopState: Sendable {}

/// All event loops of a server, for operations that involve more than one.
final class Hub: Sendable {
    struct Entry: Sendable {
        let eventLoop: any EventLoop
        let state: NIOLoopBound<LoopState>
        let backlog: Backlog
    }
    /// Broadcasts that were handed to a loop but are not delivered yet.
    final class Backlog: Sendable {
        let count = Atomic<Int>(0)
    }
    /// The most broadcasts that may wait for one loop. Further ones are dropped and counted.
    static let backlogLimit = 8192

    private let storage = Mutex<[ObjectIdentifier: Entry]>([:])

    func add(_ state: NIOLoopBound<LoopState>, of eventLoop: any EventLoop) {
        let entry = Entry(eventLoop: eventLoop, state: state, backlog: Backlog())
        storage.withLock { $0[ObjectIdentifier(eventLoop)] = entry }
    }

    /// Releases the loops, which hold references back to this. Call it when they have ended.
    func removeAll() { storage.withLock { $0 = [:] } }

    var entries: [Entry] { storage.withLock { Array($0.values) } }

    func entry(of eventLoop: any EventLoop) -> Entry? { storage.withLock { $0[ObjectIdentifier(eventLoop)] } }

    /// Sends a frame to everyone in a room, on all loops. Must be called on the loop of `origin`.
    func broadcast(_ frame: ByteBuffer, payloadLength: Int, toRoom room: String, from origin: LoopState) {
        for entry in entries {
            if entry.eventLoop === origin.eventLoop {
                origin.deliver(frame, payloadLength: payloadLength, toRoom: room)
                continue
            }
            guard entry.backlog.count.add(1, ordering: .relaxed).newValue <= Self.backlogLimit else {
                entry.backlog.count.subtract(1, ordering: .relaxed)
                origin.counters.dropped += 1
                continue
            }
            entry.eventLoop.execute {
                entry.backlog.count.subtract(1, ordering: .relaxed)
                entry.state.value.deliver(frame, payloadLength: payloadLength, toRoom: room)
            }
        }
    }
}
