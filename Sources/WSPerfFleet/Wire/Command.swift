/// What the controller says. Every command may arrive any number of times and means the same each time.
enum Command: Sendable, Hashable {
    /// To all, once a second: this session lives, and this is its run. A peer of another run knows that its run is over.
    case beacon(Beacon)
    /// To a listener: welcome to this session. Answered by its status.
    case welcome(Welcome)
    /// To a listener that had been given up: take a new identity and say hello.
    case rejoin
    /// To a peer of another protocol version, or one that is not wanted. Never changes its form.
    case refuse(Refusal)
    /// To a listener: launch these workers. Acknowledged by its status, which names the run.
    case launch(Launch)
    /// To a listener: the exits of these workers are known.
    case taken(Taken)
    /// To a listener: exit. Acknowledged by its end.
    case end
    /// To a worker, with the plan as body. Acknowledged by status `prepared` or `failed`.
    case plan
    /// To a worker: begin. Acknowledged by status `running`.
    case start
    /// To a worker: open nothing more, send nothing more, close politely. Acknowledged by status `stopping`.
    case stop
    /// To a worker: drop every connection. Acknowledged by status `finished`.
    case abort
    /// To a worker: these snapshots have been taken, those are missing.
    case acknowledge(Acknowledgement)

    struct Beacon: Sendable, Hashable, Codable {
        var software: String
        /// The run under way; nil between runs.
        var run: String?
        /// True for the last one: the session is over.
        var closing: Bool
    }

    struct Welcome: Sendable, Hashable, Codable {
        /// The name the listener's machine has in this session: its own, or that with a number if it was taken.
        var name: String
        var liveness_ms: Int64
    }

    struct Refusal: Sendable, Hashable, Codable {
        /// For the operator of the refused peer.
        var message: String
    }

    struct Launch: Sendable, Hashable, Codable {
        /// 1, 2, 3, … within the session; a launch with a lower number than the last is stale.
        var number: Int
        var liveness_ms: Int64
        /// How long a worker may wait for its plan and the start.
        var launch_ms: Int64
        var workers: [WorkerOrder]
    }

    struct Taken: Sendable, Hashable, Codable {
        var workers: [String]
    }

    struct Acknowledgement: Sendable, Hashable, Codable {
        /// All snapshots up to and including this one have been taken.
        var up_to: UInt64
        /// Of those after it, the ones to send again.
        var missing: [UInt64]
    }

    var type: WireType {
        switch self {
        case .beacon: .beacon
        case .welcome: .welcome
        case .rejoin: .rejoin
        case .refuse: .refuse
        case .launch: .launch
        case .taken: .taken
        case .end: .end
        case .plan: .plan
        case .start: .start
        case .stop: .stop
        case .abort: .abort
        case .acknowledge: .acknowledge
        }
    }
}

/// One worker to launch.
struct WorkerOrder: Sendable, Hashable, Codable {
    var id: String
    /// Which share of the plan it runs.
    var index: Int
}
