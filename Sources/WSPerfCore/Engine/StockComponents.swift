extension Registry {
    /// A registry that knows the stock client, schedulers (`periodic`, `randomized`, `replay`) and payload generators
    /// (`random`, `fixed`, `replay`).
    public init() {
        self.init(clients: [:], schedulers: [:], payloads: [:])
        registerStockClient()
        registerStockSchedulers()
        registerStockPayloads()
    }

    private mutating func registerStockSchedulers() {
        register(scheduler: "periodic") { context in
            let options = try PeriodicOptions(context.options)
            let phase: PeriodicScheduler.Phase =
                switch options.phase {
                case .random: .random
                case .aligned: .aligned
                }
            return { _, _ in PeriodicScheduler(every: options.interval, phase: phase) }
        }
        register(scheduler: "randomized") { context in
            let scheduler = RandomizedScheduler(try RandomizedOptions(context.options).distribution)
            return { _, _ in scheduler }
        }
        register(scheduler: "replay") { context in
            let options = try ReplayOptions(context.options)
            let log = try context.logs.log(options, of: context.plan)
            guard !options.loop || log.duration > .zero else {
                throw PlanError(
                    "a log whose messages all bear the same time cannot loop", at: "schedule.loop",
                    line: context.options["loop"]?.line)
            }
            return { connection, _ in
                ReplayScheduler(log, connection: connection, speed: options.speed, loops: options.loop)
            }
        }
    }

    private mutating func registerStockPayloads() {
        register(payload: "random") { context in
            let options = try RandomPayloadOptions(context.options)
            let payload = RandomPayload(
                format: options.format.kind, length: options.length, seed: context.plan.seed)
            return { _ in payload }
        }
        register(payload: "fixed") { context in
            let options = try FixedPayloadOptions(context.options)
            let payload = try FixedPayload(options, of: context.plan, line: context.options["file"]?.line)
            return { _ in payload }
        }
        register(payload: "replay") { context in
            try context.options.reader(at: "payload").finish()
            guard context.plan.schedule.kind == "replay" else {
                throw PlanError("replay needs the replay schedule, whose log it sends", at: "payload.kind")
            }
            let log = try context.logs.log(ReplayOptions(context.plan.schedule.options), of: context.plan)
            let payload = ReplayPayload(log, seed: context.plan.seed)
            return { _ in payload }
        }
    }
}

extension FixedPayload {
    /// The payload that a plan's options describe.
    fileprivate init(_ options: FixedPayloadOptions, of plan: Plan, line: Int?) throws(PlanError) {
        switch options.source {
        case .data(let text):
            self.init(Array(text.utf8), kind: options.format.kind)
        case .file(let path):
            let bytes = try plan.contents(ofFile: path)
            guard bytes.count <= LengthDistribution.limit else {
                throw PlanError("longer than \(LengthDistribution.limit) bytes", at: "payload.file", line: line)
            }
            guard options.format == .binary || FixedPayload.isText(bytes) else {
                throw PlanError(
                    "its contents are not valid UTF-8: write format: binary", at: "payload.file", line: line)
            }
            self.init(bytes, kind: options.format.kind)
        }
    }
}
