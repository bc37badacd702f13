extension Registry {
    /// A registry that knows the stock client, schedulers (`periodic`, `randomized`, `replay`) and payload generators
    /// (`random`, `fixed`, `replay`).
    public init() {
        self.init(clients: [:], schedulers: [:], payloads: [:])
        registerStockClient()
        for kind in SchedulePlan.Kind.allCases { registerStock(schedule: kind) }
        for kind in PayloadPlan.Kind.allCases { registerStock(payload: kind) }
    }

    private mutating func registerStock(schedule kind: SchedulePlan.Kind) {
        switch kind {
        case .periodic:
            register { (options: PeriodicOptions, _) in
                return { _, _ in PeriodicScheduler(every: options.interval, phase: options.phase) }
            }
        case .randomized:
            register { (options: RandomizedOptions, _) in
                let scheduler = RandomizedScheduler(options.distribution)
                return { _, _ in scheduler }
            }
        case .replay:
            register { (options: ReplayOptions, context) in
                let log = try context.logs.log(options, of: context.plan)
                guard !options.loop || log.duration > .zero else {
                    throw PlanError("a log whose messages all have the same time cannot loop", at: "schedule.loop")
                }
                return { connection, _ in
                    ReplayScheduler(log, connection: connection, speed: options.speed, loops: options.loop)
                }
            }
        }
    }

    private mutating func registerStock(payload kind: PayloadPlan.Kind) {
        switch kind {
        case .random:
            register { (options: RandomPayloadOptions, context) in
                let payload = RandomPayload(
                    format: options.format.kind, length: options.length, seed: context.plan.seed)
                return { _ in payload }
            }
        case .fixed:
            register { (options: FixedPayloadOptions, context) in
                let payload = try FixedPayload(options, of: context.plan)
                return { _ in payload }
            }
        case .replay:
            register { (_: ReplayPayloadOptions, context) in
                guard case .replay(let options) = context.plan.schedule else {
                    throw PlanError("replay needs the replay schedule, whose log it sends", at: "payload.kind")
                }
                let payload = ReplayPayload(
                    try context.logs.log(options, of: context.plan), seed: context.plan.seed)
                return { _ in payload }
            }
        }
    }

    /// Registers the scheduler of a plan whose schedule has these options.
    private mutating func register<Options: ScheduleOptions, Scheduler: MessageScheduler>(
        _ prepare:
            @escaping @Sendable (Options, ComponentContext) throws
            -> @Sendable (_ connection: Int, _ random: inout SeededGenerator) -> Scheduler
    ) {
        register(scheduler: Options.kind.rawValue) { context in
            try prepare(
                try context.plan.schedule.options as? Options ?? Options(context.options, at: "schedule"), context)
        }
    }

    /// Registers the generator of a plan whose payload has these options.
    private mutating func register<Options: PayloadOptions, Generator: PayloadGenerator>(
        _ prepare: @escaping @Sendable (Options, ComponentContext) throws -> @Sendable (_ loop: Int) -> Generator
    ) {
        register(payload: Options.kind.rawValue) { context in
            try prepare(
                try context.plan.payload.options as? Options ?? Options(context.options, at: "payload"), context)
        }
    }
}

extension FixedPayload {
    /// The payload that a plan's options describe.
    fileprivate init(_ options: FixedPayloadOptions, of plan: Plan) throws(PlanError) {
        switch options.source {
        case .data(let text):
            self.init(Array(text.utf8), kind: options.format.kind)
        case .file(let path):
            let bytes = try plan.contents(ofFile: path)
            guard bytes.count <= LengthDistribution.limit else {
                throw PlanError("longer than \(LengthDistribution.limit) bytes", at: "payload.file")
            }
            guard options.format == .binary || FixedPayload.isText(bytes) else {
                throw PlanError(
                    "its contents are not valid UTF-8: write format: binary", at: "payload.file")
            }
            self.init(bytes, kind: options.format.kind)
        }
    }
}
