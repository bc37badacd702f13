import NIOClient
import WSPerfCore
import WSPerfFleet

var registry = Registry()
registry.register(client: "nio") { context in try NIOClient(context) }
await FleetWorker.main(registry: registry)
