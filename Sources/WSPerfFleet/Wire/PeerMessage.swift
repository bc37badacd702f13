/// Messages from listeners and workers to the controller.
enum PeerMessage: Sendable, Hashable {
    /// Repeated until the controller answers with `welcome`.
    case hello(Hello)
    /// A listener's heartbeat, which also acknowledges commands.
    case listener(ListenerStatus)
    /// One of a listener's workers has ended. Repeated until `taken` arrives.
    case exited(WorkerExit)
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
        case .worker: .worker
        case .snapshot: .snapshot
        }
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
