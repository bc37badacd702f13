internal import CLinux
internal import Glibc
internal import WSPerfCore

/// The directory that the user names (`--output`), from before its run until the run's end.
///
/// It is locked all the time. If it contains an earlier run, the new run's files are written to a directory beside it,
/// and the two change places when the load begins (`replace`). So a run that never sends anything destroys no results.
/// Its files then go to `NAME.incomplete` (`putAside`).
///
/// Confined to one thread.
final class OutputDirectory {
    /// The path, as given.
    let path: String
    private let real: String
    private let isNew: Bool
    private let isEmpty: Bool
    private var hasBegun = false
    private var locks: [DirectoryLock]
    /// Where the files go while the earlier run is in place.
    private var staged: String?
    /// Why the two directories could not change places.
    private(set) var failure: RunDirectoryError?

    /// Makes the directory if there is none, and locks it. Changes nothing in it.
    ///
    /// - Throws: `occupied` if it contains something that is not from a run, so that a mistyped name deletes no files;
    ///   `inUse` if another run writes to it; `unwritable` if the system refuses.
    init(_ path: String) throws(RunDirectoryError) {
        self.path = path
        isNew = access(path, F_OK) != 0
        try RunDirectory.makeDirectories(path)
        guard let resolved = realpath(path, nil) else { throw RunDirectory.unwritable(path) }
        real = String(cString: resolved)
        free(resolved)
        locks = [try Self.lock(real, named: path)]
        isEmpty = try RunDirectory.earlierFiles(in: path).isEmpty
        removeRemains()
    }

    deinit { if isNew, !hasBegun { rmdir(real) } }

    /// Where the run's files go from now on.
    func begin() throws(RunDirectoryError) -> RunDirectory {
        hasBegun = true
        guard !isEmpty, staged == nil else { return RunDirectory(existing: staged ?? path) }
        let beside = "\(remainsPrefix)\(getpid())"
        guard mkdir(beside, 0o777) == 0 else { throw RunDirectory.unwritable(beside) }
        locks.append(try Self.lock(beside, named: beside))
        staged = beside
        return RunDirectory(existing: beside)
    }

    /// The load begins: puts the new run in the place of the earlier one, and deletes that. Returns where the run's
    /// files are now.
    func replace() -> RunDirectory {
        guard let beside = staged else { return RunDirectory(existing: path) }
        if Self.exchange(beside, real) {
            // Now the earlier run is beside.
            RunDirectory.delete(beside)
        } else {
            let reason = RunDirectory.reason(errno)
            let other = putAside(as: "new")
            failure = .unwritable(
                path: path, reason: "\(reason), so it keeps the earlier run, and this one is in \(other.path)")
            return other
        }
        staged = nil
        return RunDirectory(existing: path)
    }

    /// The run ends without a load: keeps the earlier run in its place. Returns where the run's files are now.
    func putAside(as suffix: String = "incomplete") -> RunDirectory {
        guard let beside = staged else { return RunDirectory(existing: path) }
        var stem = path
        while stem.count > 1, stem.hasSuffix("/") { stem.removeLast() }
        for attempt in 1...100 {
            let name = "\(stem).\(suffix)" + (attempt == 1 ? "" : "-\(attempt)")
            // An earlier incomplete run is replaced; anything else is left alone.
            if access(name, F_OK) == 0, (try? RunDirectory.earlierFiles(in: name)) != nil { RunDirectory.delete(name) }
            if rename(beside, name) == 0 {
                staged = nil
                return RunDirectory(existing: name)
            }
            guard errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR else { break }
        }
        return RunDirectory(existing: beside)
    }

    // MARK: The file system

    private var remainsPrefix: String {
        let parts = real.split(separator: "/")
        let parent = parts.dropLast().reduce("") { "\($0)/\($1)" }
        return "\(parent)/.\(parts.last ?? "run").new-"
    }

    /// Deletes what runs that were killed have left beside the directory.
    private func removeRemains() {
        let prefix = remainsPrefix
        guard let slash = prefix.lastIndex(of: "/") else { return }
        let (parent, name) = (String(prefix[..<slash]), prefix[prefix.index(after: slash)...])
        for entry in (try? RunDirectory.list(parent.isEmpty ? "/" : parent)) ?? [] where entry.hasPrefix(name) {
            let remains = "\(parent)/\(entry)"
            guard (try? DirectoryLock.take(remains)) != nil else { continue }
            if (try? RunDirectory.earlierFiles(in: remains, ofAnyRun: true)) != nil { RunDirectory.delete(remains) }
        }
    }

    private static func lock(_ path: String, named name: String) throws(RunDirectoryError) -> DirectoryLock {
        do throws(DirectoryLock.Failure) {
            return try DirectoryLock.take(path)
        } catch {
            switch error {
            case .held(let pid): throw .inUse(path: name, by: pid)
            case .system(let number): throw RunDirectory.unwritable(name, number)
            }
        }
    }

    /// Lets two directories change places: in one step, or where the file system cannot do that, in two.
    private static func exchange(_ one: String, _ other: String) -> Bool {
        let error = clinux_exchange(one, other)
        if error == 0 { return true }
        guard error == EINVAL || error == ENOSYS else {
            errno = error
            return false
        }
        let aside = "\(one).old"
        guard rename(other, aside) == 0 else { return false }
        guard rename(one, other) == 0 else {
            let error = errno
            rename(aside, other)
            errno = error
            return false
        }
        return rename(aside, one) == 0
    }
}

@available(*, unavailable)
extension OutputDirectory: Sendable {}
