/// A resolved load test: what to connect to, how many connections, what each sends and when.
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
    /// Listeners to wait for, one a machine.
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
    /// False: open, measure the handshake, close.
    public var sendMessages: Bool = true
    /// Messages each connection sends before it closes; nil: as many as the schedule has, or as fit in `duration`.
    public var messages: Int? = nil
    /// How long after it opened a connection goes on sending, whatever its schedule; nil: until its messages are sent.
    /// A message that was due by then and could not be sent is counted as `unsent`.
    public var duration: Duration? = nil
    /// How much later than due a message may be sent so that several go out in one wake of the loop; 0 to 10 ms.
    ///
    /// nil, which a plan writes as `auto`: none while the loop has time to spare, more as its utilisation rises, at most
    /// 400 µs. A duration is a fixed upper limit: the loop takes less of it the fewer messages come due, and none where
    /// they are rarer than this. What the slack costs is in the send lag.
    public var timerSlack: Duration? = nil
    public var ramp: RampPlan = .rate(perSecond: 1000)
    /// Connections of a worker that are opening at the same time at most, from the start of name resolution to the end
    /// of the upgrade; nil: as many as the ramp makes. A connection whose time to open comes meanwhile waits for one of
    /// them to be done, so a server or a machine that cannot keep up with the ramp is opened more slowly.
    public var maxOpening: Int? = nil
    public var match: MatchMode = .echo
    /// Replies a connection may wait for before it holds its next message back; nil is the open loop, 1 the closed one.
    public var inFlight: Int? = nil
    /// Messages waiting for a reply that a connection remembers with their exact times, 24 bytes each. Beyond that it
    /// remembers every second message, then every fourth and so on, and interpolates the times of the others.
    public var maxUnanswered: Int = 1024
    public var seed: UInt64 = 1
    public var tls = TLSPlan()
    /// Extra request headers, in order.
    public var headers: [Header] = []
    /// Offered in `Sec-WebSocket-Protocol`, in order of preference.
    public var subprotocols: [String] = []
    /// Local addresses that connections come from, each with an equal share; empty: the kernel chooses.
    public var sourceAddresses: [AddressRange] = []
    /// The congestion control of connections' sockets, by the kernel's name for it (`cubic`); nil: the system's.
    public var congestionControl: String? = nil
    public var timeouts = TimeoutPlan()
    /// What connections that failed or died do; nil: stay dead.
    public var reconnect: ReconnectPlan? = nil
    /// Bytes of payload a received message may have.
    public var maxMessageSize: Int = 16 << 20
    /// The longest a run may take before what is left of it is `aborted`; nil: computed from the plan (see
    /// `arithmetic`).
    public var timeLimit: Duration? = nil
    /// What becomes of a run that loses a worker.
    public var onLostWorker: LostWorkerPolicy = .continue
    /// Machines that must be there for the load to begin; nil: all of `machines`.
    public var minMachines: Int? = nil
    public var fleet = FleetPlan()
    /// Contents of the files the plan names (a replay log, a CA file), by the path as written in the plan. Filled by
    /// whoever sends the plan to another machine; a file that is not here is read from this machine's disk.
    public var attachments: [String: [UInt8]] = [:]

    public init(target: Target) { self.target = target }

    /// Connections of the whole run.
    public var connections: Int { machines * processes * instances }
}
