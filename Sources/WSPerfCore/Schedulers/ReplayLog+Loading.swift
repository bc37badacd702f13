internal import Synchronization

extension ReplayLog {
    /// Loads the log that a plan's replay schedule names. It reads the file each time, but does not parse it again if
    /// it is the same as the last loaded log and another engine of this process still uses that. Code that needs the
    /// log more than once uses `LoadedLogs`.
    static func load(_ options: ReplayOptions, of plan: Plan) throws(PlanError) -> ReplayLog {
        onLoad?(options.log)
        let contents = try plan.contents(ofFile: options.log)
        var hasher = Hasher()
        hasher.combine(options.log)
        contents.withUnsafeBytes { hasher.combine(bytes: $0) }
        let key = LatestLog.Key(path: options.log, size: contents.count, digest: hasher.finalize())
        if let log = latest.withLock({ $0.key == key ? $0.log : nil }) { return log }
        do throws(ReplayLogError) {
            let log = try ReplayLog(parsing: contents, name: options.log)
            latest.withLock { $0 = LatestLog(key: key, log: log) }
            return log
        } catch {
            throw PlanError("\(error)", at: "schedule.log")
        }
    }

    /// For tests: called for every load in this task.
    @TaskLocal static var onLoad: (@Sendable (_ path: String) -> Void)?

    /// The log loaded last, as long as something uses it.
    private struct LatestLog {
        struct Key: Equatable {
            var path: String
            var size: Int
            var digest: Int
        }

        var key: Key?
        weak var log: ReplayLog?
    }

    private static let latest = Mutex(LatestLog())
}

/// The replay logs that an engine's set-up has read. Its schedule, payloads and time limit share them.
package final class LoadedLogs: Sendable {
    private let logs = Mutex<[String: ReplayLog]>([:])

    init() {}

    /// The log that a plan's replay schedule names; read and parsed on the first call only.
    func log(_ options: ReplayOptions, of plan: Plan) throws(PlanError) -> ReplayLog {
        if let log = logs.withLock({ $0[options.log] }) { return log }
        let log = try ReplayLog.load(options, of: plan)
        logs.withLock { $0[options.log] = log }
        return log
    }
}
