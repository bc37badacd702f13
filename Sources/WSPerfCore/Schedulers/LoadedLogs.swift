internal import Synchronization

/// The replay logs that an engine's set-up has read, so that its schedule, its payloads and its time limit share one.
package final class LoadedLogs: Sendable {
    private let logs = Mutex<[String: ReplayLog]>([:])

    init() {}

    /// The log that a plan's replay schedule names: read and parsed the first time it is asked for.
    func log(_ options: ReplayOptions, of plan: Plan) throws(PlanError) -> ReplayLog {
        if let log = logs.withLock({ $0[options.log] }) { return log }
        let log = try ReplayLog.load(options, of: plan)
        logs.withLock { $0[options.log] = log }
        return log
    }
}
