/// The engine's own client: RFC 6455 over `ws://` and, with OpenSSL, `wss://`, on the loop's thread.
final class StockClient: WebSocketClient {
    let resolver: Resolver
    let tls: TLSContext?
    let request: UpgradeRequest
    let maxMessageSize: Int
    /// How many of each received message's first bytes the engine wants to see.
    let wantedPrefix: Int

    init(plan: Plan) throws {
        resolver = Resolver(host: plan.target.host, port: plan.target.port)
        tls = plan.target.isSecure ? try TLSContext(plan: plan) : nil
        request = UpgradeRequest(target: plan.target, headers: plan.headers, subprotocols: plan.subprotocols)
        maxMessageSize = plan.maxMessageSize
        wantedPrefix = plan.match == .tagged ? MessageTag.longest : 0
    }

    func connect(to target: Target, on loop: EventLoop, sink: ConnectionSink) -> StockConnection {
        let connection = StockConnection(client: self, sink: sink)
        connection.start()
        return connection
    }
}

extension Registry {
    mutating func registerStockClient() {
        register(client: "stock") { context in
            try context.options.reader(at: "client").finish()
            return try StockClient(plan: context.plan)
        }
    }
}
