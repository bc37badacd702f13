internal import CLinux

/// One event loop's share of a run. Opens its connections on time, sends due messages, matches replies, enforces
/// deadlines, and counts. Confined to its loop's thread.
///
/// Generic over the client, so that calls to the stock client are direct (see `StockLoadLoop`). Schedulers and payloads
/// are behind pools: one virtual call each.
class LoadLoop<Client: WebSocketClient>: SessionTable, @unchecked Sendable {
    private let client: Client
    private let plan: Plan
    private let loop: EventLoop
    private let collector: Collector
    private let index: Int
    private let threads: Int
    /// Index in the run of the worker's first connection.
    private let firstConnection: Int
    private let schedulers: SchedulerPool
    private let payloads: PayloadPool

    // Invariant: both have `capacity` elements, initialised from init to deinit. The table retains the connections in
    // it. A connection taken out is released once no call to it is on the loop's stack.
    private let sessions: UnsafeMutablePointer<Session>
    private let connections: UnsafeMutablePointer<Unmanaged<Client.Connection>?>
    private let capacity: Int
    /// The buffer in use for counting: one of the collector's two for this loop.
    private var statistics: UnsafeMutablePointer<LoadStatistics>

    private var done = 0
    private var isStopping = false
    private var runBegan: UInt64 = 0
    private var ticks: UInt64 = 0
    private var openings: OpeningQueue

    /// Messages sent so far.
    private var sends: UInt64 = 0
    private var timerSlack: TimerSlack
    /// The loop's times as last reported to the collector.
    private var reported = EventLoop.Usage()

    private let limits: LoadLimits
    private let match: MatchMode
    private let nonce: UInt64
    private let timeLimit: UInt64
    private let firstPhase: Session.Phase
    /// Draws the jitter of new attempts. Separate from the connections' own generators, which failures must not
    /// disturb.
    private var waits: SeededGenerator

    // Slots of the deadline queue after those of the connections.
    private var tickSlot: Int { capacity }
    private var limitSlot: Int { capacity + 1 }

    init(
        client: Client, plan: Plan, share: WorkerShare, nonce: UInt64, index: Int, threads: Int, timeLimit: UInt64,
        loop: EventLoop, collector: Collector, schedulers: (Int) -> SchedulerPool, payloads: (Int) -> PayloadPool
    ) {
        self.client = client
        self.plan = plan
        self.loop = loop
        self.collector = collector
        self.index = index
        self.threads = threads
        firstConnection = share.workerIndex * plan.instances
        capacity = (plan.instances - index + threads - 1) / threads
        self.schedulers = schedulers(capacity)
        self.payloads = payloads(index)
        sessions = .allocate(capacity: max(capacity, 1))
        connections = .allocate(capacity: max(capacity, 1))
        for slot in 0..<capacity {
            let connection = firstConnection + index + slot * threads
            let random = SeededGenerator(seed: plan.seed, stream: UInt64(connection))
            (sessions + slot).initialize(to: Session(random: random))
            (connections + slot).initialize(to: nil)
        }
        statistics = collector.buffer(of: index)
        limits = LoadLimits(plan)
        match = plan.match
        self.nonce = nonce
        waits = SeededGenerator(seed: plan.seed, stream: .max - 2 - UInt64(share.workerIndex * threads + index))
        self.timeLimit = timeLimit
        timerSlack = TimerSlack(limit: plan.timerSlack?.wholeNanoseconds)
        openings = OpeningQueue(
            connections: capacity,
            limit: plan.maxOpening.map { max(1, $0 / threads + (index < $0 % threads ? 1 : 0)) } ?? .max,
            interval: plan.ramp.interval(connections: plan.instances), loop: index, loops: threads)
        firstPhase = SocketAddress.literal(plan.target.host, port: plan.target.port) == nil ? .dns : .tcp
        super.init(
            deadlines: capacity + 2, wantsTags: plan.match == .tagged, wantsActivity: plan.timeouts.idle != nil)
    }

    deinit {
        for slot in 0..<capacity {
            sessions[slot].replies.free()
            connections[slot]?.release()
        }
        sessions.deinitialize(count: capacity)
        sessions.deallocate()
        connections.deallocate()
    }

    // MARK: - The loop's calls

    override func start() {
        runBegan = collector.runBegan
        deadlines.set(limitSlot, to: runBegan &+ timeLimit)
        deadlines.set(tickSlot, to: runBegan + 1_000_000_000)
        if isStopping { return stopAll() }
        if capacity == 0 { return finish() }
        openings.begin(at: runBegan)
        nextOpening = openings.nextTime
    }

    override func fire() {
        let sentBefore = sends
        defer {
            if timerSlack.count(sends &- sentBefore, now: loop.now) {
                let usage = loop.usage(at: loop.now)
                timerSlack.adapt(now: loop.now, worked: usage.processor.since(usage.awake))
                slack = timerSlack.current
            }
        }
        while budget > 0, deadlines.earliest <= loop.now {
            budget &-= 1
            let slot = deadlines.earliestSlot
            if slot < capacity {
                sessions[slot].armed = 0
                due(slot)
                if sessions[slot].armed == 0 {
                    sessions[slot].armed = .max
                    deadlines.remove(slot)
                }
            } else if slot == tickSlot {
                tick()
            } else {
                deadlines.remove(limitSlot)
                collector.note(.timeLimitReached)
                stopAll()
            }
            loop.isNowOld = true
        }
    }

    final override func stopAll() {
        isStopping = true
        openings.stop()
        guard runBegan != 0 else { return }
        nextOpening = .max
        for slot in 0..<capacity {
            switch sessions[slot].state {
            case .idle, .waiting, .opening: end(slot, .aborted, abort: true)
            case .open: close(slot, .aborted, .goingAway)
            case .closing, .done: break
            }
        }
    }

    final override func abortAll() {
        isStopping = true
        openings.stop()
        guard runBegan != 0 else { return }
        nextOpening = .max
        for slot in 0..<capacity where sessions[slot].state != .done {
            end(slot, .aborted, abort: true)
        }
    }

    private func tick() {
        ticks += 1
        reportUsage()
        statistics = collector.hand(over: statistics, of: index, isFinal: false)
        deadlines.set(tickSlot, to: runBegan + (ticks + 1) * 1_000_000_000)
    }

    /// Counts how the loop's thread has spent its time since the last call.
    private func reportUsage() {
        let usage = loop.usage(at: loop.now)
        let time = usage.time &- reported.time
        statistics.pointee.loopTime &+= time
        statistics.pointee.loopBusy &+= time.since(usage.waited &- reported.waited)
        statistics.pointee.loopCPU &+= usage.processor &- reported.processor
        reported = usage
    }

    private func finish() {
        nextOpening = .max
        for slot in [tickSlot, limitSlot] { deadlines.remove(slot) }
        reportUsage()
        statistics = collector.hand(over: statistics, of: index, isFinal: true)
        loop.stop()
    }

    // MARK: - Opening

    /// Begins openings that are due. Replies and messages come first: the loop calls this once per pass; it stops after
    /// `EventLoop.openingShare`, and sends due messages after each opening.
    override func open() {
        let began = loop.now
        while let opening = openings.next(at: loop.now) {
            if let lag = opening.lag {
                statistics.pointee.started += 1
                statistics.pointee.openLag.record(lag)
                statistics.pointee.lastStart = max(statistics.pointee.lastStart, loop.now.since(runBegan))
                begin(opening.slot, intended: openings.time(of: opening.slot))
            } else if sessions[opening.slot].state == .waiting {
                begin(opening.slot, intended: sessions[opening.slot].due)
            } else {
                // It ended while it waited.
                continue
            }
            loop.updateNow()
            if deadlines.earliest <= loop.now { fire() }
            if loop.now.since(began) >= EventLoop.openingShare { break }
        }
        nextOpening = openings.nextTime
    }

    /// A connection is no longer opening.
    private func openingEnded() {
        if openings.ended(at: loop.now) { nextOpening = openings.nextTime }
    }

    private func begin(_ slot: Int, intended: UInt64) {
        openings.began()
        sessions[slot].state = .opening
        sessions[slot].phase = firstPhase
        sessions[slot].due = intended
        sessions[slot].began = loop.now
        sessions[slot].phaseBegan = loop.now
        arm(slot, loop.now &+ limits.connect)
        let sink = ConnectionSink(
            connection: firstConnection + index + slot * threads, loop: loop, table: self, slot: UInt32(slot),
            generation: sessions[slot].generation)
        let connection = client.connect(to: plan.target, on: loop, sink: sink)
        // The connection may already be over.
        if sessions[slot].state == .opening || sessions[slot].state == .open,
            sessions[slot].generation == sink.generation
        {
            connections[slot] = .passRetained(connection)
        }
    }

    // MARK: - The connections' calls

    override func handle(_ event: SessionEvent, slot: UInt32, generation: UInt32, now: UInt64) {
        let slot = Int(slot)
        guard sessions[slot].generation == generation, sessions[slot].state != .done else { return }
        let isOpening = sessions[slot].state == .opening
        switch event {
        case .resolved:
            guard isOpening else { return }
            statistics.pointee.dns.record(endPhase(slot, now, next: .tcp))
        case .connected:
            guard isOpening else { return }
            statistics.pointee.tcpConnect.record(endPhase(slot, now, next: plan.target.isSecure ? .tls : .upgrade))
        case .secured:
            guard isOpening else { return }
            statistics.pointee.tls.record(endPhase(slot, now, next: .upgrade))
        case .opened:
            guard isOpening else { return }
            opened(slot, now)
        case .message(let length, let tag):
            message(length: length, tag: tag, slot: UInt32(slot), generation: generation, now: now)
        case .activity:
            sessions[slot].lastReceived = now
        case .pong(let id):
            sessions[slot].lastReceived = now
            guard match == .ping else { return }
            // RFC 6455 §5.5.3: a server that got several pings may answer only the latest.
            while let times = sessions[slot].replies.answerOldest(upTo: id) { recordReply(times, now) }
            replyCame(slot)
        case .writable:
            unblock(slot, now)
        case .closeReceived(let code):
            sessions[slot].closeSeen = code
            if sessions[slot].closeReceived(code, at: loop.now) { arm(slot, now &+ limits.close) }
        case .ended(let failure):
            end(slot, .ended(failure), abort: false)
        }
    }

    private func endPhase(_ slot: Int, _ now: UInt64, next: Session.Phase) -> UInt64 {
        let began = sessions[slot].phaseBegan
        sessions[slot].phase = next
        sessions[slot].phaseBegan = now
        return now.since(began)
    }

    private func opened(_ slot: Int, _ now: UInt64) {
        statistics.pointee.upgrade.record(endPhase(slot, now, next: .upgrade))
        statistics.pointee.handshake.record(now.since(sessions[slot].began))
        statistics.pointee.handshakeResponse.record(now.since(sessions[slot].due))
        statistics.pointee.opened += 1
        openingEnded()
        sessions[slot].state = .open
        sessions[slot].release(at: now)
        sessions[slot].opened = now &- sessions[slot].elapsed
        sessions[slot].lastReceived = now
        sessions[slot].lastSent = now
        sessions[slot].armed = .max
        if limits.messages > 0, !sessions[slot].isScheduled {
            sessions[slot].isScheduled = true
            schedulers.start(
                slot: slot, connection: firstConnection + index + slot * threads, random: &sessions[slot].random)
            next(slot)
        } else if sessions[slot].hasMessage {
            sessions[slot].due = sessions[slot].opened &+ UInt64(clamping: sessions[slot].message.offset)
        }
        // Inside `connect` there is no connection to send on yet. No client opens that fast; if one does, the deadline
        // sends.
        if connections[slot] == nil { arm(slot, now) } else { pump(slot) }
    }

    override func message(length: Int, tag: MessageTag?, slot: UInt32, generation: UInt32, now: UInt64) {
        let slot = Int(slot)
        guard sessions[slot].generation == generation else { return }
        switch sessions[slot].state {
        case .open, .closing: break
        case .idle, .waiting, .opening, .done: return
        }
        statistics.pointee.received += 1
        statistics.pointee.bytesReceived += UInt64(length)
        sessions[slot].lastReceived = now
        let times: ReplyQueue.Times?
        switch match {
        case .echo:
            times = sessions[slot].replies.answerOldest()
        case .tagged:
            let connection = UInt64(firstConnection + index + slot * threads)
            if let tag, tag.nonce == nonce, tag.connection == connection {
                times = sessions[slot].replies.answer(tag.message)
            } else {
                times = nil
            }
        case .ping, .none:
            return
        }
        if let times { recordReply(times, now) } else { statistics.pointee.unexpected += 1 }
        replyCame(slot)
    }

    override func activity(slot: UInt32, generation: UInt32, now: UInt64) {
        guard sessions[Int(slot)].generation == generation else { return }
        sessions[Int(slot)].lastReceived = now
    }

    private func recordReply(_ times: ReplyQueue.Times, _ now: UInt64) {
        let service = now.since(times.actual)
        statistics.pointee.rttService.record(service)
        statistics.pointee.rttResponse.record(now.since(times.intended))
        if service > limits.reply { statistics.pointee.late += 1 }
    }

    @inline(__always)
    private func replyCame(_ slot: Int) {
        guard sessions[slot].state == .open else { return }
        if sessions[slot].hasMessage {
            if sessions[slot].isHeld {
                sessions[slot].release(at: loop.now)
                pump(slot)
            }
        } else if sessions[slot].replies.count == 0, !sessions[slot].isBlocked {
            close(slot, .succeeded, .normal)
        }
    }

    // MARK: - Sending

    // These functions are inlined into each other, as are the stock client's. After a system call the processor
    // mispredicts the returns of all functions around it, and each miss costs more than the function's own work.

    /// Asks the schedule for the next message.
    private func next(_ slot: Int) {
        sessions[slot].hasMessage = false
        guard sessions[slot].sent < limits.messages,
            let message = schedulers.next(slot: slot, random: &sessions[slot].random),
            UInt64(clamping: message.offset) <= limits.sendingTime
        else { return }
        // Only replies pace a closed loop without pauses, so the clock decides when its time is over.
        if message.offset <= 0, limits.inFlight != .max, loop.now.since(sessions[slot].opened) > limits.sendingTime {
            return
        }
        sessions[slot].message = message
        sessions[slot].due = sessions[slot].opened &+ UInt64(clamping: message.offset)
        sessions[slot].hasMessage = true
    }

    /// Sends what is due, and sets the connection's next deadline.
    @inline(__always)
    private func pump(_ slot: Int) {
        if sessions[slot].hasMessage, loop.now.since(sessions[slot].opened) > limits.sendingTime {
            endSendingIfOver(slot)
        }
        while sessions[slot].hasMessage, !sessions[slot].isBlocked {
            sessions[slot].isHeld = sessions[slot].replies.count >= limits.inFlight
            if sessions[slot].isHeld || sessions[slot].due > loop.now || budget == 0 { break }
            budget &-= 1
            send(slot)
            guard sessions[slot].state == .open else { return }
        }
        guard sessions[slot].hasMessage || sessions[slot].replies.count > 0 || sessions[slot].isBlocked else {
            return close(slot, .succeeded, .normal)
        }
        rearm(slot)
    }

    /// When the connection's `duration` is over, gives up its remaining messages, except one that only the generator's
    /// lag held back.
    @inline(never)
    private func endSendingIfOver(_ slot: Int) {
        let isFree = !sessions[slot].isBlocked && sessions[slot].replies.count < limits.inFlight
        let isInTime = sessions[slot].possible.since(sessions[slot].opened) <= limits.sendingTime
        let lateness = loop.now.since(sessions[slot].opened) &- limits.sendingTime
        if isFree, isInTime, lateness <= LoadLimits.sendingGrace { return }
        countUnsent(slot, through: sessions[slot].opened &+ limits.sendingTime)
        sessions[slot].hasMessage = false
        sessions[slot].isHeld = false
    }

    /// Counts the messages that were due by `time` and will not be sent. The schedule can't be used after this.
    private func countUnsent(_ slot: Int, through time: UInt64) {
        guard sessions[slot].hasMessage, sessions[slot].due <= time else { return }
        // In a closed loop without pauses, a message is not due before the reply that releases it.
        guard limits.inFlight == .max || sessions[slot].due > sessions[slot].opened else { return }
        let offset = Int64(clamping: min(time.since(sessions[slot].opened), limits.sendingTime))
        let left = limits.messages == .max ? .max : limits.messages.since(sessions[slot].sent &+ 1)
        statistics.pointee.unsent &+= 1
        statistics.pointee.unsent &+= schedulers.count(
            slot: slot, through: offset, limit: left, random: &sessions[slot].random)
        if sessions[slot].isBlocked { countWait(slot) }
    }

    @inline(__always)
    private func send(_ slot: Int) {
        guard let connection = connections[slot] else { return }
        let scheduled = sessions[slot].message
        // A delay by the connection itself (closed loop, full socket) is not the generator's lag, but it is part of the
        // response time. The exception is a closed loop without pauses: there a message is not due before the reply
        // that releases it.
        let possible = sessions[slot].possible
        let isUnpaced = limits.inFlight != .max && sessions[slot].due <= sessions[slot].opened
        let intended = isUnpaced ? possible : sessions[slot].due
        let context = MessageContext(
            connection: firstConnection + index + slot * threads, index: Int(sessions[slot].sent),
            scheduled: scheduled,
            intended: intended)
        // A blocked message is generated again, with the same random numbers: a generator that renders in `length` has
        // rendered another connection's message by then, and a seed must always give the same bytes.
        let random = sessions[slot].random
        let chosenKind = payloads.kind(for: context)
        let chosenLength = payloads.length(for: context, using: &sessions[slot].random)
        let kind = scheduled.kind ?? chosenKind
        let wanted = scheduled.length ?? chosenLength
        guard UInt(bitPattern: wanted) <= UInt(LengthDistribution.limit) else {
            return refuse(slot, .impossibleLength(wanted), context)
        }
        let length = match == .tagged ? max(wanted, MessageTag.length(kind)) : wanted
        var written = PayloadFilling.complete
        let now = loop.currentNow()
        // No reference counting here. The connection outlives the call: the table retains it, or the loop once it has
        // left the table. The thread that runs this loop keeps it alive.
        let unowned = Unmanaged.passUnretained(self)
        let outcome = connection._withUnsafeGuaranteedRef { connection in
            connection.send(kind, length: length) { payload in
                written = unowned._withUnsafeGuaranteedRef { $0.fill(&payload, wanted, length, kind, slot, context) }
            }
        }
        loop.isNowOld = true
        switch outcome {
        case .sent, .buffered:
            sends += 1
            if outcome == .buffered { block(slot) }
            statistics.pointee.sent += 1
            statistics.pointee.bytesSent += UInt64(length)
            statistics.pointee.sendLag.record(now.since(possible))
            let index = sessions[slot].sent
            sessions[slot].sent = index + 1
            sessions[slot].lastSent = now
            if match != .none {
                sessions[slot].replies.append(
                    ReplyQueue.Times(intended: intended, actual: now), index: index, limit: limits.unanswered)
            }
            guard written == .complete else { return refuse(slot, written, context) }
            if match == .ping {
                ping(slot)
                // The ping may have found the connection dead and ended it.
                guard sessions[slot].state == .open else { return }
            }
            next(slot)
        case .blocked:
            sessions[slot].random = random
            block(slot)
            countWait(slot)
        case .closed:
            sessions[slot].random = random
            lose(slot)
        case .unsupported:
            close(slot, .clientError, .normal)
        }
    }

    /// Writes a message of `length` bytes, of which the payload generator writes `wanted`.
    private func fill(
        _ span: inout OutputRawSpan, _ wanted: Int, _ length: Int, _ kind: MessageKind, _ slot: Int,
        _ context: MessageContext
    ) -> PayloadFilling {
        PayloadFilling.fill(&span, wanted: wanted, length: length) { payload in
            payloads.fill(&payload, for: context, using: &sessions[slot].random)
        } finish: { bytes in
            if match == .tagged { tag(bytes, kind, context) }
        }
    }

    /// Writes the message's tag over the beginning of its payload.
    private func tag(_ bytes: UnsafeMutableRawBufferPointer, _ kind: MessageKind, _ context: MessageContext) {
        let tag = MessageTag(nonce: nonce, connection: UInt64(context.connection), message: UInt64(context.index))
        tag.write(to: bytes, kind: kind)
        // If the tag cuts a character in two, the rest of the character would make the text invalid.
        var index = MessageTag.length(kind)
        while kind == .text, index < bytes.count, bytes[index] & 0xC0 == 0x80 {
            bytes[index] = UInt8(ascii: "0")
            index += 1
        }
    }

    /// Sends the ping for the last message.
    private func ping(_ slot: Int) {
        guard let connection = connections[slot] else { return }
        sessions[slot].owesPing = false
        switch connection._withUnsafeGuaranteedRef({ $0.ping(id: sessions[slot].sent - 1) }) {
        case .sent: break
        case .buffered: block(slot)
        case .blocked:
            sessions[slot].owesPing = true
            block(slot)
        case .closed: lose(slot)
        case .unsupported: close(slot, .clientError, .normal)
        }
    }

    /// Ends a connection whose payload generator, schedule or client broke the rules of its protocol.
    @inline(never)
    private func refuse(_ slot: Int, _ filling: PayloadFilling, _ context: MessageContext) {
        guard let problem = filling.problem(of: context, in: plan) else { return close(slot, .clientError, .normal) }
        collector.note(.problem(problem))
        close(slot, .payloadError, .normal)
    }

    private func block(_ slot: Int) {
        guard !sessions[slot].isBlocked else { return }
        sessions[slot].isBlocked = true
        sessions[slot].blockedSince = loop.now
    }

    /// A due message must wait for its socket. Counted once each time the connection blocks.
    private func countWait(_ slot: Int) {
        guard !sessions[slot].hasWaited else { return }
        sessions[slot].hasWaited = true
        statistics.pointee.blocked += 1
    }

    private func unblock(_ slot: Int, _ now: UInt64) {
        guard sessions[slot].isBlocked else { return }
        sessions[slot].isBlocked = false
        guard sessions[slot].state == .open else { return }
        // A message had to wait only if it came due meanwhile.
        if sessions[slot].hasMessage, sessions[slot].due < now { countWait(slot) }
        sessions[slot].hasWaited = false
        sessions[slot].release(at: now)
        if sessions[slot].owesPing { ping(slot) }
        if sessions[slot].state == .open { pump(slot) }
    }

    /// The connection says that it is over. It has reported its end, or is about to.
    private func lose(_ slot: Int) {
        guard sessions[slot].state == .open else { return }
        sessions[slot].beginClosing(.closed(CloseCode.abnormal.rawValue), at: loop.now)
        arm(slot, loop.now &+ limits.close)
    }

    // MARK: - Deadlines

    private func arm(_ slot: Int, _ deadline: UInt64) {
        sessions[slot].armed = deadline
        deadlines.set(slot, to: deadline)
    }

    /// Sets the deadline of an open connection. A deadline that only moves later stays as it is and is checked again
    /// when it fires: a reply deadline moves with every message and hardly ever fires.
    private func rearm(_ slot: Int) {
        var deadline = UInt64.max
        if sessions[slot].isBlocked {
            deadline = sessions[slot].blockedSince &+ limits.reply
        } else if sessions[slot].hasMessage, !sessions[slot].isHeld {
            deadline = sessions[slot].due
        } else {
            deadline = (sessions[slot].replies.oldestActual ?? sessions[slot].lastSent) &+ limits.reply
            // After the last message, replies get the full timeout.
            if !sessions[slot].hasMessage { deadline = max(deadline, sessions[slot].lastReady &+ limits.reply) }
        }
        if sessions[slot].hasMessage, sessions[slot].isHeld || sessions[slot].isBlocked, limits.sendingTime != .max {
            deadline = min(deadline, sessions[slot].opened &+ limits.sendingTime &+ 1)
        }
        if limits.idle != .max { deadline = min(deadline, sessions[slot].lastReceived &+ limits.idle) }
        if sessions[slot].armed != 0, deadline >= sessions[slot].armed { return }
        arm(slot, deadline)
    }

    /// The connection's deadline has passed.
    private func due(_ slot: Int) {
        let now = loop.now
        switch sessions[slot].state {
        case .idle, .done:
            break
        case .waiting:
            openings.retry(slot)
            nextOpening = openings.nextTime
        case .opening, .closing:
            end(slot, .deadline, abort: true)
        case .open:
            if limits.idle != .max, sessions[slot].lastReceived &+ limits.idle <= now {
                return close(slot, .idleTimeout, .goingAway)
            }
            if sessions[slot].isBlocked {
                if sessions[slot].blockedSince &+ limits.reply <= now { return end(slot, .deadline, abort: true) }
            } else if !sessions[slot].hasMessage || sessions[slot].isHeld, sessions[slot].replies.count > 0 {
                let from =
                    sessions[slot].isHeld && sessions[slot].hasMessage
                    ? sessions[slot].replies.oldestActual ?? sessions[slot].lastSent : sessions[slot].lastReady
                if from &+ limits.reply <= now { return close(slot, .replyTimeout, .goingAway) }
            }
            pump(slot)
        }
    }

    // MARK: - Ending

    /// Begins the closing handshake of an open connection. Its outcome is `verdict` if the closing goes well.
    private func close(_ slot: Int, _ verdict: Outcome, _ code: CloseCode) {
        guard sessions[slot].state == .open else { return }
        sessions[slot].beginClosing(verdict, at: loop.now)
        arm(slot, loop.now &+ limits.close)
        connections[slot]?._withUnsafeGuaranteedRef { $0.close(code, reason: "") }
    }

    /// The connection, or this attempt, is over: counts its outcome once and frees what it held.
    private func end(_ slot: Int, _ ending: Session.Ending, abort: Bool) {
        guard sessions[slot].state != .done else { return }
        let outcome = sessions[slot].outcome(of: ending)
        let wasOpen = sessions[slot].state == .open || sessions[slot].state == .closing
        let connection = connections[slot]
        connections[slot] = nil
        sessions[slot].generation &+= 1
        if wasOpen {
            statistics.pointee.ended += 1
            statistics.pointee.unanswered += sessions[slot].replies.count
            startOverIfItHeld(slot)
            sessions[slot].elapsed = loop.now.since(sessions[slot].opened)
        } else if sessions[slot].state == .opening {
            openingEnded()
        }
        sessions[slot].replies.free()
        if let connection {
            if abort { connection._withUnsafeGuaranteedRef { $0.abort() } }
            loop.releaseLater(connection)
        }
        let reconnect = plan.reconnect.flatMap { mayReconnect(slot, outcome, $0) ? $0 : nil }
        // A schedule that continues later gives up no messages.
        if wasOpen, reconnect?.schedule != .continue {
            countUnsent(slot, through: sessions[slot].state == .open ? loop.now : sessions[slot].phaseBegan)
        }
        if let reconnect { return wait(slot, outcome, reconnect) }
        sessions[slot].state = .done
        sessions[slot].armed = .max
        deadlines.remove(slot)
        statistics.pointee.outcomes[outcome, default: 0] += 1
        schedulers.stop(slot: slot)
        done += 1
        if done == capacity { finish() }
    }

    /// A connection that stayed open for a while gets all its new attempts back.
    private func startOverIfItHeld(_ slot: Int) {
        guard let reconnect = plan.reconnect else { return }
        let closed = sessions[slot].state == .closing ? sessions[slot].phaseBegan : loop.now
        sessions[slot].attempts = reconnect.attempts(
            made: sessions[slot].attempts, openFor: closed.since(sessions[slot].opened &+ sessions[slot].elapsed))
    }

    private func mayReconnect(_ slot: Int, _ outcome: Outcome, _ reconnect: ReconnectPlan) -> Bool {
        guard !isStopping, !outcome.isFinal else { return false }
        if let limit = reconnect.limit, sessions[slot].attempts >= limit { return false }
        // Once all messages are sent, there is no reason to reconnect.
        return reconnect.schedule == .restart || !sessions[slot].isScheduled || sessions[slot].hasMessage
    }

    private func wait(_ slot: Int, _ outcome: Outcome, _ reconnect: ReconnectPlan) {
        statistics.pointee.interruptions[outcome, default: 0] += 1
        if reconnect.schedule == .restart { schedulers.stop(slot: slot) }
        sessions[slot].reset(restarting: reconnect.schedule == .restart)
        let full = Double(reconnect.wait(before: Int(sessions[slot].attempts)))
        sessions[slot].due = loop.now &+ UInt64(full * (1 - reconnect.jitter * waits.nextUnit()))
        arm(slot, sessions[slot].due)
    }
}
