internal import CLinux
internal import Glibc

/// What distinguishes the contents of a file from those of others, and from its own contents at other times.
package struct FileIdentity: Sendable, Hashable {
    var device: UInt64
    var inode: UInt64
    package var size: Int
    /// Nanoseconds since 1970-01-01 UTC.
    var changed: Int64

    /// The identity of an open file; nil if it is not a regular file (then `errno` is 0) or cannot be examined.
    package init?(_ descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        errno = 0
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int(status.st_size)
        changed = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    }
}
