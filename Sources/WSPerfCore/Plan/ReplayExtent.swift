/// What a replay log holds for the connections of a plan, before speed and looping.
struct ReplayExtent {
    /// Messages that all of the plan's connections send in one round.
    var total: Double
    /// Messages that a connection sends in one round, on average.
    var messages: Double
    /// The fewest and the most messages that a connection sends in one round.
    var fewest: Double
    var most: Double
    /// From the log's earliest message to its latest, seconds.
    var seconds: Double
    /// Bytes of payload a message has on average.
    var meanLength: Double

    /// Nil if the log cannot be read; `Plan.checkFiles()` says why.
    init?(_ plan: Plan, _ options: ReplayOptions, _ logs: LoadedLogs) {
        guard let log = try? logs.log(options, of: plan), plan.connections > 0 else { return nil }
        let (rounds, rest) = plan.connections.quotientAndRemainder(dividingBy: log.connectionCount)
        let played = min(plan.connections, log.connectionCount)
        var partial = 0
        var fewest = Int.max
        var most = 0
        for connection in 0..<played {
            let count = log.messageCount(forConnection: connection)
            if connection < rest { partial += count }
            fewest = min(fewest, count)
            most = max(most, count)
        }
        total = Double(rounds) * Double(log.messageCount) + Double(partial)
        messages = total / Double(plan.connections)
        self.fewest = Double(fewest)
        self.most = Double(most)
        seconds = log.duration.inSeconds
        meanLength = Double(log.byteCount) / Double(log.messageCount)
    }
}
