internal import Glibc

/// A lock on a directory, so that no two runs write to it. It is advisory (`flock`), belongs to the directory itself and
/// not to its name, and ends with this object or process.
final class DirectoryLock {
    private let descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    enum Failure: Error {
        /// Another run has it; its process id, if known.
        case held(by: Int32?)
        case system(Int32)
    }

    /// Locks the directory that is at this path now.
    static func take(_ path: String) throws(Failure) -> DirectoryLock {
        // The directory may be replaced between the two calls, but not more often than runs begin.
        for _ in 0..<10 {
            let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard descriptor >= 0 else { throw .system(errno) }
            let lock = DirectoryLock(descriptor)
            if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
                if errno == EWOULDBLOCK { throw .held(by: holder(of: descriptor)) }
                // Some network file systems have no locks. The run is worth more than the lock.
                if errno != EOPNOTSUPP, errno != ENOLCK, errno != ENOSYS { throw .system(errno) }
            }
            if lock.isOn(path) { return lock }
        }
        throw .held(by: nil)
    }

    /// The process that has locked the directory: nil if none has, 0 if it is not known which.
    static func holder(_ path: String) -> Int32? {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK else { return nil }
        return holder(of: descriptor) ?? 0
    }

    private func isOn(_ path: String) -> Bool {
        var (own, other) = (stat(), stat())
        return fstat(descriptor, &own) == 0 && stat(path, &other) == 0 && own.st_ino == other.st_ino
            && own.st_dev == other.st_dev
    }

    /// Linux lists who holds which lock: `1: FLOCK  ADVISORY  WRITE 1234 08:02:131 0 EOF`.
    private static func holder(of descriptor: Int32) -> Int32? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, let file = fopen("/proc/locks", "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = line.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            let words = text.split(separator: " ")
            guard words.count >= 6, words[1] == "FLOCK", words[3] == "WRITE", let pid = Int32(words[4]), pid > 0,
                words[5].split(separator: ":").last.flatMap({ UInt64($0) }) == UInt64(status.st_ino)
            else { continue }
            return pid
        }
        return nil
    }
}
