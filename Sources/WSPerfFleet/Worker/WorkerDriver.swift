internal import Logging
internal import WSPerfCore

/// Connects a worker's state machine to its sockets and its load.
final class WorkerDriver: FleetDriver {
    typealias Event = WorkerMachine.Event

    private let options: FleetWorkerOptions
    private let factory: WorkloadFactory
    private let mailbox: FleetMailbox<Event>
    private let incoming: ZMQSocket
    private let outgoing: ZMQSocket
    private let topics: [String]
    /// Descriptors of the plan's files by their digests.
    private let files: [String: Int32]
    private var machine: WorkerMachine
    private var sequence: UInt64 = 0
    private var workload: (any Workload)?
    private(set) var result: (status: Int32, message: String?)?

    init(
        options: FleetWorkerOptions, files: [String: Int32], pid: Int32, factory: @escaping WorkloadFactory,
        mailbox: FleetMailbox<Event>, incoming: ZMQSocket, outgoing: ZMQSocket
    ) {
        self.options = options
        self.factory = factory
        self.mailbox = mailbox
        self.incoming = incoming
        self.outgoing = outgoing
        self.files = files
        topics = Self.topics(of: options.id)
        machine = WorkerMachine(
            run: options.run, session: options.session, machine: options.machine, pid: pid, liveness: options.liveness,
            launch: options.launch, now: .now)
    }

    /// The worker's own topic is first, so that a worker that receives beacons also receives its own commands.
    static func topics(of id: String) -> [String] { [Topic.peer(id), Topic.all] }

    var nextDeadline: FleetInstant? { machine.nextDeadline }
    var isOver: Bool { result != nil }

    func receive(_ incoming: ZMQSocket.Incoming, now: FleetInstant) {
        guard case .message(let parts, _) = incoming else { return }
        machine.receive(WireCodec.decodeCommand(parts, topics: topics), now: now)
    }

    func handle(_ event: Event, now: FleetInstant) { machine.handle(event, now: now) }

    func stalled(for duration: Duration) { machine.forgive(duration) }

    func tick(now: FleetInstant, drained: Bool) {
        for action in machine.tick(now: now) { perform(action) }
    }

    private func perform(_ action: WorkerMachine.Action) {
        switch action {
        case .send(let message, let body):
            sequence += 1
            let envelope = Envelope(
                session: options.session, run: options.run, sender: options.id, sequence: sequence, content: message)
            // If there is no room, the message is dropped. The machine repeats those that matter.
            _ = outgoing.send(WireCodec.encode(envelope, body: body))
        case .prepare(let parcel): prepare(parcel)
        case .startLoad: start()
        case .stopLoad: workload?.stop()
        case .abortLoad: workload?.abort()
        case .exit(let status, let message):
            workload?.abort()
            result = (status, message)
        }
    }

    /// The FNV-1a hash of the session, which is random, and the run. So it is the same in all workers of a run, and
    /// different in other runs.
    private var nonce: UInt64 {
        "\(options.session)/\(options.run)".utf8.reduce(0xCBF2_9CE4_8422_2325) { hash, byte in
            (hash ^ UInt64(byte)) &* 0x100_0000_01B3
        }
    }

    /// Runs on its own thread, because reading a log of a million lines takes long, and heartbeats must continue.
    private func prepare(_ parcel: [UInt8]) {
        let (factory, mailbox, files) = (factory, mailbox, files)
        let share = WorkerShare(workerIndex: options.index, nonce: nonce)
        let slot = WorkloadSlot()
        self.slot = slot
        FleetLoop<WorkerDriver>.onThread("wsperf-prepare") {
            do {
                let parcel = try PlanParcel(decoding: parcel)
                func descriptor(_ sha256: String, _ name: String) throws -> Int32 {
                    guard let descriptor = files[sha256] else {
                        throw FleetError(.plan, "\(name) has not come with the plan")
                    }
                    return descriptor
                }
                var document = parcel.document
                if let sha256 = parcel.planFile {
                    let bytes = FileBytes.read(
                        try descriptor(sha256, "the plan's own file"), at: 0, count: FleetLimits.plan + 1)
                    guard let bytes, bytes.count <= FleetLimits.plan else {
                        throw FleetError(.plan, "the plan's own file cannot be read")
                    }
                    document = try PlanNode(json: bytes)
                }
                var plan = try Plan(document: document ?? .mapping([PlanNode.Entry]()))
                for file in parcel.files where !file.path.isEmpty {
                    let descriptor = try descriptor(file.sha256, "the file \(file.path)")
                    // Opening it again gives the reader a position of its own.
                    plan.fileLocations[file.path] = "/proc/self/fd/\(descriptor)"
                }
                slot.put(try factory(plan, share))
                mailbox.post(.prepared(GracePeriods(plan)))
            } catch {
                mailbox.post(.failed(PlanText.printable("\(error)", limit: FleetLimits.text, keepingLines: true)))
            }
        }
    }

    private var slot: WorkloadSlot?

    private func start() {
        guard workload == nil, let workload = slot?.take() else { return }
        self.workload = workload
        let mailbox = mailbox
        Task {
            do {
                try await workload.run { mailbox.post(.snapshot($0)) }
                // Has no effect after a final snapshot.
                mailbox.post(.failed("the load ended without a final snapshot"))
            } catch {
                mailbox.post(.failed(PlanText.printable("\(error)", limit: FleetLimits.text, keepingLines: true)))
            }
        }
    }
}
