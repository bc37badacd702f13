internal import Glibc
internal import WSPerfCore

/// The directory of one run: the resolved plan, the journal, and the results.
public struct RunDirectory: Sendable, Hashable {
    /// The path of the directory, as given.
    public let path: String

    /// The files that a run writes, besides the plan.
    enum File: String, CaseIterable {
        case journal = "journal.wsj"
        case summaryJSON = "summary.json"
        case summaryText = "summary.txt"
        case summaryMarkdown = "summary.md"
        case junit = "junit.xml"
        case page = "report.html"
        case timeline = "timeline.csv"
    }

    /// Possible names of the plan's file.
    private static let planNames = ["plan.yaml", "plan.yml", "plan.json"]

    /// An existing directory, to report from.
    public init(existing path: String) { self.path = path }

    /// The files of an earlier run in a directory; empty if the directory is. Throws `occupied` if it contains anything
    /// else.
    ///
    /// - Parameter ofAnyRun: A plan alone counts too. Somebody may need it, unless it is in a hidden directory.
    static func earlierFiles(in path: String, ofAnyRun: Bool = false) throws(RunDirectoryError) -> [String] {
        let entries = try list(path)
        let own = Set(File.allCases.flatMap { [$0.rawValue, rebuilt($0)] } + planNames)
        func isOwn(_ name: String) -> Bool {
            own.contains(name) || own.contains { name == temporary($0) }
        }
        if let stranger = entries.filter({ !isOwn($0) }).min() { throw .occupied(path: path, by: stranger) }
        let isRun = entries.contains { $0 == File.journal.rawValue || $0 == File.summaryJSON.rawValue }
        if !entries.isEmpty, !isRun, !ofAnyRun {
            throw .occupied(path: path, by: entries.min() ?? "")
        }
        return entries
    }

    /// Deletes a directory with the files of a run. What cannot be deleted stays.
    static func delete(_ path: String) {
        for name in (try? earlierFiles(in: path, ofAnyRun: true)) ?? [] { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    /// Makes a new directory for one run: `<UTC time>-<name>` in `folder`, with a number added if that exists already.
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
        throw .unwritable(path: stem, reason: "there are already 1,000 runs with this name and second")
    }

    /// Makes a directory for one run, which must not exist yet, in a directory that does.
    static func make(at path: String) throws(RunDirectoryError) -> RunDirectory {
        guard mkdir(path, 0o777) == 0 else { throw unwritable(path) }
        return RunDirectory(existing: path)
    }

    /// Writes a file completely or not at all: writes it under another name first, then renames it.
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

    /// Writes the results of a finished run.
    ///
    /// - Parameter beside: Writes `summary.rebuilt.json` and so on, and leaves the files as they are.
    func write(_ summary: RunSummary, beside: Bool = false) throws(RunDirectoryError) {
        func name(_ file: File) -> String { beside ? Self.rebuilt(file) : file.rawValue }
        try write(summary.timelineCSV(), to: name(.timeline))
        try write(summary.junitXML(), to: name(.junit))
        try write(summary.markdown(), to: name(.summaryMarkdown))
        try write(summary.html(), to: name(.page))
        try write(summary.text(), to: name(.summaryText))
        try write(summary.json(), to: name(.summaryJSON))
    }

    /// `summary.json` → `summary.rebuilt.json`
    private static func rebuilt(_ file: File) -> String {
        let parts = file.rawValue.split(separator: ".", maxSplits: 1)
        return "\(parts[0]).rebuilt.\(parts.count > 1 ? parts[1] : "")"
    }

    var hasJournal: Bool { access(journalPath, F_OK) == 0 }

    var journalPath: String { "\(path)/\(File.journal.rawValue)" }

    /// Where a shorter journal is written that will replace it.
    var journalCopyPath: String { "\(path)/\(Self.temporary(File.journal.rawValue))" }

    // MARK: The file system

    /// Writes all bytes. Returns 0 or the error number.
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

    static func unwritable(_ path: String, _ error: Int32 = errno) -> RunDirectoryError {
        .unwritable(path: path, reason: reason(error))
    }

    private static func temporary(_ name: String) -> String { ".\(name).new" }

    /// Makes the directory and its parents.
    static func makeDirectories(_ path: String) throws(RunDirectoryError) {
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

    static func list(_ path: String) throws(RunDirectoryError) -> [String] {
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

    /// A plan's name as part of a file name: everything except letters, digits, `.`, `_` and `-` becomes `-`.
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

/// Why a run directory cannot be used.
public enum RunDirectoryError: Error, Hashable, CustomStringConvertible {
    /// It contains something that is not from a run. Nothing is overwritten. This is wrong usage.
    case occupied(path: String, by: String)
    /// Another run writes to it: the process with this id, if known.
    case inUse(path: String, by: Int32?)
    /// The system refuses: no permission, no space, no such path. The run can continue without a record.
    case unwritable(path: String, reason: String)
    /// It has no journal, or the journal cannot be read.
    case noJournal(path: String, reason: String)

    public var description: String {
        switch self {
        case .occupied(let path, let name):
            "\(path.printable()) contains \(name.printable(limit: 80)), not from a run: name a new or empty directory"
        case .inUse(let path, let pid):
            "\(path.printable()) is in use by a run"
                + (pid.map { " of process \($0)" } ?? "") + ": name another directory, or wait for that run"
        case .unwritable(let path, let reason): "cannot write \(path.printable()): \(reason)"
        case .noJournal(let path, let reason): "no run to report in \(path.printable()): \(reason)"
        }
    }
}
