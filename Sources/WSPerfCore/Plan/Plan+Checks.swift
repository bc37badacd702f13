// Checks that involve several keys of a plan.
extension Plan {
    /// Reports keys that contradict each other.
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
        schedule.options?.check(self, isBounded: messages != nil || duration != nil, reader)
        payload.options?.check(self, reader)
        checkTagged(reader)
        if inFlight != nil && match == .none {
            reader.report("waits for replies, but match is none: nothing received is a reply", at: "in_flight")
        }
    }

    /// The target's family is only known if the target is an address.
    private func checkSources(_ reader: PlanReader) {
        guard let isIPv6 = target.isIPv6, let other = sourceAddresses.first(where: { $0.isIPv6 != isIPv6 }) else {
            return
        }
        reader.report(
            "\(other) is IPv\(other.isIPv6 ? 6 : 4), but the target \(target.host) is IPv\(isIPv6 ? 6 : 4)",
            at: "source_addresses")
    }

    private func checkTagged(_ reader: PlanReader) {
        guard match == .tagged, !schedule.setsLengths, let shortest = payload.options?.shortest else { return }
        let needed = shortest.format == .text ? MatchMode.taggedTextLength : MatchMode.taggedBinaryLength
        if shortest.length < needed {
            reader.mapping("payload").report(
                "match: tagged needs \(shortest.format.rawValue) messages of at least \(needed) bytes, "
                    + "not \(shortest.length)", at: shortest.key)
        }
    }

    /// Settings that are allowed but may be unintended, one line for each.
    public var notices: [String] {
        var notices: [String] = []
        let components: [(part: String, kind: String, stock: [String])] = [
            ("client", client.kind, [ComponentPlan.stock.kind]),
            ("schedule", schedule.kind, SchedulePlan.Kind.allCases.map(\.rawValue)),
            ("payload", payload.kind, PayloadPlan.Kind.allCases.map(\.rawValue)),
        ]
        for (part, kind, stock) in components where !stock.contains(kind) {
            let nearest = PlanText.nearest(to: kind, among: stock).map { " (did you mean '\($0)'?)" } ?? ""
            notices.append(
                "\(part).kind \(PlanText.quoted(kind)) is not a stock kind\(nearest): the workers must know it")
        }
        if client.kind != ComponentPlan.stock.kind, !sourceAddresses.isEmpty || congestionControl != nil {
            notices.append(
                "source_addresses and congestion_control are for the stock client: a custom client may ignore them"
            )
        }
        if !target.isSecure && tls != TLSPlan() { notices.append("tls is not used: the target is a ws:// URL") }
        if target.isSecure && !tls.verify {
            notices.append("tls.verify is false: any server at the target's address is trusted")
        }
        if !sendMessages && (messages != nil || duration != nil) {
            notices.append("messages and duration are not used: send_messages is false")
        }
        if sendMessages, match == .echo, !schedule.setsLengths, let shortest = payload.options?.shortest,
            shortest.length > maxMessageSize
        {
            notices.append("echoes of \(shortest.length) bytes are above max_message_size (\(maxMessageSize) bytes)")
        }
        return notices
    }
}
