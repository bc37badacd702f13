/// The protocol's constants: version, ports, intervals and limits, all in one place. Docs/WireProtocol.md lists them.
///
/// Every duration is of the monotonic clock.
public enum FleetLimits {
    /// Version of the wire protocol. Peers of another version are refused.
    public static let protocolVersion = 1
    /// Where the controller publishes its commands.
    public static let publishPort: UInt16 = 5561
    /// Where the controller takes reports.
    public static let reportPort: UInt16 = 5564

    /// The longest any peer stays silent on purpose.
    static let heartbeat: Duration = .seconds(1)
    /// The same for a worker under load, whose snapshots (one a second) are signs of life enough.
    static let loadedHeartbeat: Duration = .milliseconds(1500)
    /// One of the two above, or less: a peer that may be silent for `liveness` is heard several times within it.
    static func heartbeat(_ usual: Duration, within liveness: Duration) -> Duration { min(usual, liveness / 3) }
    /// Silence after which a peer counts as lost while no plan says otherwise.
    public static let liveness: Duration = .seconds(5)
    /// A hello is repeated after this, then after twice as long each time, up to `heartbeat`.
    static let firstHelloInterval: Duration = .milliseconds(100)
    /// An unacknowledged command is published again after this.
    static let republish: Duration = .seconds(1)
    /// An unacknowledged snapshot is sent again after this.
    static let resend: Duration = .seconds(1)
    /// A snapshot that was asked for again is not sent more often than this.
    static let requestedResend: Duration = .milliseconds(200)

    /// How long a worker's last snapshots may still be under way after its listener reported its exit.
    static let settle: Duration = .milliseconds(500)
    /// How long the exit status of a worker that has delivered everything is waited for.
    static let exitReport: Duration = .seconds(2)
    /// On top of the plan's close timeout: what a worker may take to end its load once told to stop.
    static let drainMargin: Duration = .seconds(2)
    /// Between a polite signal to a process and SIGKILL.
    static let terminate: Duration = .seconds(3)
    /// How long closed sockets go on sending what they hold.
    static let linger: Duration = .milliseconds(500)
    /// A loop that wakes up this much later than it wanted was itself stopped or starved: its peers are forgiven that time.
    static let stall: Duration = .milliseconds(250)
    /// Deadlines this close together are met by one wake.
    static let timerSlack: Duration = .milliseconds(20)

    /// Snapshots that are under way to the controller and not yet acknowledged, per worker.
    static let snapshotWindow = 64
    /// How many of these, the oldest, are sent again for want of an acknowledgement alone: a controller that is behind gets
    /// no multiple of what it is behind with. The others follow as these are acknowledged, or when they are asked for.
    static let snapshotRepeats = 2
    /// Snapshots that wait behind that window; beyond this many, adjacent ones are merged.
    static let snapshotBacklog = 600
    /// Snapshots the controller holds undelivered before it stops accepting more.
    static let deliveryBacklog = 256

    /// Bytes of an envelope.
    static let envelope = 256 * 1024
    /// Bytes of a report's body. The largest snapshot (eight histograms with every bucket in use) is below it.
    static let reportBody = 4 << 20
    /// Bytes of a plan with the files it names.
    static let planBody = 256 << 20
    /// Parts of a message: topic, envelope, body.
    static let parts = 3
    /// Listeners a controller keeps track of; whoever says hello beyond that is ignored.
    static let listeners = 8192
    /// Worker processes a listener launches in one run.
    package static let processes = 1024
    /// Characters of a peer's name.
    static let name = 64
    /// Bytes of the last lines of a worker's stderr.
    static let stderr = 2048
    /// Characters of any other text from the network.
    static let text = 1024
}
