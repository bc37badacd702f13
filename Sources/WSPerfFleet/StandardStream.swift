internal import Glibc

/// This process's standard output and standard error, unbuffered, so that all text is written before the process ends.
package enum StandardStream: Int32 {
    case output = 1
    case error = 2

    /// How long to wait for a reader, milliseconds.
    private static let patience: Int32 = 5000
    /// A pipe or terminal that says it has room takes at least this much without blocking.
    private static let piece = 512

    /// Writes all of `text`. Drops the rest if nobody reads it any more, or not within 5 s.
    package func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            var waiting = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
            guard poll(&waiting, 1, Self.patience) != 0 else { return }
            let count = rest.prefix(Self.piece).withUnsafeBytes { Glibc.write(rawValue, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count < 0, errno == EAGAIN {
                continue
            } else if count == 0 || errno != EINTR {
                return
            }
        }
    }
}
