extension Plan {
    /// Whether nothing but a reply decides when the next message is sent: `in_flight` with a schedule that has no pauses, or
    /// whose pauses are not known because it is not one of the library's.
    public var isClosedLoopWithoutPauses: Bool {
        sendMessages && inFlight != nil && Pacing(schedule: schedule).isWithoutPauses
    }
}

/// What a resolved plan's document says, for reports: a journal may hold one that only another version can make a `Plan` of.
extension PlanNode {
    /// As `Plan.isClosedLoopWithoutPauses`.
    package var isClosedLoopWithoutPauses: Bool {
        guard self["in_flight"]?.text.flatMap({ UInt64($0) }) != nil, self["send_messages"]?.text != "false" else {
            return false
        }
        let schedule = self["schedule"]
        let options = (schedule?.entries ?? []).filter { $0.key != "kind" }
        return Pacing(
            schedule: ComponentPlan(kind: schedule?["kind"]?.text ?? "periodic", options: .mapping(options))
        ).isWithoutPauses
    }

    /// Connections that a worker with so many of them is to open each second; nil if it opens them all at once, or the
    /// document does not say.
    package func openingRate(of connections: UInt64) -> Double? {
        guard let ramp = self["ramp"] else { return nil }
        if let rate = ramp["rate"]?.text.flatMap({ try? PlanQuantity.rate($0) }), rate > 0 { return rate }
        guard let time = ramp["over"]?.text.flatMap({ try? PlanQuantity.duration($0) }), time > .zero else {
            return nil
        }
        return Double(connections) / time.inSeconds
    }

    /// How many of a worker's connections may be opening at once; nil if there is no bound.
    package var maxOpening: UInt64? { self["ramp"]?["max_opening"]?.text.flatMap { UInt64($0) } }
}
