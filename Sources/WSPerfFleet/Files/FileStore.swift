internal import CLinux
internal import Dispatch
internal import Glibc
internal import Synchronization

/// A listener's files on the disk. Each has no name, so it is gone when the listener ends, however that happens, and
/// nobody else can change it. Writing and reading happen on a queue of its own, because a disk may be slow.
///
/// The folder is `TMPDIR`, or else `/var/tmp`.
final class FileStore: Sendable {
    private let files = Mutex<[String: Int32]>([:])
    private let queue = DispatchQueue(label: "wsperf.files")
    private let folder: String
    private let onEvent: @Sendable (FileIntake.Event) -> Void

    init(
        folder: String = getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp",
        _ onEvent: @escaping @Sendable (FileIntake.Event) -> Void
    ) {
        self.folder = folder
        self.onEvent = onEvent
    }

    deinit { for descriptor in files.withLock({ $0 }).values { close(descriptor) } }

    /// The descriptor of a file that is ready, for reading. It stays open until the file is dropped.
    func descriptor(_ sha256: String) -> Int32? { files.withLock { $0[sha256] } }

    func write(_ bytes: [UInt8], to file: FileReference, chunk: Int) {
        queue.async { [self] in
            do throws(Failure) {
                let descriptor = try writable(file)
                var place = file.range(of: chunk).lowerBound
                var rest = bytes[...]
                while !rest.isEmpty {
                    // Reads at most the bytes of `rest`.
                    let written = rest.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(place)) }
                    if written < 0, errno == EINTR { continue }
                    guard written > 0 else { throw Failure() }
                    rest = rest.dropFirst(written)
                    place += written
                }
                onEvent(.stored(sha256: file.sha256, chunk: chunk))
            } catch {
                onEvent(.failed(sha256: file.sha256, reason: error.reason))
            }
        }
    }

    /// Checks a complete file, and makes it read-only.
    func verify(_ file: FileReference) {
        queue.async { [self] in
            do throws(Failure) {
                let descriptor = try writable(file)
                guard FileDigest.digest(of: descriptor, size: file.size) == file.sha256 else {
                    remove(file.sha256)
                    return onEvent(.damaged(sha256: file.sha256))
                }
                // A worker of another user may read it too. It needs the descriptor, because the file has no name.
                guard fchmod(descriptor, 0o444) == 0 else { throw Failure() }
                let reading = open("/proc/self/fd/\(descriptor)", O_RDONLY | O_CLOEXEC)
                guard reading >= 0 else { throw Failure() }
                files.withLock { $0[file.sha256] = reading }
                close(descriptor)
                onEvent(.ready(sha256: file.sha256))
            } catch {
                onEvent(.failed(sha256: file.sha256, reason: error.reason))
            }
        }
    }

    func drop(_ sha256: String) { queue.async { [self] in remove(sha256) } }

    private func remove(_ sha256: String) {
        if let descriptor = files.withLock({ $0.removeValue(forKey: sha256) }) { close(descriptor) }
    }

    private struct Failure: Error {
        let reason = String(cString: strerror(errno))
    }

    /// The descriptor of a file that is not ready yet. Makes the file if there is none.
    private func writable(_ file: FileReference) throws(Failure) -> Int32 {
        if let descriptor = files.withLock({ $0[file.sha256] }) { return descriptor }
        let descriptor = clinux_unnamed_file(folder)
        guard descriptor >= 0 else { throw Failure() }
        files.withLock { $0[file.sha256] = descriptor }
        // A disk without room says so now, if its file system can reserve.
        guard clinux_reserve(descriptor, Int64(file.size)) == 0 else { throw Failure() }
        return descriptor
    }
}
