internal import Glibc
internal import Logging
internal import WSPerfCore

/// Connects a listener's state machine to its sockets and its worker processes.
final class ListenerDriver: FleetDriver {
    typealias Event = ListenerMachine.Event

    private let controller: ControllerAddress
    /// The controller's address in numbers, to which the sockets connect; nil if its name had none that answers.
    private var connected: ControllerAddress?
    private let resolve: @Sendable (String) -> ControllerProbe.Resolution
    private let launcher: any WorkerLaunching
    private let hasLifelines: Bool
    private let mailbox: FleetMailbox<Event>
    private let incoming: ZMQSocket
    private let outgoing: ZMQSocket
    private let store: FileStore
    private let logger: Logger
    /// The session in the last log message.
    private var session: String?
    private var watch: JoinWatch
    private var id: String
    private var machine: ListenerMachine
    private var sequence: UInt64 = 0
    private(set) var status: Int32?

    init(
        options: FleetListener.Options, launcher: any WorkerLaunching, mailbox: FleetMailbox<Event>,
        incoming: ZMQSocket, outgoing: ZMQSocket, logger: Logger
    ) {
        controller = options.controller
        connected = controller.isNumeric ? controller : nil
        resolve = options.resolve
        self.launcher = launcher
        hasLifelines = options.worker != nil
        self.mailbox = mailbox
        self.incoming = incoming
        self.outgoing = outgoing
        store = FileStore { mailbox.post(.file($0)) }
        self.logger = logger
        id = PeerIdentity.random(prefix: "l-")
        machine = ListenerMachine(name: options.name, pid: getpid(), servesOnce: options.servesOnce, now: .now)
        watch = JoinWatch(hasAddress: connected != nil, now: .now)
        logger.notice("connecting to \(controller), as \(options.name)")
        subscribe()
    }

    /// Subscribes to the listener's own topic first, so that a listener that receives beacons also receives its own commands.
    private func subscribe() {
        do throws(FleetError) {
            try incoming.subscribe(Topic.peer(id))
            try incoming.subscribe(Topic.all)
        } catch {
            logger.error("cannot subscribe", metadata: ["error": "\(error)"])
        }
    }

    var nextDeadline: FleetInstant? { [machine.nextDeadline, watch.next].compactMap(\.self).min() }
    var isOver: Bool { status != nil }

    func receive(_ incoming: ZMQSocket.Incoming, now: FleetInstant) {
        guard case .message(let parts, _) = incoming else { return }
        machine.receive(WireCodec.decodeCommand(parts, topics: [Topic.peer(id), Topic.all]), now: now)
    }

    func handle(_ event: Event, now: FleetInstant) {
        if case .notJoined(_, let host) = event {
            let isNew = host.map { connect(to: $0) } ?? false
            // It has just begun to connect, so there is nothing to say yet.
            guard watch.looked(hasAddress: connected != nil, now: now), !isNew else { return }
        }
        machine.handle(event, now: now)
    }

    func stalled(for duration: Duration) { machine.forgive(duration) }

    func tick(now: FleetInstant, drained: Bool) {
        for action in machine.tick(now: now) { perform(action) }
        if machine.session != session {
            session = machine.session
            if let session { logger.notice("joined \(controller)", metadata: ["session": "\(session)"]) }
        }
        if watch.isDue(hasController: machine.session != nil, now: now) {
            let probe = ControllerProbe(address: controller, earlier: connected?.host, resolve: resolve)
            let isStarted = DetachedThread.start("wsperf-probe") { [mailbox] in
                let finding = probe.look()
                mailbox.post(.notJoined(reason: finding.reason, host: finding.host))
            }
            // Without a thread, the next look says why.
            if !isStarted { _ = watch.looked(hasAddress: connected != nil, now: now) }
        }
    }

    /// Connects the sockets to another address of the controller's name. Returns false if they are connected to it, or
    /// if the listener has joined meanwhile.
    private func connect(to host: String) -> Bool {
        let address = controller.at(host)
        guard !controller.isNumeric, machine.session == nil, address != connected else { return false }
        if let connected {
            incoming.disconnect(host: connected.bracketedHost, port: connected.publishPort)
            outgoing.disconnect(host: connected.bracketedHost, port: connected.reportPort)
        }
        do throws(FleetError) {
            try incoming.connect(host: address.bracketedHost, port: address.publishPort)
            try outgoing.connect(host: address.bracketedHost, port: address.reportPort)
            connected = address
            logger.info("\(controller.host) is \(host)")
            return true
        } catch {
            logger.error("\(error.message)")
            return false
        }
    }

    private func perform(_ action: ListenerMachine.Action) {
        switch action {
        case .send(let message):
            sequence += 1
            var run = machine.run
            if case .exited(let exit) = message { run = machine.run(of: exit.worker) }
            let envelope = Envelope(
                session: machine.session ?? "", run: run, sender: id, sequence: sequence, content: message)
            _ = outgoing.send(WireCodec.encode(envelope))
        case .launch(let order, let launching):
            let mailbox = mailbox
            let options = FleetWorkerOptions(
                controller: connected ?? controller, order: order, launching: launching, hasLifeline: hasLifelines)
            logger.debug("launching a worker", metadata: ["worker": "\(order.id)"])
            // The machine launches workers when all files are there.
            launcher.launch(options, files: options.files.map { store.descriptor($0) ?? -1 }) { mailbox.post($0) }
        case .store(let file, let chunk, let bytes): store.write(bytes, to: file, chunk: chunk)
        case .verify(let file): store.verify(file)
        case .drop(let sha256): store.drop(sha256)
        case .hangUp(let worker): launcher.hangUp(worker)
        case .terminate(let worker): launcher.terminate(worker)
        case .kill(let worker):
            logger.debug("killing a worker", metadata: ["worker": "\(worker)"])
            launcher.kill(worker)
        case .becomeNew:
            id = PeerIdentity.random(prefix: "l-")
            sequence = 0
            subscribe()
        case .warn(let text): logger.warning("\(text)")
        case .exit(let status): self.status = status
        }
    }
}
