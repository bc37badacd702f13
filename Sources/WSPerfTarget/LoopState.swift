import NIOCore
import Synchronization

/// What the connections of one event loop share: counters, the outgoing buffer, the rooms. Confined to its loop.
final class LoopState {
    let eventLoop: any EventLoop
    let options: TargetOptions
    let hub: Hub
    var counters = TargetCounters()
    /// The head of the last request, taken apart only when someone asks.
    private(set) var lastHead = ByteBuffer()
    private(set) var lastHeadTime: NIODeadline?
    /// Replies of the read being served. Shared, so that an idle connection has no outgoing buffer of its own and a
    /// busy one allocates none.
    var out: ByteBuffer
    let tlsBuffers = TLSBuffers()
    var connections: [ObjectIdentifier: TargetConnection] = [:]
    var rooms: [String: [ObjectIdentifier: TargetConnection]] = [:]
    /// Told when counters changed; empty unless somebody waits.
    var observers: [Int: AsyncStream<Void>.Continuation] = [:]

    /// Capacity that `out` keeps between reads.
    private static let keptCapacity = 256 << 10

    init(eventLoop: any EventLoop, options: TargetOptions, hub: Hub) {
        self.eventLoop = eventLoop
        self.options = options
        self.hub = hub
        out = ByteBufferAllocator().buffer(capacity: 16 << 10)
    }

    /// Empties `out` once it has been written; reuses its storage if the socket took it all.
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

    /// To be called after each event that changed counters.
    @inline(__always)
    func changed() {
        if !observers.isEmpty { for observer in observers.values { observer.yield() } }
    }

    /// Sends a frame to everyone of this loop in a room.
    func deliver(_ frame: ByteBuffer, payloadLength: Int, toRoom room: String) {
        guard let members = rooms[room] else { return }
        for member in members.values { member.deliver(frame, payloadLength: payloadLength) }
        changed()
    }
}

@available(*, unavailable)
extension LoopState: Sendable {}

/// All the event loops of a server, for what crosses them.
final class Hub: Sendable {
    struct Entry: Sendable {
        let eventLoop: any EventLoop
        let state: NIOLoopBound<LoopState>
        let backlog: Backlog
    }
    /// Deliveries handed to a loop and not yet made.
    final class Backlog: Sendable {
        let count = Atomic<Int>(0)
    }
    /// Deliveries that may wait for one loop; further ones are dropped and counted.
    static let backlogLimit = 8192

    private let storage = Mutex<[ObjectIdentifier: Entry]>([:])

    func add(_ state: NIOLoopBound<LoopState>, of eventLoop: any EventLoop) {
        let entry = Entry(eventLoop: eventLoop, state: state, backlog: Backlog())
        storage.withLock { $0[ObjectIdentifier(eventLoop)] = entry }
    }

    /// Lets go of the loops, which hold on to this in turn. For when they have ended.
    func removeAll() { storage.withLock { $0 = [:] } }

    var entries: [Entry] { storage.withLock { Array($0.values) } }

    func entry(of eventLoop: any EventLoop) -> Entry? { storage.withLock { $0[ObjectIdentifier(eventLoop)] } }

    /// Sends a frame to everyone in a room, on whatever loop; called on the loop of `origin`.
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
