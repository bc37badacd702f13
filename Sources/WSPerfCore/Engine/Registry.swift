/// What a registered component gets for its set-up, once per engine.
public struct ComponentContext: Sendable {
    /// The component's own options, as written in the plan.
    public var options: PlanNode
    /// The whole plan, with the contents of the files attached to it.
    public var plan: Plan
    /// Where the stock components take the plan's replay log from.
    var logs = LoadedLogs()

    public init(options: PlanNode, plan: Plan) {
        self.options = options
        self.plan = plan
    }

    /// A reader of the options, whose `file(_:)` knows the files that came with the plan. `path` is what error messages
    /// call the options: "client", "schedule" or "payload".
    public func reader(at path: String = "") -> PlanReader {
        let reader = options.reader(at: path)
        reader.plan = plan
        return reader
    }
}

/// The clients, schedulers and payload generators a plan can name. `Registry()` knows the stock ones; a custom worker
/// adds its own:
///
/// ```swift
/// var registry = Registry()
/// registry.register(scheduler: "burst") { context in { connection, random in BurstScheduler() } }
/// ```
public struct Registry: Sendable {
    typealias SchedulerFactory = @Sendable (ComponentContext) throws -> @Sendable (_ capacity: Int) -> SchedulerPool
    typealias PayloadFactory = @Sendable (ComponentContext) throws -> @Sendable (_ loop: Int) -> PayloadPool

    var clients: [String: @Sendable (ComponentContext) throws -> any WebSocketClient]
    var schedulers: [String: SchedulerFactory]
    var payloads: [String: PayloadFactory]

    /// Makes `kind` a client that plans can name. `make` is called once per engine.
    public mutating func register(
        client kind: String,
        _ make: @escaping @Sendable (ComponentContext) throws -> any WebSocketClient
    ) {
        clients[kind] = make
    }

    /// Makes `kind` a scheduler that plans can name. `prepare` is called once per engine; what it returns is called once
    /// per connection, with the connection's index in the run and its random numbers.
    public mutating func register<Scheduler: MessageScheduler>(
        scheduler kind: String,
        _ prepare:
            @escaping @Sendable (ComponentContext) throws
            -> @Sendable (_ connection: Int, _ random: inout SeededGenerator) -> Scheduler
    ) {
        schedulers[kind] = { context in
            let make = try prepare(context)
            return { capacity in TypedSchedulerPool(capacity: capacity, make: make) }
        }
    }

    /// Makes `kind` a payload generator that plans can name. `prepare` is called once per engine; what it returns is
    /// called once per event loop.
    public mutating func register<Generator: PayloadGenerator>(
        payload kind: String,
        _ prepare: @escaping @Sendable (ComponentContext) throws -> @Sendable (_ loop: Int) -> Generator
    ) {
        payloads[kind] = { context in
            let make = try prepare(context)
            return { loop in TypedPayloadPool(make(loop)) }
        }
    }
}
