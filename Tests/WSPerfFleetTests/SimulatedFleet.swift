import WSPerfCore

@testable import WSPerfFleet

/// The random numbers of a test. A seed names a sequence of faults.
struct TestRandom: RandomNumberGenerator {
    private var generator: SeededGenerator
    init(seed: UInt64) { generator = SeededGenerator(seed: seed, stream: 0) }
    mutating func next() -> UInt64 { generator.next() }
    mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &self) < probability }
}

/// A whole fleet of machines in simulated time, over a network that loses, repeats, delays and reorders, with faults at
/// any time. Nothing here waits.
final class SimulatedFleet {
    struct Network {
        var loss = 0.0
        var duplication = 0.0
        var delay: ClosedRange<Int64> = 1...5
    }

    enum Fault: Hashable {
        case killWorker(Int)
        case killListener(Int)
        /// SIGSTOP, and SIGCONT after these milliseconds.
        case freezeWorker(Int, Int64)
        case freezeListener(Int, Int64)
        /// In both directions, for these milliseconds.
        case cutWorker(Int, Int64)
        case cutMachine(Int, Int64)
        case interruptWorker(Int)
        case interruptListener(Int)
        case interruptController
        case killController
    }

    final class Listener {
        var id: String
        var machine: ListenerMachine
        var sequence: UInt64 = 0
        var isAlive = true
        var frozenUntil: FleetInstant?
        var cutUntil: FleetInstant?
        var exitStatus: Int32?
        /// Bytes of files that have arrived.
        var received = 0
        init(id: String, machine: ListenerMachine) {
            self.id = id
            self.machine = machine
        }
    }

    final class Worker {
        let id: String
        let index: Int
        let run: String
        let session: String
        let listener: Listener
        var machine: WorkerMachine
        var sequence: UInt64 = 0
        var isAlive = true
        var exitStatus: Int32?
        var frozenUntil: FleetInstant?
        var cutUntil: FleetInstant?
        // The load.
        var produced: [UInt64] = []
        var accounted = 0
        var loadAt: FleetInstant?
        var remaining = 0
        var isStopping = false
        var hasFinished = false
        init(id: String, index: Int, run: String, session: String, listener: Listener, machine: WorkerMachine) {
            self.id = id
            self.index = index
            self.run = run
            self.session = session
            self.listener = listener
            self.machine = machine
        }
    }

    private enum Delivery {
        case report(Envelope<PeerMessage>, [UInt8])
        case command(topic: String, Envelope<Command>, [UInt8])
        case listenerEvent(Listener, ListenerMachine.Event)
        case workerEvent(Worker, WorkerMachine.Event)
    }

    var random: TestRandom
    var network: Network
    var setup: RunSetup
    private(set) var now = FleetInstant(nanoseconds: 1_000_000_000)
    var controller: ControllerMachine
    private(set) var controllerIsAlive = true
    private(set) var listeners: [Listener] = []
    private(set) var workers: [Worker] = []
    private(set) var events: [RunEvent] = []
    private(set) var outcomes: [RunOutcome] = []
    private(set) var overAt: FleetInstant?
    private var controllerSequence: UInt64 = 0
    private var deliveries: [(at: FleetInstant, order: Int, Delivery)] = []
    private var order = 0
    private var faults: [(at: FleetInstant, Fault)] = []
    /// Ticks of a machine that asked for its next one at once, in a row.
    private(set) var worstSpin = 0
    /// Seconds a load takes.
    var loadSeconds = 6
    /// What a worker answers to its plan.
    var planError: String?
    /// How a worker dies of its plan, if it does: its exit status, or its signal's negative.
    var diesOfItsPlan: (Worker) -> Int32? = { _ in nil }

    /// How many of the next files arrive damaged.
    var damage = 0
    private(set) var transfers: [FleetEvent.Transfer] = []

    /// What the workers that exited by themselves said.
    private(set) var exitMessages: [String] = []

    /// What becomes of a snapshot's body on its way, as if a worker of another version had written it.
    var rewrite: ([UInt8]) -> [UInt8] = { $0 }
    /// What becomes of what a worker says, for the same purpose.
    var restate: (PeerMessage) -> PeerMessage = { $0 }

    init(
        seed: UInt64, machines: Int, processes: Int, spare: Int = 0, minMachines: Int? = nil,
        stopsWhenWorkerIsLost: Bool = false, network: Network = Network()
    ) {
        random = TestRandom(seed: seed)
        self.network = network
        setup = RunSetup(
            id: "s-1", number: 1, machines: machines, minMachines: minMachines, processes: processes, instances: 10,
            join: .seconds(20), launch: .seconds(20), liveness: .seconds(5), limit: .seconds(30), drain: .seconds(4),
            collect: .seconds(10), plan: RecordedPlan(document: .mapping([PlanNode.Entry]())), parcel: SharedBytes([1]),
            startedAt: 0,
            stopsWhenWorkerIsLost: stopsWhenWorkerIsLost)
        controller = ControllerMachine(session: "s", now: now)
        for number in 0..<(machines + spare) { addListener("m\(number)") }
    }

    func addListener(_ name: String) {
        listeners.append(
            Listener(
                id: "l-\(listeners.count)", machine: ListenerMachine(name: name, pid: Int32(listeners.count), now: now))
        )
    }

    func schedule(_ fault: Fault, after seconds: Double) {
        faults.append((FleetInstant(nanoseconds: now.nanoseconds + Int64(seconds * 1e9)), fault))
    }

    func begin() { controller.begin(setup, now: now) }

    /// Files of so many chunks each, the last of which is short.
    func addFiles(chunks: [Int]) {
        for (number, count) in chunks.enumerated() {
            let digit = Character(String(number % 10))
            setup.files.append(
                FileReference(
                    name: "file-\(number)", sha256: String(repeating: digit, count: 64),
                    size: count * FleetLimits.chunk - 100))
        }
    }

    /// What each listener must get of them.
    var fileBytes: Int { setup.files.reduce(0) { $0 + $1.size } }

    /// Another controller on the same ports.
    func restartController(session: String) {
        controller = ControllerMachine(session: session, now: now)
        controllerIsAlive = true
        controllerSequence = 0
    }

    /// How long the plan's files may take to arrive at the worst.
    var transferBound: Duration { setup.files.isEmpty ? .zero : .seconds(240) }

    /// The longest time that a run may take.
    var bound: Duration {
        transferBound + setup.join + setup.launch + setup.limit + setup.drain + setup.collect
            + FleetLimits.exitStatusWait + .seconds(5)
    }

    /// Runs for so long, or until `condition`.
    func run(for duration: Duration, until condition: () -> Bool = { false }) {
        let end = now + duration
        var spin = 0
        while now < end {
            step()
            if condition() { return }
            let next = max(nextTime, now)
            if next == now {
                spin += 1
                worstSpin = max(worstSpin, spin)
                // A machine that asks to be called again and again without end is a busy loop; go on, and be seen.
                if spin > 200 { now = now + .milliseconds(1) }
            } else {
                spin = 0
                now = min(next, end)
            }
        }
    }

    private var nextTime: FleetInstant {
        var next = FleetInstant(nanoseconds: .max)
        for delivery in deliveries { next = min(next, delivery.at) }
        for fault in faults { next = min(next, fault.at) }
        if controllerIsAlive, let at = controller.nextDeadline { next = min(next, at) }
        for listener in listeners where listener.isAlive {
            if let frozen = listener.frozenUntil {
                next = min(next, frozen)
            } else if let at = listener.machine.nextDeadline {
                next = min(next, at)
            }
        }
        for worker in workers where worker.isAlive {
            if let frozen = worker.frozenUntil {
                next = min(next, frozen)
            } else {
                if let at = worker.machine.nextDeadline { next = min(next, at) }
                if let at = worker.loadAt { next = min(next, at) }
            }
        }
        return next
    }

    private func step() {
        while let index = faults.firstIndex(where: { $0.at <= now }) { strike(faults.remove(at: index).1) }
        thaw()
        let due = deliveries.filter { $0.at <= now }.sorted { ($0.at, $0.order) < ($1.at, $1.order) }
        deliveries.removeAll { $0.at <= now }
        for delivery in due { deliver(delivery.2) }
        for worker in workers where worker.isAlive && worker.frozenUntil == nil { advanceLoad(worker) }
        if controllerIsAlive { perform(controller.tick(now: now)) }
        for listener in listeners where listener.isAlive && listener.frozenUntil == nil {
            for action in listener.machine.tick(now: now) { perform(action, listener) }
        }
        for worker in workers where worker.isAlive && worker.frozenUntil == nil {
            for action in worker.machine.tick(now: now) { perform(action, worker) }
        }
    }

    /// Like the loop: a process that wakes up late does not count that time as silence of others.
    private func thaw() {
        for listener in listeners {
            guard let until = listener.frozenUntil, now >= until else { continue }
            listener.frozenUntil = nil
            if let deadline = listener.machine.nextDeadline, now - deadline > FleetLimits.stall {
                listener.machine.forgive(min(now - deadline, .seconds(60)))
            }
        }
        for worker in workers {
            guard let until = worker.frozenUntil, now >= until else { continue }
            worker.frozenUntil = nil
            if let deadline = worker.machine.nextDeadline, now - deadline > FleetLimits.stall {
                worker.machine.forgive(min(now - deadline, .seconds(60)))
            }
        }
    }

    // MARK: Faults

    private func strike(_ fault: Fault) {
        func worker(_ index: Int) -> Worker? { workers.isEmpty ? nil : workers[index % workers.count] }
        func listener(_ index: Int) -> Listener { listeners[index % listeners.count] }
        func later(_ milliseconds: Int64) -> FleetInstant { now + .milliseconds(milliseconds) }
        switch fault {
        case .killWorker(let index): if let worker = worker(index) { die(worker, status: nil, signal: 9) }
        case .killListener(let index):
            let listener = listener(index)
            listener.isAlive = false
            for worker in workers where worker.listener === listener && worker.isAlive {
                post(.workerEvent(worker, .lifelineEnded), after: 1)
            }
        case .freezeWorker(let index, let time): worker(index)?.frozenUntil = later(time)
        case .freezeListener(let index, let time): listener(index).frozenUntil = later(time)
        case .cutWorker(let index, let time): worker(index)?.cutUntil = later(time)
        case .cutMachine(let index, let time):
            let listener = listener(index)
            listener.cutUntil = later(time)
            for worker in workers where worker.listener === listener { worker.cutUntil = later(time) }
        case .interruptWorker(let index):
            if let worker = worker(index) { post(.workerEvent(worker, .interrupted), after: 0) }
        case .interruptListener(let index): post(.listenerEvent(listener(index), .interrupted), after: 0)
        case .interruptController: controller.interrupt(now: now)
        case .killController: controllerIsAlive = false
        }
    }

    private func die(_ worker: Worker, status: Int32?, signal: Int32?, stderr: String = "") {
        guard worker.isAlive else { return }
        worker.isAlive = false
        worker.exitStatus = status
        let exit = WorkerExit(worker: worker.id, pid: 1, status: status, signal: signal, stderr: stderr)
        post(.listenerEvent(worker.listener, .exited(exit)), after: 3)
    }

    // MARK: The network

    private func post(_ delivery: Delivery, after milliseconds: Int64) {
        order += 1
        deliveries.append((now + .milliseconds(milliseconds), order, delivery))
    }

    private func transmit(_ delivery: Delivery) {
        if random.chance(network.loss) { return }
        post(delivery, after: Int64.random(in: network.delay, using: &random))
        if random.chance(network.duplication) {
            post(
                delivery,
                after: Int64.random(in: network.delay, using: &random) + Int64.random(in: 0...3000, using: &random))
        }
    }

    private func isCut(_ until: FleetInstant?) -> Bool { until.map { now < $0 } ?? false }

    private func deliver(_ delivery: Delivery) {
        switch delivery {
        case .report(let envelope, let body):
            if controllerIsAlive { controller.receive(.message(envelope, body: body), now: now) }
        case .command(let topic, let envelope, let body):
            for listener in listeners
            where listener.isAlive && (topic == Topic.all || topic == Topic.peer(listener.id))
                && !isCut(listener.cutUntil)
            {
                if let until = listener.frozenUntil {
                    // It waits in the socket's buffer.
                    order += 1
                    deliveries.append((until, order, .command(topic: Topic.peer(listener.id), envelope, body)))
                } else {
                    listener.machine.receive(.message(envelope, body: body), now: now)
                }
            }
            for worker in workers
            where worker.isAlive && (topic == Topic.all || topic == Topic.peer(worker.id)) && !isCut(worker.cutUntil) {
                if let until = worker.frozenUntil {
                    order += 1
                    deliveries.append((until, order, .command(topic: Topic.peer(worker.id), envelope, body)))
                } else {
                    worker.machine.receive(.message(envelope, body: body), now: now)
                }
            }
        case .listenerEvent(let listener, let event):
            guard listener.isAlive else { return }
            if let until = listener.frozenUntil {
                order += 1
                deliveries.append((until, order, delivery))
            } else {
                listener.machine.handle(event, now: now)
            }
        case .workerEvent(let worker, let event):
            guard worker.isAlive else { return }
            if let until = worker.frozenUntil {
                order += 1
                deliveries.append((until, order, delivery))
            } else {
                worker.machine.handle(event, now: now)
            }
        }
    }

    // MARK: Actions

    private func perform(_ actions: [ControllerMachine.Action]) {
        for action in actions {
            switch action {
            case .publish(let topic, let command, let run, let carriesPlan):
                controllerSequence += 1
                transmit(
                    .command(
                        topic: topic,
                        Envelope(
                            session: controller.session, run: run, sender: controller.session,
                            sequence: controllerSequence, content: command), carriesPlan ? [1] : []))
            case .record(let event): events.append(event)
            case .send(let chunks, let file, let id):
                for chunk in chunks {
                    controllerSequence += 1
                    transmit(
                        .command(
                            topic: Topic.peer(id),
                            Envelope(
                                session: controller.session, run: setup.id, sender: controller.session,
                                sequence: controllerSequence,
                                content: .chunk(Command.Chunk(file: file.sha256, number: chunk))),
                            [UInt8](repeating: 0, count: file.range(of: chunk).count)))
                }
            case .observe(.sending(let transfer)): transfers.append(transfer)
            case .observe: break
            case .over(let outcome):
                outcomes.append(outcome)
                overAt = now
            }
        }
    }

    private func perform(_ action: ListenerMachine.Action, _ listener: Listener) {
        switch action {
        case .send(let report):
            listener.sequence += 1
            var run = listener.machine.run
            if case .exited(let exit) = report { run = listener.machine.run(of: exit.worker) }
            guard !isCut(listener.cutUntil) else { return }
            transmit(
                .report(
                    Envelope(
                        session: listener.machine.session ?? "", run: run, sender: listener.id,
                        sequence: listener.sequence, content: report), []))
        case .launch(let order, let launching):
            let worker = Worker(
                id: order.id, index: order.index, run: launching.run, session: launching.session, listener: listener,
                machine: WorkerMachine(
                    run: launching.run, session: launching.session, machine: launching.machine, pid: 7,
                    liveness: launching.liveness, launch: launching.launch, now: now))
            worker.cutUntil = listener.cutUntil
            workers.append(worker)
            post(.listenerEvent(listener, .launched(worker: order.id, pid: 7)), after: 1)
        case .store(let file, let chunk, let bytes):
            listener.received += bytes.count
            post(.listenerEvent(listener, .file(.stored(sha256: file.sha256, chunk: chunk))), after: 1)
        case .verify(let file):
            damage -= 1
            let sha256 = file.sha256
            post(
                .listenerEvent(listener, .file(damage < 0 ? .ready(sha256: sha256) : .damaged(sha256: sha256))),
                after: 5)
        case .drop: break
        case .hangUp(let id):
            for worker in workers where worker.id == id && worker.isAlive {
                post(.workerEvent(worker, .lifelineEnded), after: 1)
            }
        case .terminate(let id):
            for worker in workers where worker.id == id && worker.isAlive {
                post(.workerEvent(worker, .lifelineEnded), after: 1)
                post(.workerEvent(worker, .interrupted), after: 1)
            }
        case .kill(let id):
            for worker in workers where worker.id == id { die(worker, status: nil, signal: 9) }
        case .becomeNew:
            listener.id += "x"
            listener.sequence = 0
        case .warn: break
        case .exit(let status):
            listener.isAlive = false
            listener.exitStatus = status
        }
    }

    private func perform(_ action: WorkerMachine.Action, _ worker: Worker) {
        switch action {
        case .send(let report, let body):
            worker.sequence += 1
            guard !isCut(worker.cutUntil) else { return }
            transmit(
                .report(
                    Envelope(
                        session: worker.session, run: worker.run, sender: worker.id, sequence: worker.sequence,
                        content: restate(report)), rewrite(body ?? [])))
        case .prepare:
            if let how = diesOfItsPlan(worker) {
                die(worker, status: how < 0 ? nil : how, signal: how < 0 ? -how : nil, stderr: "oh no")
            } else if let planError {
                post(.workerEvent(worker, .failed(planError)), after: 20)
            } else {
                post(.workerEvent(worker, .prepared(setup.graces)), after: Int64.random(in: 1...200, using: &random))
            }
        case .startLoad:
            worker.remaining = loadSeconds
            worker.loadAt = now + .seconds(1)
        // As with the engine, what comes after the end means nothing.
        case .stopLoad where worker.hasFinished: break
        case .abortLoad where worker.hasFinished: break
        case .stopLoad:
            worker.isStopping = true
            worker.loadAt = now + .milliseconds(Int64.random(in: 1...500, using: &random))
        case .abortLoad:
            worker.isStopping = true
            worker.loadAt = now
        case .exit(let status, let message):
            if let message { exitMessages.append(message) }
            die(worker, status: status, signal: nil)
        }
    }

    private func advanceLoad(_ worker: Worker) {
        guard let at = worker.loadAt, now >= at, !worker.hasFinished else { return }
        worker.remaining -= 1
        var statistics = LoadStatistics()
        statistics.sent = UInt64.random(in: 1...1000, using: &random)
        let isFinal = worker.isStopping || worker.remaining <= 0
        if worker.accounted == 0 {
            statistics.started = UInt64(setup.instances)
            statistics.opened = UInt64(setup.instances)
        }
        let over = isFinal ? setup.instances - worker.accounted : worker.accounted == 0 ? 1 : 0
        worker.accounted += over
        if over > 0 {
            statistics.outcomes[worker.isStopping ? .aborted : .succeeded] = UInt64(over)
            statistics.ended = UInt64(over)
        }
        worker.produced.append(statistics.sent)
        worker.hasFinished = isFinal
        worker.loadAt = isFinal ? nil : now + .seconds(1)
        worker.machine.handle(
            .snapshot(
                Snapshot(
                    sequence: UInt64(worker.produced.count), elapsed: UInt64(worker.produced.count) * 1_000_000_000,
                    isFinal: isFinal, statistics: statistics)), now: now)
    }
}
