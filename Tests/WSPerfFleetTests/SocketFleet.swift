import Foundation
import Logging
import Synchronization
import WSPerfCore

@testable import WSPerfFleet

/// A controller and listeners with workers, all in this process, over real sockets on 127.0.0.1.
final class SocketFleet: Sendable {
    let controller: FleetController
    private let events = Mutex<[[RunEvent]]>([])
    private let watchers = Mutex<[(matches: @Sendable (Int, RunEvent) -> Bool, then: @Sendable () -> Void)]>([])

    init(
        host: String = "127.0.0.1", publishPort: UInt16 = 0, reportPort: UInt16 = 0, endsListeners: Bool = true
    ) throws {
        var options = FleetController.Options()
        options.host = host
        options.publishPort = publishPort
        options.reportPort = reportPort
        options.endsListeners = endsListeners
        controller = try FleetController(options: options)
    }

    /// A plan for such a fleet.
    static func plan(machines: Int = 1, processes: Int = 2, instances: Int = 10) throws -> Plan {
        var plan = Plan(target: try Target("ws://127.0.0.1:9/"))
        plan.machines = machines
        plan.processes = processes
        plan.instances = instances
        plan.messages = 1
        plan.fleet.join = .seconds(10)
        plan.fleet.launch = .seconds(10)
        plan.fleet.liveness = .seconds(3)
        plan.fleet.collect = .seconds(5)
        return plan
    }

    /// Calls `action` at the first event that `matches`.
    func when(_ matches: @escaping @Sendable (Int, RunEvent) -> Bool, _ action: @escaping @Sendable () -> Void) {
        watchers.withLock { $0.append((matches, action)) }
    }

    func run(_ plans: [Plan]) async throws -> [FleetRunResult] {
        events.withLock { $0 = plans.map { _ in [] } }
        return try await controller.run(plans) { [self] run, event in
            events.withLock { $0[run].append(event) }
            let actions = watchers.withLock { watchers in
                let hit = watchers.filter { $0.matches(run, event) }.map(\.then)
                watchers.removeAll { $0.matches(run, event) }
                return hit
            }
            for action in actions { action() }
        }
    }

    func record(_ run: Int = 0) -> RunRecord { RunRecord(events: events.withLock { $0[run] }) }

    /// Starts a listener; its exit status comes when it has ended.
    static func listener(
        _ name: String, at address: ControllerAddress,
        resolve: @escaping @Sendable (String) -> ControllerProbe.Resolution = ControllerProbe.resolve,
        _ factory: @escaping WorkloadFactory = { plan, _ in StandInWorkload(plan: plan) }
    ) throws -> (FleetListener, Task<Int32, Never>) {
        var options = FleetListener.Options(controller: address, name: name, worker: nil)
        options.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        options.resolve = resolve
        let listener = try FleetListener(options: options, launcher: InProcessLauncher(factory: factory))
        return (listener, Task { await listener.run() })
    }

    func listener(
        _ name: String, _ factory: @escaping WorkloadFactory = { plan, _ in StandInWorkload(plan: plan) }
    )
        throws -> (FleetListener, Task<Int32, Never>)
    {
        try Self.listener(name, at: controller.address, factory)
    }

    /// A listener that knows its controller by a name.
    func listener(
        _ name: String, resolve: @escaping @Sendable (String) -> ControllerProbe.Resolution
    ) throws -> (FleetListener, Task<Int32, Never>) {
        let address = controller.address
        return try Self.listener(
            name,
            at: ControllerAddress(
                host: "controller.test", publishPort: address.publishPort, reportPort: address.reportPort),
            resolve: resolve)
    }

    func listener(_ name: String, resolving addresses: [String: [String]]) throws -> (FleetListener, Task<Int32, Never>)
    {
        try listener(name) { name in addresses[name].map { .hosts($0) } ?? .unresolved("no such name") }
    }
}

/// A bare peer: two sockets that say what a test wants said.
final class Stranger {
    let publish: ZMQSocket
    let subscribe: ZMQSocket

    init(_ address: ControllerAddress) throws {
        let context = try ZMQContext()
        publish = try ZMQSocket(.push, context: context)
        subscribe = try ZMQSocket(.subscribe([""]), context: context)
        try publish.connect(host: address.host, port: address.reportPort)
        try subscribe.connect(host: address.host, port: address.publishPort)
    }

    /// Sends parts as they are; waits for the connection if need be.
    func send(_ topic: String, _ envelope: [UInt8], body: [UInt8]? = nil) async throws {
        let message = WireMessage(topic: topic, envelope: envelope, body: body.map(SharedBytes.init))
        for _ in 0..<500 where !publish.send(message) { try await Task.sleep(for: .milliseconds(10)) }
    }

    /// The first message for which `transform` has a result.
    func first<Result>(_ transform: ([[UInt8]]) -> Result?) async throws -> Result? {
        for _ in 0..<1000 {
            while case .message(let parts, _)? = subscribe.receive() {
                if let result = transform(parts) { return result }
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        return nil
    }
}
