internal import WSPerfCore
internal import WSPerfFleet

/// Whether a machine can hold a number of connections to one address and port of a server, and which limits prevent it.
struct ConnectionsVerdict: CustomStringConvertible {
    private var checks: [(name: String, isAllowed: Bool, why: String)] = []
    private let title: String

    /// True if no limit prevents it.
    var isAllowed: Bool { checks.allSatisfy(\.isAllowed) }

    /// - Parameters:
    ///   - connections: 1–1,000,000,000.
    ///   - processes: Worker processes; nil means as many as the descriptor limit requires.
    ///   - sources: Source addresses; 0 means that the kernel chooses, which gives one.
    ///   - isSecure: Whether the connections use TLS.
    init(_ connections: Int, processes: Int?, sources: Int, isSecure: Bool, limits: MachineLimits) {
        let room = limits.descriptors.map { MachineReport.connections(within: $0.hard) }
        let fewest = room.map { $0 == 0 ? Int.max : Self.quotient(connections, $0) } ?? 1
        let count = processes ?? min(max(fewest, 1), FleetLimits.processes)
        title =
            "\(PlanText.count(connections)) \(isSecure ? "wss" : "ws") connection\(connections == 1 ? "" : "s") in "
            + "\(PlanText.count(count)) process\(count == 1 ? "" : "es")"
        let each = Self.quotient(connections, count)
        if let room, let hard = limits.descriptors?.hard {
            check(
                "descriptors", each <= room,
                "\(PlanText.count(each)) in each process, whose limit is \(MachineReport.limit(hard))",
                "use \(PlanText.count(fewest)) processes, or raise the limit to \(each + DescriptorLimit.workerOverhead)"
            )
        }
        if let files = limits.files {
            check(
                "open files", connections <= files.limit - files.open,
                "\(MachineReport.limit(files.limit)) on the machine, \(PlanText.count(files.open)) in use",
                "sysctl -w fs.file-max=\(files.open + 2 * connections)")
        }
        if let ports = limits.ports {
            let used = max(sources, 1)
            let enough = ports == 0 ? 0 : Self.quotient(connections, ports)
            check(
                "ports", Self.quotient(connections, used) <= ports,
                "\(PlanText.count(ports)) on each of \(PlanText.count(used)) source address\(used == 1 ? "" : "es")",
                enough == 0
                    ? "all of net.ipv4.ip_local_port_range is reserved"
                    : "use \(PlanText.count(enough)) (--source-address), or widen net.ipv4.ip_local_port_range")
        }
        if let free = MachineReport.freeMemory(limits) {
            let cost = MachineReport.kernelBytes + (isSecure ? MachineReport.secureBytes : MachineReport.plainBytes)
            let needed = connections * cost
            check(
                "memory", needed <= free,
                "\(MachineReport.bytes(needed)) while idle, of \(MachineReport.bytes(free)) free",
                "use more machines")
        }
        if let (tracked, limit) = limits.tracked, tracked > 0 {
            check(
                "packet filter", connections <= limit - tracked,
                "tracks \(PlanText.count(tracked)) connections; its limit is \(PlanText.count(limit))",
                "sysctl -w net.netfilter.nf_conntrack_max=\(tracked + 2 * connections)")
        }
        if count > FleetLimits.processes || fewest > FleetLimits.processes {
            check(
                "processes", false, "a listener launches at most \(PlanText.count(FleetLimits.processes))",
                "use more machines")
        }
    }

    private mutating func check(_ name: String, _ isAllowed: Bool, _ why: String, _ remedy: String) {
        checks.append((name, isAllowed, isAllowed ? why : "\(why): \(remedy)"))
    }

    private static func quotient(_ value: Int, _ divisor: Int) -> Int {
        value / divisor + (value % divisor == 0 ? 0 : 1)
    }

    var description: String {
        var lines = ["\(title): \(isAllowed ? "yes" : "no")"]
        for (name, isAllowed, why) in checks {
            lines.append(
                "  \(name)\(String(repeating: " ", count: max(1, 15 - name.count)))\(isAllowed ? "yes" : "no ")  \(why)"
            )
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
