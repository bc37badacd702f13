internal import Glibc

/// This machine's limits for a load, read from `/proc` and `/sys` on demand. A limit that cannot be read is nil:
/// another kernel, or a container that hides it.
package struct MachineLimits: Sendable {
    private let root: String

    /// `root` is where `proc` and `sys` are: a test's own directory, or the real ones.
    package init(root: String = "") { self.root = root }

    // MARK: Files

    /// A file's text without white space around it.
    private func text(_ path: String) -> String? {
        guard let bytes = try? Plan.read("\(root)/\(path)", limit: 1 << 20) else { return nil }
        return String(decoding: bytes, as: UTF8.self).trimmed
    }

    /// The words of `/proc/sys/<name>`.
    package func words(_ name: String) -> [String] {
        text("proc/sys/\(name)")?.split { $0 == " " || $0 == "\t" || $0 == "\n" }.map(String.init) ?? []
    }

    package func number(_ name: String) -> Int? { words(name).first.flatMap { Int($0) } }

    /// The rest of the line that begins with `name` in a file of `/proc`.
    private func line(_ name: String, in path: String) -> Substring? {
        text("proc/\(path)")?.split(separator: "\n").first { $0.hasPrefix(name) }?.dropFirst(name.count)
    }

    // MARK: Descriptors

    /// How many files this process may have open: soft and hard limit. `Int.max` if there is no limit.
    package var descriptors: (soft: Int, hard: Int)? {
        guard let line = line("Max open files", in: "self/limits") else { return nil }
        let fields = line.split(separator: " ").map { $0 == "unlimited" ? Int.max : Int($0) }
        guard fields.count >= 2, let soft = fields[0], let hard = fields[1] else { return nil }
        return (soft, hard)
    }

    /// The highest value to which the hard limit of descriptors can be raised.
    package var descriptorCeiling: Int? { number("fs/nr_open") }
    /// Open files of the whole machine: the current number, and the limit for processes without privileges.
    package var files: (open: Int, limit: Int)? {
        guard let open = number("fs/file-nr"), let limit = number("fs/file-max") else { return nil }
        return (open, limit)
    }

    // MARK: Ports

    /// The local ports that the kernel gives to connections.
    package var portRange: ClosedRange<Int>? {
        let ends = words("net/ipv4/ip_local_port_range").compactMap { Int($0) }
        return ends.count == 2 && ends[0] <= ends[1] ? ends[0]...ends[1] : nil
    }

    /// The ports of `portRange` that are not reserved: the number of connections from one source address to one address
    /// and port.
    package var ports: Int? {
        guard let range = portRange else { return nil }
        var reserved: Set<Int> = []
        for part in words("net/ipv4/ip_local_reserved_ports").joined(separator: ",").split(separator: ",") {
            let ends = part.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, first <= last else { continue }
            let both = max(first, range.lowerBound)...max(min(last, range.upperBound), range.lowerBound)
            if first <= range.upperBound, last >= range.lowerBound { reserved.formUnion(both) }
        }
        return range.count - reserved.count
    }

    // MARK: Memory and processors

    /// Bytes.
    package var memory: (total: Int, available: Int)? {
        func bytes(_ name: String) -> Int? {
            line(name, in: "meminfo")?.split(separator: " ").first.flatMap { Int($0) }.map { $0 * 1024 }
        }
        guard let total = bytes("MemTotal:"), let available = bytes("MemAvailable:") else { return nil }
        return (total, available)
    }

    /// Bytes that the control groups of this process allow, and bytes in use where that limit is set; nil if there is
    /// no limit.
    package var groupMemory: (limit: Int, used: Int)? {
        var found: (limit: Int, used: Int)?
        for (directory, isUnified) in groups("memory") {
            let names =
                isUnified ? ("memory.max", "memory.current") : ("memory.limit_in_bytes", "memory.usage_in_bytes")
            // The first version writes "no limit" as a number near 2⁶³.
            guard let limit = text("\(directory)/\(names.0)").flatMap({ Int($0) }), limit < 1 << 60 else { continue }
            let used = text("\(directory)/\(names.1)").flatMap { Int($0) } ?? 0
            if found.map({ limit - used < $0.limit - $0.used }) ?? true { found = (limit, used) }
        }
        return found
    }

    /// Processors on which this process may run.
    package var processors: Int? {
        guard let list = line("Cpus_allowed_list:", in: "self/status") else { return nil }
        return list.trimmed.split(separator: ",").reduce(into: 0) { sum, part in
            let ends = part.split(separator: "-").compactMap { Int($0) }
            if let first = ends.first, let last = ends.last, first <= last { sum += last - first + 1 }
        }
    }

    /// Processor time that the control groups allow, in processors; nil if there is no limit.
    package var groupProcessors: Double? {
        groups("cpu").compactMap { directory, isUnified in
            let fields =
                isUnified
                ? text("\(directory)/cpu.max")?.split(separator: " ").map(String.init) ?? []
                : [text("\(directory)/cpu.cfs_quota_us"), text("\(directory)/cpu.cfs_period_us")].compactMap(\.self)
            guard fields.count == 2, let quota = Double(fields[0]), let period = Double(fields[1]), quota > 0,
                period > 0
            else { return nil }
            return quota / period
        }.min()
    }

    /// The directories of this process's control group for a controller, and of its parents (cgroups(7)). In a
    /// container, only the topmost one may exist.
    private func groups(_ controller: String) -> [(directory: String, isUnified: Bool)] {
        var found: [(String, Bool)] = []
        for line in text("proc/self/cgroup")?.split(separator: "\n") ?? [] {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let isUnified = fields[1].isEmpty
            guard isUnified || fields[1].split(separator: ",").contains(where: { $0 == controller }) else { continue }
            let mounts = isUnified ? ["", "/unified"] : ["/\(fields[1])", "/\(controller)"]
            let parts = fields[2].split(separator: "/")
            for mount in mounts {
                for depth in (0...parts.count).reversed() {
                    let path = parts.prefix(depth).map { "/\($0)" }.joined()
                    found.append(("sys/fs/cgroup\(mount)\(path)", isUnified))
                }
            }
        }
        return found
    }

    /// Connections that the machine's packet filter tracks, and its limit; nil if there is no connection tracking.
    package var tracked: (count: Int, limit: Int)? {
        guard let limit = number("net/netfilter/nf_conntrack_max") else { return nil }
        return (number("net/netfilter/nf_conntrack_count") ?? 0, limit)
    }
}

extension StringProtocol {
    fileprivate var trimmed: String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\n" }
        guard let start = firstIndex(where: { !isSpace($0) }), let end = lastIndex(where: { !isSpace($0) }) else {
            return ""
        }
        return String(self[start...end])
    }
}
