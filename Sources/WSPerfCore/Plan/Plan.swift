/// A complete load test: the target, the number of connections, what each one sends and when.
///
/// A plan comes from a plan file (`PlanNode`, read by `Plan.init(document:)`) or is written in code:
///
/// ```swift
/// var plan = Plan(target: try Target("ws://127.0.0.1:9000/"))
/// plan.instances = 100
/// plan.messages = 10
/// ```
public struct Plan: Sendable, Hashable {
    /// Shown in reports and part of the run directory's name.
    public var name: String = "run"
    public var target: Target
    /// Machines to wait for. Each runs one listener.
    public var machines: Int = 1
    /// Worker processes on each machine.
    public var processes: Int = 1
    /// Connections in each worker process.
    public var instances: Int = 1
    /// Event loops in each worker process.
    public var threads: Int = 1
    /// The client, by its name in the workers' registry, with its options.
    public var client = ComponentPlan.stock
    /// When each connection sends its messages.
    public var schedule = SchedulePlan.periodic()
    /// What the messages contain.
    public var payload = PayloadPlan.random()
    /// If false, connections open, measure the handshake and close.
    public var sendMessages: Bool = true
    /// Messages that each connection sends before it closes. If nil, it sends as many as the schedule has or as fit in
    /// `duration`.
    public var messages: Int? = nil
    /// How long a connection sends, counted from its opening, with any schedule. If nil, it sends until its messages
    /// are sent.
    /// A message that was due by then and could not be sent counts as `unsent`.
    public var duration: Duration? = nil
    /// How long a due message may wait so that one wake of the loop sends several messages; 0 to 10 ms.
    ///
    /// nil (`auto` in a plan file) means no delay while the loop has time to spare, and up to 400 µs as its utilisation
    /// rises. A duration is a fixed upper limit. The delay shrinks with the message rate, to zero for sparse schedules. It
    /// is part of the send lag.
    public var timerSlack: Duration? = nil
    public var ramp: RampPlan = .rate(perSecond: 1000)
    /// The most connections of a worker that may be opening at the same time, from the start of name resolution to the end
    /// of the upgrade. nil means no limit. A connection that is due while the limit is reached waits for another one to
    /// finish, so a server or a machine that cannot keep up with the ramp gets new connections more slowly.
    public var maxOpening: Int? = nil
    public var match: MatchMode = .echo
    /// Messages that may wait for a reply before the connection holds back the next one. nil is an open loop, 1 a
    /// closed one.
    public var inFlight: Int? = nil
    /// Unanswered messages whose exact times a connection remembers, 24 bytes each. Beyond that it remembers every second
    /// message, then every fourth and so on, and interpolates the times of the others.
    public var maxUnanswered: Int = 1024
    public var seed: UInt64 = 1
    public var tls = TLSPlan()
    /// Extra request headers, in order.
    public var headers: [Header] = []
    /// Offered in `Sec-WebSocket-Protocol`, in order of preference.
    public var subprotocols: [String] = []
    /// Local addresses of the connections; each address gets an equal share. If empty, the kernel chooses.
    public var sourceAddresses: [AddressRange] = []
    /// The sockets' congestion control, by its kernel name (`cubic`); nil means the system's default.
    public var congestionControl: String? = nil
    public var timeouts = TimeoutPlan()
    /// How connections that failed or ended early connect again; nil means never.
    public var reconnect: ReconnectPlan? = nil
    /// The largest payload of a received message, bytes.
    public var maxMessageSize: Int = 16 << 20
    /// The run's hard limit: connections still open then are `aborted`. If nil, it is computed from the plan (see
    /// `arithmetic`).
    public var timeLimit: Duration? = nil
    /// What happens to a run that loses a worker.
    public var onLostWorker: LostWorkerPolicy = .continue
    /// The fewest machines with which the load may begin; nil means all of `machines`.
    public var minMachines: Int? = nil
    /// What the figures of a good run must be. They do not change the load, except that one with `aborts` may end it.
    public var thresholds: [Threshold] = []
    public var fleet = FleetPlan()
    /// Contents of files that the plan names (a replay log, a CA file), by their paths in the plan. Files that are not in
    /// it are read from this machine's disk.
    public var attachments: [String: [UInt8]] = [:]
    /// The paths of files that came from another machine, by their paths in the plan. Do not change these files while the
    /// plan is in use: a replay log is mapped into memory.
    public var fileLocations: [String: String] = [:]

    public init(target: Target) { self.target = target }

    /// The number of connections in the whole run.
    public var connections: Int { machines * processes * instances }
}

/// How replies are matched to messages.
public enum MatchMode: String, Sendable, Hashable, CaseIterable {
    /// First in, first out: the n-th data message received answers the n-th message sent.
    case echo
    /// By an id that the engine writes at the start of the payload: works despite reordering, loss and broadcast.
    case tagged
    /// A ping after each message; its pong is the reply. Received data messages are counted but never matched.
    case ping
    /// The engine waits for no replies, and nothing received is unexpected.
    case none

    /// Bytes of the engine's id at the start of a binary message with `tagged` matching; no message may be shorter.
    public static let taggedBinaryLength = 24
    /// The same for a text message.
    public static let taggedTextLength = 48
}
