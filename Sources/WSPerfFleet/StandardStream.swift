internal import Glibc

/// This process's standard output and standard error, unbuffered, so that all text is written before the process ends.
package enum StandardStream: Int32 {
    case output = 1
    case error = 2

    /// Writes all of `text`; drops the rest if nobody reads it any more.
    package func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(rawValue, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count < 0, errno == EAGAIN {
                // A terminal that another process has made non-blocking.
                var waiting = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
                guard poll(&waiting, 1, 1000) > 0 || errno == EINTR else { return }
            } else if count == 0 || errno != EINTR {
                return
            }
        }
    }
}
