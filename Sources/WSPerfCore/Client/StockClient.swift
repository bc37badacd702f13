internal import Glibc

/// The engine's own client: RFC 6455 over `ws://` and, with OpenSSL, `wss://`, on the loop's thread.
final class StockClient: WebSocketClient {
    let resolver: Resolver
    let tls: TLSContext?
    let request: UpgradeRequest
    let maxMessageSize: Int
    /// How many first bytes of each received message the engine wants to see.
    let wantedPrefix: Int
    private let sources: SourceAddresses?
    private let congestionControl: CongestionControl?

    /// - Parameter logs: Loads the plan's replay log, if the check of the machine's limits needs it.
    init(plan: Plan, logs: LoadedLogs = LoadedLogs()) throws {
        resolver = Resolver(host: plan.target.host, port: plan.target.port)
        tls = plan.target.isSecure ? try TLSContext(plan: plan) : nil
        request = UpgradeRequest(target: plan.target, headers: plan.headers, subprotocols: plan.subprotocols)
        maxMessageSize = plan.maxMessageSize
        sources =
            plan.sourceAddresses.isEmpty
            ? nil : try SourceAddresses(plan.sourceAddresses, isShared: plan.machines > 1)
        congestionControl = try plan.congestionControl.map { name throws(PlanError) in try CongestionControl(name) }
        try Self.checkCapacity(plan, sources, resolver, logs)
        wantedPrefix = plan.match == .tagged ? MessageTag.longest : 0
    }

    /// Checks before any connection opens whether this process and this machine can provide what the plan's connections
    /// need.
    private static func checkCapacity(
        _ plan: Plan, _ sources: SourceAddresses?, _ resolver: Resolver, _ logs: LoadedLogs
    ) throws(PlanError) {
        let check = CapacityCheck(plan, logs: logs)
        try check.checkDescriptors(limit: DescriptorLimit.raise(), inUse: DescriptorLimit.inUse)
        let counts = sources.map { (four: $0.count(family: AF_INET), six: $0.count(family: AF_INET6)) }
        try check.checkPorts(workers: plan.processes, sources: counts)
        // For a target that is an address, the plan's check covers the family; a name must be resolved first.
        guard let sources, resolver.literal == nil else { return }
        let found = SocketAddress.resolve(plan.target.host, port: plan.target.port)
        guard !found.isEmpty, found.allSatisfy({ sources.count(family: $0.family) == 0 }) else { return }
        throw PlanError(
            "none is of the family of \(plan.target.host), which is \(found[0].text)", at: SourceAddresses.key)
    }

    func connect(to target: Target, on loop: EventLoop, sink: ConnectionSink) -> StockConnection {
        let connection = StockConnection(client: self, sink: sink)
        connection.start()
        return connection
    }
}

extension StockClient {
    /// Whether there is a source address for a target of this family.
    func hasSource(family: Int32) -> Bool { sources.map { $0.count(family: family) > 0 } ?? true }

    /// Applies the plan's source address and congestion control to a new socket. Returns the outcome of a failure.
    func prepare(_ descriptor: Int32, family: Int32, connection: Int) -> Outcome? {
        if let congestionControl {
            let error = congestionControl.apply(to: descriptor)
            guard error == 0 else { return .connecting(error: error) }
        }
        guard let source = sources?.address(for: connection, family: family) else { return nil }
        let error = source.bind(descriptor)
        guard error != 0 else { return nil }
        return error == EADDRNOTAVAIL ? .sourceUnavailable : .connecting(error: error)
    }
}

extension Registry {
    mutating func registerStockClient() {
        register(client: "stock") { context in
            try context.options.reader(at: "client").finish()
            return try StockClient(plan: context.plan, logs: context.logs)
        }
    }
}
