/// Messages from the controller. A command may arrive any number of times; repetitions have no further effect.
enum Command: Sendable, Hashable {
    /// To all, once per second: the session is alive, and this is its run. A peer of another run learns that its own
    /// run is over.
    case beacon(Beacon)
    /// To a listener or worker: welcome to this session. It answers with its status.
    case welcome(Welcome)
    /// To a listener that counts as lost: take a new identity and say hello again.
    case rejoin
    /// To a peer with another protocol version, or one that does not take part. Its format is the same in all versions.
    case refuse(Refusal)
    /// To a listener: launch these workers. Acknowledged by its status, which contains the run's number.
    case launch(Launch)
    /// To a listener: the exits of these workers have arrived.
    case taken(Taken)
    /// To a listener: exit. Acknowledged when it leaves.
    case end
    /// To a worker: set up the plan in the body. Acknowledged by status `prepared` or `failed`.
    case plan
    /// To a worker: begin. Acknowledged by status `running`.
    case start
    /// To a worker: open and send nothing more, and close politely. Acknowledged by status `stopping`.
    case stop
    /// To a worker: drop every connection. Acknowledged by status `finished`.
    case abort
    /// To a listener: a part of a file that it asked for, which is the body.
    case chunk(Chunk)
    /// To a worker: which snapshots have arrived and which are missing.
    case acknowledge(Acknowledgement)

    struct Beacon: Sendable, Hashable, Codable {
        var software: String
        /// The current run; nil between runs.
        var run: String?
        /// True in the last beacon: the session is over.
        var closing: Bool
    }

    struct Welcome: Sendable, Hashable, Codable {
        /// The machine's name in this session: its own name, followed by a number if another machine has the same name.
        var name: String
        var livenessMilliseconds: Int64

        private enum CodingKeys: String, CodingKey {
            case name
            case livenessMilliseconds = "liveness_ms"
        }
    }

    struct Refusal: Sendable, Hashable, Codable {
        /// For the operator of the refused peer.
        var message: String
    }

    struct Launch: Sendable, Hashable, Codable {
        /// Number of the run: 1, 2, 3, … A launch with a lower number than the last one is stale.
        var number: Int
        var livenessMilliseconds: Int64
        /// How long a worker waits for its plan and the start.
        var launchMilliseconds: Int64
        /// How long a connection may take to close; nil if the controller does not say.
        var closeMilliseconds: Int64?
        /// How long results may take to arrive once the load has ended; nil if the controller does not say.
        var collectMilliseconds: Int64?
        var workers: [WorkerOrder]
        /// The files that must be there before the workers are launched; nil if there are none.
        var files: [FileReference]?

        private enum CodingKeys: String, CodingKey {
            case number, workers, files
            case livenessMilliseconds = "liveness_ms"
            case launchMilliseconds = "launch_ms"
            case closeMilliseconds = "close_ms"
            case collectMilliseconds = "collect_ms"
        }
    }

    struct Chunk: Sendable, Hashable, Codable {
        /// SHA-256 of the whole file.
        var file: String
        /// Its number in the file, from 0.
        var number: Int
    }

    struct Taken: Sendable, Hashable, Codable {
        var workers: [String]
    }

    struct Acknowledgement: Sendable, Hashable, Codable {
        /// All snapshots up to and including this one have arrived.
        var upTo: UInt64
        /// Later snapshots that must be sent again.
        var missing: [UInt64]

        private enum CodingKeys: String, CodingKey {
            case upTo = "up_to"
            case missing
        }
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
        case .chunk: .chunk
        case .acknowledge: .acknowledge
        }
    }
}

/// One worker to launch.
struct WorkerOrder: Sendable, Hashable, Codable {
    var id: String
    /// Its share of the plan.
    var index: Int
}
