internal import WSPerfCore

/// Messages from listeners and workers to the controller.
enum PeerMessage: Sendable, Hashable {
    /// Repeated until the controller answers with `welcome`.
    case hello(Hello)
    /// A listener's heartbeat, which also acknowledges commands.
    case listener(ListenerStatus)
    /// One of a listener's workers has ended. Repeated until `taken` arrives.
    case exited(WorkerExit)
    /// A listener asks for a part of a file that a launch names, and says how much of it is stored.
    case fetch(Fetch)
    /// A worker's heartbeat, which also acknowledges commands.
    case worker(WorkerStatus)
    /// A worker's snapshot, which is the body. Repeated until acknowledged.
    case snapshot(SnapshotHeader)

    enum Role: String, Sendable, Hashable, Codable {
        case listener
        case worker
    }

    struct Hello: Sendable, Hashable, Codable {
        var role: Role
        /// The listener's name, or the name of the worker's machine.
        var name: String
        var pid: Int32
        var software: String
        /// The version of the snapshots that it sends, or that its workers send, and of the statistics in them: "2.3"; nil
        /// if it does not say.
        var snapshotVersion: String?

        private enum CodingKeys: String, CodingKey {
            case role, name, pid, software
            case snapshotVersion = "snapshot_version"
        }
    }

    struct ListenerStatus: Sendable, Hashable, Codable {
        /// Number of the launch that it is carrying out; 0 for none.
        var number: Int
        /// Worker processes launched for that number so far, including those that have ended.
        var launched: Int
        /// Worker processes that have not ended.
        var alive: Int
        /// It is about to exit and sends nothing more.
        var leaving: Bool
    }

    struct Fetch: Sendable, Hashable, Codable {
        /// SHA-256 of the file.
        var file: String
        /// The first chunk that it asks for.
        var first: Int
        /// Number of chunks; 0 if it only says how much is stored.
        var count: Int
        /// Chunks of the file that are stored.
        var stored: Int
    }

    struct WorkerStatus: Sendable, Hashable, Codable {
        var state: WorkerState
        var pid: Int32
        /// Why it ended its load early, or why it failed.
        var reason: String?
    }

    struct SnapshotHeader: Sendable, Hashable, Codable {
        var sequence: UInt64
        var final: Bool
        /// Why it ended its load early, as in the status.
        var reason: String?
    }

    var type: WireType {
        switch self {
        case .hello: .hello
        case .listener: .listener
        case .exited: .exited
        case .fetch: .fetch
        case .worker: .worker
        case .snapshot: .snapshot
        }
    }
}

extension PeerMessage.Hello {
    /// The hello of a peer of this version.
    init(own role: PeerMessage.Role, name: String, pid: Int32) {
        self.init(
            role: role, name: name, pid: pid, software: WSPerfVersion.current, snapshotVersion: Self.ownSnapshotVersion)
    }

    private static var ownSnapshotVersion: String { "\(Snapshot.formatVersion).\(LoadStatistics.formatVersion)" }

    /// Why it cannot take part: the predicate of a sentence; nil if it can.
    var incompatibility: String? {
        guard let snapshotVersion, snapshotVersion != Self.ownSnapshotVersion else { return nil }
        return "sends snapshots of format \(snapshotVersion) (software \(software)); this controller reads format "
            + "\(Self.ownSnapshotVersion) (software \(WSPerfVersion.current))"
    }

    /// The predicate of a sentence if it is another version of this software; otherwise nil.
    var otherBuild: String? {
        guard software != WSPerfVersion.current, software.first?.isNumber == true else { return nil }
        return "is version \(software); this controller is version \(WSPerfVersion.current)"
    }
}

/// The state of a worker. It only moves down this list.
enum WorkerState: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    /// Waiting for the plan.
    case waiting
    /// The plan is set up; waiting for the start.
    case prepared
    /// Under load.
    case running
    /// Ending its load.
    case stopping
    /// Every connection has its outcome, and the final snapshot exists.
    case finished
    /// The plan could not be set up or carried out. `reason` says why.
    case failed

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    static func < (a: WorkerState, b: WorkerState) -> Bool { a.rank < b.rank }
}

/// How a worker process ended, as its listener observed it.
struct WorkerExit: Sendable, Hashable, Codable {
    var worker: String
    var pid: Int32
    /// Exit status, if it exited.
    var status: Int32?
    /// Signal, if a signal ended it.
    var signal: Int32?
    /// Why the process could not be launched.
    var error: String?
    /// The last lines of its output, or the first that it printed about a crash.
    var stderr: String

    /// Whether another attempt would end the same way: the process cannot be launched, or its options or plan are wrong.
    var wouldRecur: Bool { error != nil || status == 2 }

    /// A description for people.
    var readable: String {
        if let error { return "could not be launched: \(error)" }
        if let signal { return "killed by \(SignalName.readable(signal))" }
        return "exited with status \(status ?? 0)"
    }

    /// The end of a sentence: the reason for its crash, or the last lines of its stderr. Empty if its stderr is empty.
    var lastWords: String {
        let lines = stderr.split(separator: "\n")
        let words = lines.last { Self.tellsOfCrash(Array($0.utf8)) }.map { [$0] } ?? lines.suffix(5)
        return words.isEmpty ? "" : "; last output: " + words.joined(separator: " | ")
    }

    /// Whether a line is the Swift runtime's message about a crash, which is followed by a long backtrace.
    static func tellsOfCrash(_ line: [UInt8]) -> Bool {
        ["Fatal error", "Precondition failed", "Assertion failed"].contains { words in
            line.indices.contains { line[$0] == words.utf8.first && line[$0...].starts(with: words.utf8) }
        }
    }
}
