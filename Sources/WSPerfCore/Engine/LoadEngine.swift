internal import CLinux
internal import Glibc
internal import Synchronization

/// Runs one worker's share of a plan: opens its connections, sends, measures, closes.
///
/// ```swift
/// var plan = Plan(target: try Target("ws://127.0.0.1:9000/"))
/// plan.instances = 100
/// plan.messages = 10
/// let engine = try LoadEngine(plan: plan)
/// let result = try await engine.run()
/// print(result.statistics.outcomes, result.statistics.rttResponse)
/// ```
///
/// The engine works on its own threads: one per loop (`plan.threads`) and one that makes the snapshots. Only this
/// interface is `async`. An engine runs once.
public final class LoadEngine: Sendable {
    /// Checked, and without its attachments: nothing needs the files after set-up.
    let plan: Plan
    private let share: WorkerShare
    /// When the run ends whatever is still open, nanoseconds after its start.
    let timeLimit: UInt64
    private let client: any WebSocketClient
    private let schedulers: @Sendable (Int) -> SchedulerPool
    private let payloads: @Sendable (Int) -> PayloadPool

    private struct State {
        var hasBegun = false
        var command: Command?
        var loops: [RunningLoop] = []
    }
    private enum Command { case stop, abort }
    /// How the engine commands a loop, whatever its client.
    private struct RunningLoop: Sendable {
        let stop: @Sendable () -> Void
        let abort: @Sendable () -> Void
    }
    private let state = Mutex(State())

    /// Checks the plan and sets up its client, schedule and payload.
    ///
    /// - Parameters:
    ///   - plan: What to run. The engine reads the files that it names.
    ///   - registry: The clients, schedulers and payload generators that the plan may name.
    ///   - share: Which worker of the plan this engine is. Required if `machines` × `processes` is more than 1.
    /// - Throws: `PlanError` that lists what is wrong with the plan, as for a plan file; or if its client, schedule or payload
    ///   is not registered, refuses its options, or can't read its files.
    public init(plan: Plan, registry: Registry = Registry(), share: WorkerShare? = nil) throws {
        var plan = try plan.validated()
        self.share = try plan.checked(share)
        var context = ComponentContext(options: .null, plan: plan)
        let first = self.share.workerIndex * plan.instances
        context.logs = LoadedLogs(.connections(first..<first + plan.instances))
        client = try registry.make(plan.client, from: registry.clients, key: "client", context)
        schedulers = try registry.make(plan.schedule.component, from: registry.schedulers, key: "schedule", context)
        payloads = try registry.make(plan.payload.component, from: registry.payloads, key: "payload", context)
        timeLimit = PlanArithmetic.limit(of: plan, logs: context.logs).wholeNanoseconds
        plan.attachments = [:]
        plan.fileLocations = [:]
        self.plan = plan
    }

    /// Runs to the end. Returns when every connection has its outcome, at the latest when the plan's time limit and its
    /// closing timeout have passed.
    ///
    /// - Parameter onSnapshot: Receives what was counted since the previous snapshot, about once a second and at the
    ///   end, on a thread of the engine, one call at a time.
    /// - Throws: `SystemError` if the system has no descriptors or threads for the loops; `LoadEngineError` if this
    ///   engine has already run. An unreachable target is a result, not an error.
    ///
    /// Cancelling the task has the effect of `stop()`.
    public func run(onSnapshot: @escaping @Sendable (Snapshot) -> Void = { _ in }) async throws -> LoadResult {
        let isFirst = state.withLock { state in
            defer { state.hasBegun = true }
            return !state.hasBegun
        }
        guard isFirst else { throw LoadEngineError.hasRun }
        DescriptorLimit.raise()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                launch(client, onSnapshot) { continuation.resume(with: $0) }
            }
        } onCancel: {
            stop()
        }
    }

    /// Opens no more connections, sends no more messages, and closes the open connections. Those not yet done end as
    /// `aborted`. Returns at once; `run` returns when the closing is over. May be called on any thread at any time.
    public func stop() { command(.stop) }

    /// Drops every connection at once. May be called on any thread at any time.
    public func abort() { command(.abort) }

    private func command(_ command: Command) {
        let loops = state.withLock { state in
            if state.command != .abort { state.command = command }
            return state.loops
        }
        for loop in loops { command == .stop ? loop.stop() : loop.abort() }
    }

    private func launch(
        _ client: any WebSocketClient, _ onSnapshot: @escaping @Sendable (Snapshot) -> Void,
        _ completion: @escaping @Sendable (Result<LoadResult, any Error>) -> Void
    ) {
        do {
            try launchLoops(client, onSnapshot, completion)
        } catch {
            completion(.failure(error))
        }
    }

    private func launchLoops<Client: WebSocketClient>(
        _ client: Client, _ onSnapshot: @escaping @Sendable (Snapshot) -> Void,
        _ completion: @escaping @Sendable (Result<LoadResult, any Error>) -> Void
    ) throws {
        let threads = plan.threads
        var random = SystemRandomNumberGenerator()
        let nonce = share.nonce ?? random.next()
        let events = try (0..<threads).map { _ in try EventLoop() }
        let collector = Collector(loops: threads)
        let tables: [SessionTable] = events.enumerated().map { index, loop in
            if let stock = client as? StockClient {
                StockLoadLoop(
                    client: stock, plan: plan, share: share, nonce: nonce, index: index, threads: threads,
                    timeLimit: timeLimit, loop: loop, collector: collector, schedulers: schedulers, payloads: payloads)
            } else {
                LoadLoop(
                    client: client, plan: plan, share: share, nonce: nonce, index: index, threads: threads,
                    timeLimit: timeLimit, loop: loop, collector: collector, schedulers: schedulers, payloads: payloads)
            }
        }
        collector.begin()
        let running = zip(events, tables).map { loop, table in
            RunningLoop(
                stop: { loop.post { table.stopAll() } },
                abort: { loop.post { table.abortAll() } })
        }
        let pending = state.withLock { state in
            state.loops = running
            return state.command
        }
        for loop in running {
            switch pending {
            case .stop: loop.stop()
            case .abort: loop.abort()
            case nil: break
            }
        }
        let planned = plan.instances
        let hasReporter = DetachedThread.start("wsperf-report") { [self] in
            let (elapsed, statistics, timeLimitReached) = collector.report(onSnapshot)
            state.withLock { $0.loops = [] }
            completion(
                .success(
                    LoadResult(
                        planned: planned, elapsed: elapsed, statistics: statistics, timeLimitReached: timeLimitReached,
                        problems: collector.problems, isClosedLoopWithoutPauses: plan.isClosedLoopWithoutPauses))
            )
        }
        guard hasReporter else { throw SystemError("pthread_create", EAGAIN) }
        for (loop, table) in zip(events, tables) where !DetachedThread.start("wsperf-loop", { loop.run(table) }) {
            // The loop's run begins and ends here, and reports its connections as aborted.
            table.stopAll()
            loop.run(table)
        }
    }
}

extension Registry {
    /// Sets up the component that a plan names.
    func make<Component>(
        _ component: ComponentPlan, from registered: [String: @Sendable (ComponentContext) throws -> Component],
        key: String, _ context: ComponentContext
    ) throws -> Component {
        guard let make = registered[component.kind] else {
            let known = registered.keys.sorted()
            throw PlanError(
                "unknown kind '\(component.kind)'; this worker knows \(known.joined(separator: ", "))",
                at: "\(key).kind", suggestion: PlanError.suggestion(for: component.kind, among: known))
        }
        var context = context
        context.options = component.options
        return try make(context)
    }
}

/// An engine was used in a way that cannot work.
public struct LoadEngineError: Error, Sendable, Hashable, CustomStringConvertible {
    private enum Code {
        case hasRun
    }

    private let code: Code

    /// `run` was called on an engine that is running, or has run.
    public static let hasRun = LoadEngineError(code: .hasRun)

    public var description: String {
        switch code {
        case .hasRun: "this engine has already run, and an engine runs only once: make a new one with the same plan"
        }
    }
}
