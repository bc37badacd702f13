internal import Glibc

/// The directory that holds all there is of one run: the resolved plan, the journal, and the results made of it.
public struct RunDirectory: Sendable, Hashable {
    /// Where it is, as given.
    public let path: String

    /// Names of the files a run writes itself; a plan is written beside them.
    enum File: String, CaseIterable {
        case journal = "journal.wsj"
        case summaryJSON = "summary.json"
        case summaryText = "summary.txt"
        case timeline = "timeline.csv"
    }

    /// Names under which a plan may be written.
    private static let planNames = ["plan.yaml", "plan.yml", "plan.json"]

    /// A directory that is there already, to report from.
    public init(existing path: String) { self.path = path }

    /// The directory named by the user (`--output`). It may be new, empty, or hold an earlier run and nothing else: that
    /// run's files are removed. Anything else in it is `occupied`, so that no mistyped name costs anybody a file.
    public static func prepare(_ path: String) throws(RunDirectoryError) -> RunDirectory {
        try makeDirectories(path)
        let entries = try list(path)
        let own = Set(File.allCases.map(\.rawValue) + planNames)
        func isOwn(_ name: String) -> Bool { own.contains(name) || own.contains { name == temporary($0) } }
        if let stranger = entries.filter({ !isOwn($0) }).min() { throw .occupied(path: path, by: stranger) }
        // A plan alone is somebody's plan, not a run.
        let isRun = entries.contains { $0 == File.journal.rawValue || $0 == File.summaryJSON.rawValue }
        if !entries.isEmpty, !isRun {
            throw .occupied(path: path, by: entries.min() ?? "")
        }
        for entry in entries where unlink("\(path)/\(entry)") != 0 { throw unwritable("\(path)/\(entry)") }
        return RunDirectory(existing: path)
    }

    /// A new directory for one run, `<UTC time>-<name>` within `folder`; a number is added if there is one already.
    ///
    /// - Parameter startedAt: Wall-clock time, milliseconds since 1970-01-01 UTC.
    public static func make(
        in folder: String = "wsperf-runs", name: String, startedAt: Int64
    ) throws(RunDirectoryError) -> RunDirectory {
        try makeDirectories(folder)
        let stem = "\(folder)/\(UTCTime(milliseconds: startedAt).fileName)-\(fileName(name))"
        for attempt in 1...1000 {
            let path = attempt == 1 ? stem : "\(stem)-\(attempt)"
            if mkdir(path, 0o777) == 0 { return RunDirectory(existing: path) }
            guard errno == EEXIST else { throw unwritable(path) }
        }
        throw .unwritable(path: stem, reason: "1,000 runs of this name and second are there already")
    }

    /// Writes a file whole or not at all: under another name first, which then takes the place of what was there.
    public func write(_ text: String, to name: String) throws(RunDirectoryError) {
        let target = "\(path)/\(name)"
        let temporary = "\(path)/\(Self.temporary(name))"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else { throw Self.unwritable(target) }
        var failure = Self.writeAll(Array(text.utf8), to: descriptor)
        if failure == 0, fsync(descriptor) != 0 { failure = errno }
        if close(descriptor) != 0, failure == 0 { failure = errno }
        if failure == 0, rename(temporary, target) != 0 { failure = errno }
        guard failure == 0 else {
            unlink(temporary)
            throw Self.unwritable(target, failure)
        }
    }

    /// Writes everything there is to read of a finished run.
    func write(_ summary: RunSummary) throws(RunDirectoryError) {
        try write(summary.timelineCSV(), to: File.timeline.rawValue)
        try write(summary.text(), to: File.summaryText.rawValue)
        try write(summary.json(), to: File.summaryJSON.rawValue)
    }

    var journalPath: String { "\(path)/\(File.journal.rawValue)" }

    // MARK: The file system

    /// Writes all bytes; returns 0 or the error number.
    static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written)
            }
            if count < 0 {
                if errno == EINTR { continue }
                return errno
            }
            written += count
        }
        return 0
    }

    static func reason(_ error: Int32) -> String { String(cString: strerror(error)) }

    private static func unwritable(_ path: String, _ error: Int32 = errno) -> RunDirectoryError {
        .unwritable(path: path, reason: reason(error))
    }

    private static func temporary(_ name: String) -> String { ".\(name).new" }

    /// Makes the directory and those above it.
    private static func makeDirectories(_ path: String) throws(RunDirectoryError) {
        guard !path.isEmpty else { throw .unwritable(path: path, reason: "it has no name") }
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += part
            if mkdir(made, 0o777) != 0 {
                let error = errno
                var status = stat()
                guard stat(made, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                    throw unwritable(made, error == EEXIST ? ENOTDIR : error)
                }
            }
            made += "/"
        }
    }

    private static func list(_ path: String) throws(RunDirectoryError) -> [String] {
        guard let directory = opendir(path) else { throw unwritable(path) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// A plan's name as part of a file's: everything but letters, digits, `.`, `_` and `-` becomes `-`.
    static func fileName(_ name: String) -> String {
        let kept = name.unicodeScalars.prefix(60).map { scalar -> Character in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-": Character(scalar)
            default: "-"
            }
        }
        return kept.isEmpty ? "run" : String(kept)
    }
}
