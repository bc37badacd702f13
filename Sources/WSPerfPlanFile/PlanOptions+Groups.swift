public import ArgumentParser

// The groups of a plan's options in the help. All values are text: the plan's reader checks them, and its errors name
// the option.
extension PlanOptions {
    /// The server under test, and the run.
    public struct Target: ParsableArguments {
        @Option(help: ArgumentHelp("The server under test: a ws:// or wss:// URL.", valueName: "URL"))
        public var target: String?
        @Option(help: ArgumentHelp("The run's name.", valueName: "NAME"))
        public var name: String?
        @Option(help: ArgumentHelp("The kind of client.", valueName: "KIND"))
        public var client: String?
        @Option(
            parsing: .singleValue,
            help: ArgumentHelp(
                "Sets any key of the plan, such as schedule.interval=5s; the value is YAML; may be repeated.",
                valueName: "key=value"))
        public var set: [String] = []

        public init() {}
    }

    /// How connections open and when they send.
    public struct Load: ParsableArguments {
        @Option(help: ArgumentHelp("Connections in each worker process.", valueName: "N"))
        public var instances: String?
        @Option(help: ArgumentHelp("Event loops in each worker process.", valueName: "N"))
        public var threads: String?
        @Option(
            help: ArgumentHelp("The kind of schedule: periodic, randomized, replay, or your own.", valueName: "KIND"))
        public var schedule: String?
        @Option(
            help: ArgumentHelp(
                "Time from one message to the next (its mean, if random): 250ms, 1s, 2m.", valueName: "TIME"))
        public var interval: String?
        @Flag(inversion: .prefixedNo, help: "Draw each interval at random, exponentially distributed.")
        public var randomizedInterval: Bool?
        @Option(
            help: ArgumentHelp(
                "Distribution of randomized intervals: exponential, uniform, normal or poisson.", valueName: "NAME"))
        public var distribution: String?
        @Option(help: ArgumentHelp("Replay the messages of this log.", valueName: "FILE"))
        public var replayLog: String?
        @Option(help: ArgumentHelp("Divide the log's times by this.", valueName: "FACTOR"))
        public var replaySpeed: String?
        @Flag(inversion: .prefixedNo, help: "Start the log again when it ends.")
        public var replayLoop: Bool?
        @Flag(inversion: .prefixedNo, help: "Send messages, or only open and close connections.")
        public var sendMessages: Bool?
        @Option(help: ArgumentHelp("Messages each connection sends.", valueName: "N"))
        public var messages: String?
        @Option(help: ArgumentHelp("How long each connection sends.", valueName: "TIME"))
        public var duration: String?
        @Option(
            help: ArgumentHelp(
                "How long a message may wait so that several go out at once: auto, 400us, 0.", valueName: "TIME"))
        public var timerSlack: String?
        /// The option that people try first; its error names the real options.
        @Option(help: .hidden)
        public var ramp: String?
        @Option(help: ArgumentHelp("Connections that each worker opens per second: 500/s.", valueName: "RATE"))
        public var rampRate: String?
        @Option(help: ArgumentHelp("Open each worker's connections evenly over this time.", valueName: "TIME"))
        public var rampOver: String?
        @Option(help: ArgumentHelp("The most connections that each worker has opening at once.", valueName: "N"))
        public var rampMaxOpening: String?
        @Option(help: ArgumentHelp("How replies are matched: echo, tagged, ping or none.", valueName: "MODE"))
        public var match: String?
        @Option(
            help: ArgumentHelp(
                "The most replies a connection waits for; then it holds back its next message.", valueName: "N"))
        public var inFlight: String?
        @Option(help: ArgumentHelp("The most unanswered messages that a connection remembers.", valueName: "N"))
        public var maxUnanswered: String?
        @Option(help: ArgumentHelp("The seed of all random numbers.", valueName: "N"))
        public var seed: String?

        public init() {}
    }

    /// What messages hold.
    public struct Payload: ParsableArguments {
        @Option(help: ArgumentHelp("The kind of payload: random, fixed, replay, or your own.", valueName: "KIND"))
        public var payload: String?
        @Option(help: ArgumentHelp("text or binary.", valueName: "FORMAT"))
        public var payloadFormat: String?
        @Option(
            help: ArgumentHelp(
                "Bytes of payload: 240, 4KiB, or a distribution: '{uniform: [16, 512]}'.", valueName: "BYTES"))
        public var messageLength: String?

        public init() {}
    }

    /// How a connection is opened.
    public struct Connection: ParsableArguments {
        @Option(
            parsing: .singleValue,
            help: ArgumentHelp("A request header, 'Name: value'; may be repeated.", valueName: "LINE"))
        public var header: [String] = []
        @Option(
            parsing: .singleValue, help: ArgumentHelp("A subprotocol to offer; may be repeated.", valueName: "NAME"))
        public var subprotocol: [String] = []
        @Option(
            parsing: .singleValue,
            help: ArgumentHelp(
                "Connect from these addresses: an address, a range (127.0.1.1-127.0.1.40) or a network; may be repeated.",
                valueName: "ADDRESS"))
        public var sourceAddress: [String] = []
        @Option(help: ArgumentHelp("TCP congestion control, such as cubic.", valueName: "NAME"))
        public var congestionControl: String?
        @Option(help: ArgumentHelp("The largest message to accept, in bytes.", valueName: "BYTES"))
        public var maxMessageSize: String?

        public init() {}
    }

    /// Certificates and names.
    public struct TLS: ParsableArguments {
        @Flag(inversion: .prefixedNo, help: "Check the server's certificate and name.")
        public var verify: Bool?
        @Option(help: ArgumentHelp("PEM file of the certification authorities to trust.", valueName: "PEM"))
        public var ca: String?
        @Option(help: ArgumentHelp("PEM file of the client's certificate chain.", valueName: "PEM"))
        public var certificate: String?
        @Option(help: ArgumentHelp("PEM file of the client's private key.", valueName: "PEM"))
        public var key: String?
        @Option(help: ArgumentHelp("The server name to send (SNI) and to verify.", valueName: "NAME"))
        public var serverName: String?

        public init() {}
    }

    /// How long each step may take.
    public struct Deadlines: ParsableArguments {
        @Option(help: ArgumentHelp("The longest that opening a connection may take.", valueName: "TIME"))
        public var connectTimeout: String?
        @Option(help: ArgumentHelp("The longest wait for a reply.", valueName: "TIME"))
        public var replyTimeout: String?
        @Option(help: ArgumentHelp("The longest that the closing handshake may take.", valueName: "TIME"))
        public var closeTimeout: String?
        @Option(help: ArgumentHelp("The longest that a connection may receive nothing.", valueName: "TIME"))
        public var idleTimeout: String?
        @Option(help: ArgumentHelp("The longest that the run may take.", valueName: "TIME"))
        public var timeLimit: String?
        @Option(help: ArgumentHelp("The longest wait for listeners to join.", valueName: "TIME"))
        public var joinTimeout: String?
        @Option(help: ArgumentHelp("The longest that launching all workers may take.", valueName: "TIME"))
        public var launchTimeout: String?
        @Option(help: ArgumentHelp("The longest wait for results.", valueName: "TIME"))
        public var collectTimeout: String?
        @Option(help: ArgumentHelp("A listener or worker that is silent this long counts as lost.", valueName: "TIME"))
        public var liveness: String?

        public init() {}
    }

    /// What a good result is.
    public struct Result: ParsableArguments {
        @Option(
            parsing: .singleValue,
            help: ArgumentHelp(
                "What the result must be, such as 'response.p99 < 50ms'; may be repeated.", valueName: "CHECK"))
        public var threshold: [String] = []

        public init() {}
    }

    /// Machines and workers.
    public struct Fleet: ParsableArguments {
        @Option(help: ArgumentHelp("Listeners to wait for, one per machine.", valueName: "N"))
        public var machines: String?
        @Option(help: ArgumentHelp("Worker processes on each machine.", valueName: "N"))
        public var processes: String?
        @Option(help: ArgumentHelp("What to do if a worker is lost: continue or abort.", valueName: "POLICY"))
        public var onLostWorker: String?
        @Option(help: ArgumentHelp("Start with this many listeners if the others don't join in time.", valueName: "N"))
        public var minMachines: String?

        public init() {}
    }
}
