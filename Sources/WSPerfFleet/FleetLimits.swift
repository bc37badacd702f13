/// The protocol's constants: version, ports, intervals and limits. Docs/WireProtocol.md lists them.
///
/// All durations are of the monotonic clock.
public enum FleetLimits {
    /// Version of the wire protocol. Peers of another version are refused.
    public static let protocolVersion = 2
    /// Default port on which the controller publishes commands.
    public static let publishPort: UInt16 = 5561
    /// Default port on which the controller receives messages from listeners and workers.
    public static let reportPort: UInt16 = 5564

    /// Every peer sends a message at least this often.
    static let heartbeat: Duration = .seconds(1)
    /// The same for a worker under load, whose snapshots (one per second) are signs of life too.
    static let loadedHeartbeat: Duration = .milliseconds(1500)
    /// The interval between heartbeats: `usual`, but several heartbeats must fit into `liveness`.
    static func heartbeat(_ usual: Duration, within liveness: Duration) -> Duration { min(usual, liveness / 3) }
    /// A peer that is silent for this long counts as lost, unless a plan sets another limit.
    public static let liveness: Duration = .seconds(5)
    /// Time until a hello is repeated. It doubles with each repetition, up to `heartbeat`.
    static let firstHelloInterval: Duration = .milliseconds(100)
    /// Time until a command without an acknowledgement is published again.
    static let republish: Duration = .seconds(1)
    /// Time until a snapshot without an acknowledgement is sent again.
    static let resend: Duration = .seconds(1)
    /// Minimum time between repetitions of a snapshot that the controller requests again.
    static let requestedResend: Duration = .milliseconds(200)

    /// How long a worker's last snapshots may still be on their way after its listener has reported its exit.
    static let settle: Duration = .milliseconds(500)
    /// How often a listener launches one share of the plan if its worker dies before the load.
    static let launchAttempts = 3
    /// How long the controller waits for the exit status of a worker that has delivered all results.
    static let exitStatusWait: Duration = .seconds(2)
    /// Time between SIGTERM and SIGKILL. `GracePeriods` has the times that depend on the plan.
    static let terminate: Duration = .seconds(3)
    /// How long a closed socket keeps sending its queued messages.
    static let linger: Duration = .milliseconds(500)
    /// A loop that wakes up this late was itself stopped or starved, so the silence of its peers during that time does not
    /// count.
    static let stall: Duration = .milliseconds(250)
    /// Deadlines this close together share one wake-up.
    static let timerSlack: Duration = .milliseconds(20)

    /// Snapshots per worker that are sent but not acknowledged.
    static let snapshotWindow = 64
    /// How many of these, the oldest first, are sent again if no acknowledgement comes. Repeating all of them would
    /// overload a controller that is behind. The others are repeated once these are acknowledged, or when the
    /// controller requests them.
    static let snapshotRepeats = 2
    /// Snapshots that wait behind that window. If there are more, adjacent ones are merged.
    static let snapshotBacklog = 600
    /// Bytes of the snapshots of all workers that the controller holds because an earlier one is missing.
    static let heldSnapshots = 64 << 20
    /// Events that wait to be recorded before the controller stops accepting snapshots.
    static let deliveryBacklog = 256

    /// Maximum bytes of an envelope.
    static let envelope = 256 * 1024
    /// Maximum bytes of the body of a message to the controller. The largest snapshot (eight histograms with every bucket in
    /// use) is smaller.
    static let peerMessageBody = 4 << 20
    /// Maximum bytes of the body of a command: a plan, which names its files, or a chunk of a file.
    static let commandBody = 1 << 20
    /// Bytes of a chunk of a file. A longer plan is sent in chunks too.
    static let chunk = 64 << 10
    /// Maximum bytes of a plan as JSON.
    static let plan = 16 << 20
    /// The most chunks of a listener that are under way.
    static let chunkWindow = 128
    /// While chunks are stored this soon after they were asked for, the listener asks for more at a time.
    static let quickChunk: Duration = .milliseconds(250)
    /// If a chunk takes longer, the listener asks for fewer at a time, because beacons queue behind them.
    static let slowChunk: Duration = .milliseconds(500)
    /// The least time until a chunk that has not arrived is asked for again.
    static let chunkPatience: Duration = .seconds(2)
    /// How often a listener gets a file whose digest turns out to be wrong.
    static let fetchAttempts = 3
    /// The largest file that is sent.
    static let file = 64 << 30
    /// The most files of a plan.
    static let files = 64
    /// A listener keeps a file that no run uses for so long.
    static let fileKept: Duration = .seconds(3600)
    /// The most files without a run that a listener keeps.
    static let filesKept = 16
    /// Maximum parts of a message: topic, envelope, body.
    static let parts = 3
    /// Listeners that a controller tracks. Hellos of further ones are ignored.
    static let listeners = 8192
    /// Worker processes that a listener launches in one run.
    package static let processes = 1024
    /// Maximum characters of a peer's name.
    static let name = 64
    /// Maximum bytes of a worker's stderr that are kept.
    static let stderr = 2048
    /// Maximum characters of any other text from the network.
    static let text = 1024
}
