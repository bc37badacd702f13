internal import Synchronization

extension ReplayLog {
    /// Loads the log that a plan's replay schedule names, with the messages of a share. It does not read the file again
    /// if it is the same as the last loaded log and another engine of this process still uses that. Figures alone are
    /// kept. Code that needs the log more than once uses `LoadedLogs`.
    static func load(_ options: ReplayOptions, of plan: Plan, share: Share = .all) throws(PlanError) -> ReplayLog {
        onLoad?(options.log)
        let (source, contents) = try source(of: options.log, in: plan)
        let key = LatestLogs.Key(path: options.log, contents: contents, share: share)
        if let log = latest.withLock({ $0.log(key) }) { return log }
        do throws(ReplayLogError) {
            let log = try ReplayLog(source, name: options.log, share: share)
            latest.withLock { $0.keep(log, key) }
            return log
        } catch {
            throw PlanError("\(error)", at: "schedule.log")
        }
    }

    private static func source(
        of path: String, in plan: Plan
    ) throws(PlanError) -> (ReplayLogSource, LatestLogs.Contents) {
        if let attached = plan.attachments[path] {
            var hasher = Hasher()
            attached.withUnsafeBytes { hasher.combine(bytes: $0) }
            return (
                .memory(SharedArray(attached), isMapped: false),
                .attached(size: attached.count, digest: hasher.finalize())
            )
        }
        let file = try ReplayLogSource.OpenFile(plan.fileLocations[path] ?? path, name: path)
        if plan.fileLocations[path] != nil, file.identity.size > 0,
            let bytes = SharedArray<UInt8>(mapping: file.descriptor, size: file.identity.size)
        {
            return (.memory(bytes, isMapped: true), .file(file.identity))
        }
        return (.file(file, path: path), .file(file.identity))
    }

    /// For tests: called for every load in this task.
    @TaskLocal static var onLoad: (@Sendable (_ path: String) -> Void)?

    /// The logs loaded last.
    private struct LatestLogs {
        enum Contents: Equatable {
            case attached(size: Int, digest: Int)
            case file(FileIdentity)
        }

        struct Key: Equatable {
            var path: String
            var contents: Contents
            var share: Share
        }

        /// Without messages.
        private var figures: (key: Key, log: ReplayLog)?
        private var key: Key?
        /// As long as something uses it.
        private weak var whole: ReplayLog?

        func log(_ wanted: Key) -> ReplayLog? {
            if let figures, figures.key == wanted { return figures.log }
            return key == wanted ? whole : nil
        }

        mutating func keep(_ log: ReplayLog, _ new: Key) {
            if new.share == .none { figures = (new, log) } else { (key, whole) = (new, log) }
        }
    }

    private static let latest = Mutex(LatestLogs())
}

/// The replay logs that an engine's set-up has read. Its schedule, payloads and time limit share them.
package final class LoadedLogs: Sendable {
    private let logs = Mutex<[String: ReplayLog]>([:])
    private let share: ReplayLog.Share

    /// - Parameter share: The connections whose messages are needed.
    init(_ share: ReplayLog.Share = .all) { self.share = share }

    /// The log that a plan's replay schedule names; read and parsed on the first call only.
    func log(_ options: ReplayOptions, of plan: Plan) throws(PlanError) -> ReplayLog {
        if let log = logs.withLock({ $0[options.log] }) { return log }
        let log = try ReplayLog.load(options, of: plan, share: share)
        logs.withLock { $0[options.log] = log }
        return log
    }
}
