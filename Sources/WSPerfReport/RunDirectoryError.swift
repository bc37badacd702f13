/// Why a run directory cannot be used.
public enum RunDirectoryError: Error, Hashable, CustomStringConvertible {
    /// It holds something that no run has written, and nothing of it is overwritten: wrong usage.
    case occupied(path: String, by: String)
    /// The system refuses: not permitted, no space, no such place. The run can go on without being kept.
    case unwritable(path: String, reason: String)
    /// There is no journal of a run in it, or it cannot be read.
    case noJournal(path: String, reason: String)

    public var description: String {
        switch self {
        case .occupied(let path, let name):
            "\(path.printable()) holds \(name.printable(limit: 80)), which is not of a run: name a new or empty directory"
        case .unwritable(let path, let reason): "cannot write \(path.printable()): \(reason)"
        case .noJournal(let path, let reason): "no run to report in \(path.printable()): \(reason)"
        }
    }
}
