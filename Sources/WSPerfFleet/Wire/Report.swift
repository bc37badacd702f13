/// What listeners and workers say.
enum Report: Sendable, Hashable {
    /// Repeated until answered: by `welcome` to a listener, by `plan` to a worker.
    case hello(Hello)
    /// A listener's heartbeat and acknowledgements.
    case listener(ListenerStatus)
    /// One of a listener's workers is over. Repeated until `taken`.
    case exited(WorkerExit)
    /// A worker's heartbeat and acknowledgements.
    case worker(WorkerStatus)
    /// A worker's snapshot, the body; repeated until acknowledged.
    case snapshot(SnapshotHeader)

    enum Role: String, Sendable, Hashable, Codable {
        case listener
        case worker
    }

    struct Hello: Sendable, Hashable, Codable {
        var role: Role
        /// The listener's name, or that of the worker's machine.
        var name: String
        var pid: Int32
        var software: String
    }

    struct ListenerStatus: Sendable, Hashable, Codable {
        /// The number of the launch it carries out; 0 for none.
        var number: Int
        /// Worker processes launched for that number so far, those that have ended included.
        var launched: Int
        /// Worker processes that are alive.
        var alive: Int
        /// It is about to exit: nothing more will be heard of it.
        var leaving: Bool
    }

    struct WorkerStatus: Sendable, Hashable, Codable {
        var state: WorkerState
        var pid: Int32
        /// Why it ended its load without having been told to; why it failed.
        var reason: String?
    }

    struct SnapshotHeader: Sendable, Hashable, Codable {
        var sequence: UInt64
        var final: Bool
        /// As in the status: why it ended its load without having been told to.
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

/// How far a worker is. It only ever moves down this list.
enum WorkerState: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    /// Waiting for the plan.
    case waiting
    /// The plan is set up; waiting for the start.
    case prepared
    /// Under load.
    case running
    /// Under load that is being ended.
    case stopping
    /// Every connection has come to its outcome; the final snapshot exists.
    case finished
    /// The plan could not be set up or carried out; `reason` says why.
    case failed

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    static func < (a: WorkerState, b: WorkerState) -> Bool { a.rank < b.rank }
}

/// How a worker process ended, as its listener saw it.
struct WorkerExit: Sendable, Hashable, Codable {
    var worker: String
    var pid: Int32
    /// Exit status, if it exited.
    var status: Int32?
    /// Signal, if one ended it.
    var signal: Int32?
    /// Why there never was a process.
    var error: String?
    /// The last lines of its stderr, before them the one that says why it crashed.
    var stderr: String

    /// Whether it would end like this again: it cannot be launched, or said that its plan or its options are wrong.
    var wouldRecur: Bool { error != nil || status == 2 }

    /// For people.
    var readable: String {
        if let error { return "could not be launched: \(error)" }
        if let signal { return "killed by \(SignalName.readable(signal))" }
        return "exited with status \(status ?? 0)"
    }

    /// What it said last, as the end of a sentence: why it crashed, or else its last lines. Empty if it said nothing.
    var lastWords: String {
        let lines = stderr.split(separator: "\n")
        let words = lines.last { Self.tellsOfCrash(Array($0.utf8)) }.map { [$0] } ?? lines.suffix(5)
        return words.isEmpty ? "" : "; its last words: " + words.joined(separator: " | ")
    }

    /// Whether a line is the Swift runtime's about a crash; a backtrace of many lines comes after it.
    static func tellsOfCrash(_ line: [UInt8]) -> Bool {
        ["Fatal error", "Precondition failed", "Assertion failed"].contains { words in
            line.indices.contains { line[$0] == words.utf8.first && line[$0...].starts(with: words.utf8) }
        }
    }
}
