import ReadingPayload
import WSPerfCore
import WSPerfFleet

var registry = Registry()
registry.register(payload: "reading") { context in
    let payload = try ReadingPayload(context.options)
    return { _ in payload }
}
await FleetWorker.main(registry: registry)
