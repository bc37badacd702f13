internal import Synchronization

extension ReplayLog {
    /// The log of a plan's replay schedule. Reads the file, and parses it unless the log loaded last is the same and
    /// another engine of this process still uses it. Code that needs the log more than once asks `LoadedLogs`.
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

    /// For tests: called for each load in this task.
    @TaskLocal static var onLoad: (@Sendable (_ path: String) -> Void)?

    /// The log loaded last, as long as it is in use.
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

/// The replay logs that an engine's set-up has read. Its schedule, its payloads and its time limit share one.
package final class LoadedLogs: Sendable {
    private let logs = Mutex<[String: ReplayLog]>([:])

    init() {}

    /// The log of a plan's replay schedule. The first call reads and parses it.
    func log(_ options: ReplayOptions, of plan: Plan) throws(PlanError) -> ReplayLog {
        if let log = logs.withLock({ $0[options.log] }) { return log }
        let log = try ReplayLog.load(options, of: plan)
        logs.withLock { $0[options.log] = log }
        return log
    }
}
