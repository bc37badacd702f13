// What one key of a plan asks of another.
extension Plan {
    /// Keeps what does not fit together as problems of `reader`.
    func crossCheck(_ reader: PlanReader) {
        let (perMachine, overflow) = processes.multipliedReportingOverflow(by: instances)
        let (total, overflow2) = perMachine.multipliedReportingOverflow(by: machines)
        if overflow || overflow2 || total > 1_000_000_000 {
            reader.report("machines × processes × instances is more than 1000000000 connections", at: "instances")
        }
        if threads > instances { reader.report("more threads than instances (\(instances))", at: "threads") }
        if let most = maxOpening, most < threads {
            reader.mapping("ramp").report(
                "fewer than threads (\(threads)): each event loop opens at least one at a time", at: "max_opening")
        }
        if let least = minMachines, least > machines {
            reader.report("more than machines (\(machines))", at: "min_machines")
        }
        let tls = reader.mapping("tls")
        if self.tls.key != nil && self.tls.certificate == nil { tls.report("needs tls.certificate as well", at: "key") }
        if self.tls.certificate != nil && self.tls.key == nil { tls.report("needs tls.key as well", at: "certificate") }
        checkSources(reader)
        guard sendMessages else { return }
        checkEnd(reader)
        checkPayload(reader)
        if inFlight != nil && match == .none {
            reader.report("waits for replies, but match is none: nothing received is a reply", at: "in_flight")
        }
    }

    /// Where the target is an address, whose family is known.
    private func checkSources(_ reader: PlanReader) {
        guard let isIPv6 = target.isIPv6, let other = sourceAddresses.first(where: { $0.isIPv6 != isIPv6 }) else {
            return
        }
        reader.report(
            "\(other) is IPv\(other.isIPv6 ? 6 : 4), but the target \(target.host) is IPv\(isIPv6 ? 6 : 4)",
            at: "source_addresses")
    }

    private func checkEnd(_ reader: PlanReader) {
        let schedule = reader.mapping("schedule")
        let isBounded = messages != nil || duration != nil
        switch Pacing(self) {
        case .steady(let mean):
            if !isBounded {
                reader.report("missing: give messages or duration, so that the run comes to an end", at: "messages")
            }
            if mean == 0 && inFlight == nil {
                schedule.report("0 needs a closed loop: give in_flight as well", at: "interval")
            }
        case .replay(let options):
            if options.loop && !isBounded {
                schedule.report("needs messages or duration, so that the run comes to an end", at: "loop")
            }
        case .custom: break
        }
    }

    private func checkPayload(_ reader: PlanReader) {
        let payload = reader.mapping("payload")
        if self.payload.kind == "replay" && schedule.kind != "replay" {
            payload.report("replay needs the replay schedule, whose log it sends", at: "kind")
        }
        guard match == .tagged, schedule.kind != "replay", let (format, least) = shortestPayload else { return }
        let needed = format == .text ? MatchMode.taggedTextLength : MatchMode.taggedBinaryLength
        if least < needed {
            payload.report(
                "match: tagged needs \(format.rawValue) messages of at least \(needed) bytes, not \(least)",
                at: self.payload.kind == "random" ? "length" : "data")
        }
    }

    /// The least length that the stock payloads may have; nil where it is not known without reading a file.
    private var shortestPayload: (PayloadFormat, Int)? {
        switch payload.kind {
        case "random":
            guard let options = try? RandomPayloadOptions(payload.options) else { return nil }
            return (options.format, options.length.minimum)
        case "fixed":
            guard let options = try? FixedPayloadOptions(payload.options), case .data(let text) = options.source else {
                return nil
            }
            return (options.format, text.utf8.count)
        default: return nil
        }
    }

    /// What is allowed but may not be meant, each in one line.
    public var notices: [String] {
        var notices: [String] = []
        let standard = [
            "client": ["stock"], "schedule": ["periodic", "randomized", "replay"],
            "payload": ["random", "fixed", "replay"],
        ]
        for (part, kind) in [("client", client.kind), ("schedule", schedule.kind), ("payload", payload.kind)] {
            guard let stock = standard[part], !stock.contains(kind) else { continue }
            let nearest = PlanText.nearest(to: kind, among: stock).map { " (did you mean '\($0)'?)" } ?? ""
            notices.append(
                "\(part).kind \(PlanText.quoted(kind)) is no stock kind\(nearest): the workers must know it")
        }
        if client.kind != "stock", !sourceAddresses.isEmpty || congestionControl != nil {
            notices.append(
                "source_addresses and congestion_control are for the stock client: another follows them if it reads them"
            )
        }
        if !target.isSecure && tls != TLSPlan() { notices.append("tls is not used: the target is a ws:// URL") }
        if target.isSecure && !tls.verify {
            notices.append("tls.verify is false: whoever answers at the target's address is trusted")
        }
        if !sendMessages && (messages != nil || duration != nil) {
            notices.append("messages and duration are not used: send_messages is false")
        }
        if sendMessages, match == .echo, case let options? = try? RandomPayloadOptions(payload.options),
            payload.kind == "random", schedule.kind != "replay", options.length.minimum > maxMessageSize
        {
            notices.append(
                "echoes of \(options.length.minimum) bytes are above max_message_size (\(maxMessageSize) bytes)")
        }
        return notices
    }
}
