internal import WSPerfCore

/// A machine's limits, the load that they allow, and the commands that raise them.
struct MachineReport: CustomStringConvertible {
    /// Bytes that an idle connection needs: for its socket in the kernel (measured as described in Docs/Tuning.md) and
    /// for its state in the worker.
    static let kernelBytes = 4 << 10
    static let plainBytes = 1 << 10
    static let secureBytes = 32 << 10

    private let limits: MachineLimits
    private var lines: [String] = []
    /// Kernel parameters to change, with their new values.
    private var settings: [(name: String, value: String)] = []
    private var advice: [String] = []

    init(_ limits: MachineLimits) {
        self.limits = limits
        describeDescriptors()
        describePorts()
        describeMemory()
        describeSockets()
        describeTracking()
        describeRaising()
    }

    var description: String { lines.joined(separator: "\n") + "\n" }

    // MARK: Sections

    private mutating func describeDescriptors() {
        section("File descriptors")
        if let (soft, hard) = limits.descriptors {
            add(
                "of a process",
                "\(Self.limit(hard)) (hard limit; the soft limit of \(Self.limit(soft)) is raised automatically)")
            allows("\(PlanText.count(Self.connections(within: hard))) connections in each worker process")
            let ceiling = limits.descriptorCeiling ?? 1 << 20
            if hard < ceiling {
                advice.append("LimitNOFILE=\(ceiling) in the [Service] section of a systemd unit; for logins,")
                advice.append(
                    "  '* - nofile \(ceiling)' and 'root - nofile \(ceiling)' in /etc/security/limits.d/90-wsperf.conf")
                advice.append("  (at most fs.nr_open); or use more processes")
            }
        }
        if let ceiling = limits.descriptorCeiling { add("fs.nr_open", PlanText.count(ceiling)) }
        if let (open, limit) = limits.files {
            add("fs.file-max", "\(Self.limit(limit)), of which \(PlanText.count(open)) are in use")
            if limit < 4 << 20 { settings.append(("fs.file-max", "\(8 << 20)")) }
        }
    }

    private mutating func describePorts() {
        section("Local ports")
        guard let range = limits.portRange, let ports = limits.ports else { return }
        let reserved = range.count - ports
        add(
            "net.ipv4.ip_local_port_range",
            "\(range.lowerBound)-\(range.upperBound)"
                + (reserved > 0 ? ", \(PlanText.count(reserved)) of them reserved" : ""))
        allows(
            "\(PlanText.count(ports)) connections from each source address to one server port: a million need "
                + "\(PlanText.count((1_000_000 + ports - 1) / max(ports, 1))) source addresses")
        if range.count < 64_000 { settings.append(("net.ipv4.ip_local_port_range", "1024 65535")) }
        if let reuse = limits.number("net/ipv4/tcp_tw_reuse") {
            let meaning = [0: "never", 1: "everywhere", 2: "on loopback only"][reuse] ?? "?"
            add("net.ipv4.tcp_tw_reuse", "\(reuse) (ports of closed connections are reused \(meaning))")
            if reuse != 1 { settings.append(("net.ipv4.tcp_tw_reuse", "1")) }
        }
    }

    private mutating func describeMemory() {
        section("Memory and processors")
        if let (total, available) = limits.memory {
            add("memory", "\(Self.bytes(available)) free of \(Self.bytes(total))")
        }
        if let (limit, used) = limits.groupMemory {
            add("control group", "\(Self.bytes(limit)), of which \(Self.bytes(used)) are in use")
        }
        if let free = Self.freeMemory(limits) {
            let plain = free / (Self.kernelBytes + Self.plainBytes)
            let secure = free / (Self.kernelBytes + Self.secureBytes)
            allows(
                "about \(Self.rounded(plain)) idle ws connections (\((Self.kernelBytes + Self.plainBytes) >> 10) KiB each), or "
                    + "\(Self.rounded(secure)) wss (\((Self.kernelBytes + Self.secureBytes) >> 10) KiB each)")
            add("", "a server on this machine needs memory too")
        }
        let pages = limits.words("net/ipv4/tcp_mem").compactMap { Int($0) }
        if pages.count == 3 {
            add(
                "net.ipv4.tcp_mem",
                "\(pages.map(String.init).joined(separator: " ")) pages: \(Self.bytes(pages[2] * 4096)) of data in sockets"
            )
        }
        if let processors = limits.processors {
            let share = limits.groupProcessors.map { ", of which the control group allows \(Self.decimal($0))" } ?? ""
            add("processors", "\(processors)\(share)")
            allows("as many worker threads (processes × threads) at full load")
        }
    }

    private mutating func describeSockets() {
        section("Sockets")
        if let control = limits.words("net/ipv4/tcp_congestion_control").first {
            let all = limits.words("net/ipv4/tcp_available_congestion_control")
            add(
                "net.ipv4.tcp_congestion_control",
                control + (all.count > 1 ? " (available: \(all.joined(separator: ", ")))" : ""))
            if control.hasPrefix("bbr") {
                add(
                    "", "limits its own send rate, also on loopback; to avoid that in a run: --congestion-control cubic"
                )
            }
        }
        if let discipline = limits.words("net/core/default_qdisc").first { add("net.core.default_qdisc", discipline) }
        if let queue = limits.number("net/core/somaxconn") {
            add(
                "net.core.somaxconn",
                "\(PlanText.count(queue)) (matters on the server's machine: connections that wait for accept)")
            if queue < 4096 { settings.append(("net.core.somaxconn", "65535")) }
        }
        if let queue = limits.number("net/ipv4/tcp_max_syn_backlog") {
            add(
                "net.ipv4.tcp_max_syn_backlog",
                "\(PlanText.count(queue)) (matters on the server's machine: half-open connections)")
            if queue < 4096 { settings.append(("net.ipv4.tcp_max_syn_backlog", "65535")) }
        }
    }

    private mutating func describeTracking() {
        guard let (count, limit) = limits.tracked else { return }
        section("Packet filter")
        add("net.netfilter.nf_conntrack_max", "\(PlanText.count(limit)) (\(PlanText.count(count)) tracked now)")
        allows(
            count == 0
                ? "as many connections, once a rule of the packet filter tracks connections"
                : "\(PlanText.count(max(limit - count, 0))) more connections")
        if limit < 2 << 20 { settings.append(("net.netfilter.nf_conntrack_max", "\(4 << 20)")) }
    }

    private mutating func describeRaising() {
        guard !settings.isEmpty || !advice.isEmpty else { return }
        section("To raise the limits, as root")
        for (name, value) in settings {
            let quoted = value.contains(" ") ? "\"\(value)\"" : value
            lines.append("  sysctl -w \(name)=\(quoted)")
        }
        if !settings.isEmpty {
            lines.append("  to make this permanent, put it into /etc/sysctl.d/90-wsperf.conf and run sysctl --system:")
            for (name, value) in settings { lines.append("    \(name) = \(value)") }
        }
        lines += advice.map { "  \($0)" }
    }

    // MARK: Lines

    private mutating func section(_ title: String) { lines += (lines.isEmpty ? [] : [""]) + [title] }

    private mutating func add(_ name: String, _ text: String) {
        lines.append("  " + name + String(repeating: " ", count: max(1, 33 - name.count)) + text)
    }

    private mutating func allows(_ text: String) { add("  allows", text) }

    // MARK: Figures

    /// Connections that a worker can hold with this many descriptors.
    static func connections(within descriptors: Int) -> Int { max(descriptors - DescriptorLimit.workerOverhead, 0) }

    /// Bytes that are available for connections.
    static func freeMemory(_ limits: MachineLimits) -> Int? {
        let group = limits.groupMemory.map { max($0.limit - $0.used, 0) }
        return [limits.memory?.available, group].compactMap(\.self).min()
    }

    static func limit(_ value: Int) -> String { value >= 1 << 60 ? "unlimited" : PlanText.count(value) }

    static func bytes(_ value: Int) -> String {
        for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where value >= 1 << shift {
            return "\(decimal(Double(value) / Double(1 << shift))) \(unit)"
        }
        return "\(value) bytes"
    }

    /// With one decimal, or none for whole numbers.
    static func decimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? PlanText.count(tenths / 10) : "\(PlanText.count(tenths / 10)).\(tenths % 10)"
    }

    /// Rounded down to two digits.
    static func rounded(_ value: Int) -> String {
        var step = 1
        while value / step >= 100 { step *= 10 }
        return PlanText.count(value / step * step)
    }
}
