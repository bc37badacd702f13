internal import CLinux
internal import Glibc

/// How many files and sockets this process may have open.
package enum DescriptorLimit {
    /// Estimate of the descriptors that a worker needs besides its connections: stdio, ZeroMQ, and a few for each
    /// thread.
    package static let workerOverhead = 64

    /// Raises the soft limit to the hard limit, which needs no privilege; returns the limit in force afterwards.
    @discardableResult
    package static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Files and sockets that this process has open now; 0 if that cannot be read.
    package static var inUse: Int {
        guard let directory = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(directory) }
        var count = 0
        while let entry = readdir(directory) {
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        // Do not count the directory itself.
        return max(count - 1, 0)
    }
}
