import WSPerfCore
import WSPerfFleet

var registry = Registry()
registry.register(scheduler: "burst") { context in
    let scheduler = try BurstScheduler(context.options)
    return { _, _ in scheduler }
}
await FleetWorker.main(registry: registry)
