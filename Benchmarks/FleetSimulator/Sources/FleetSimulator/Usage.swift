internal import Foundation

/// Processor time and memory of another process, as the kernel counts them.
struct Usage {
    /// Seconds of processor time.
    var processor = 0.0
    /// Peak resident memory, bytes.
    var peak = 0

    init?(of pid: Int32) {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
            let end = stat.lastIndex(of: ")")
        else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
        processor = (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let size = line.split(whereSeparator: { !$0.isNumber }).first.flatMap({ Int($0) })
        else { return nil }
        peak = size * 1024
    }
}
