internal import Glibc

/// Detects impossible plans before a run: more connections than this process may have descriptors for, or than the
/// machine has local ports to the target.
///
/// It rejects only what is certain to fail. If a plan closes connections before it has opened the last one, not all of
/// them are counted. Other users of the machine's ports and descriptors are not counted either; if they use up too
/// many, the outcomes show it.
package struct CapacityCheck {
    private let plan: Plan
    private let limits: MachineLimits
    private let logs: LoadedLogs

    package init(_ plan: Plan, limits: MachineLimits = MachineLimits()) {
        self.init(plan, limits: limits, logs: LoadedLogs(.none))
    }

    init(_ plan: Plan, limits: MachineLimits = MachineLimits(), logs: LoadedLogs) {
        self.plan = plan
        self.limits = limits
        self.logs = logs
    }

    /// Computed only if the plan's connections come near a limit, because it may read files.
    private var openAtOncePerWorker: Int { PlanArithmetic(plan, logs: logs).openAtOncePerWorker }

    /// The descriptors of one event loop: two pollers and its mailbox.
    private static let perLoop = 3

    /// - Parameters:
    ///   - limit: The descriptors that this process may have open.
    ///   - inUse: The descriptors that it already has open.
    /// - Throws: `PlanError` that says what to raise.
    package func checkDescriptors(limit: Int, inUse: Int) throws(PlanError) {
        let overhead = inUse + plan.threads * Self.perLoop
        guard plan.instances + overhead > limit else { return try checkFiles() }
        let connections = openAtOncePerWorker
        let needed = connections + overhead
        guard needed > limit else { return try checkFiles() }
        let ceiling = limits.descriptorCeiling.map { $0 < needed ? ", after sysctl -w fs.nr_open=\(needed)" : "" } ?? ""
        throw PlanError(
            "\(PlanText.count(connections)) connections need \(PlanText.count(needed)) file descriptors, and this process "
                + "may have \(PlanText.count(limit)) (hard limit). Use more processes with fewer instances, or raise the "
                + "limit to \(needed): ulimit -n as root, nofile in limits.conf, or LimitNOFILE= of a systemd unit"
                + ceiling,
            at: "instances")
    }

    /// Checks the machine's limit, which the kernel enforces only for processes without privileges.
    private func checkFiles() throws(PlanError) {
        guard let files = limits.files, geteuid() != 0 else { return }
        guard plan.processes * plan.instances > files.limit - files.open else { return }
        let needed = plan.processes * openAtOncePerWorker
        guard needed > files.limit - files.open else { return }
        throw PlanError(
            "\(PlanText.count(needed)) connections on one machine need as many open files; it allows "
                + "\(PlanText.count(files.limit)), of which \(PlanText.count(files.open)) are in use. Raise it: "
                + "sysctl -w fs.file-max=\(files.limit + needed)",
            at: "instances")
    }

    /// - Parameters:
    ///   - workers: Worker processes of the run on this machine.
    ///   - sources: The number of source addresses of each family on the machine; nil if the kernel chooses one.
    /// - Throws: `PlanError` that says what to raise.
    package func checkPorts(
        workers: Int, sources: (four: Int, six: Int)?
    ) throws(PlanError) {
        guard let ports = limits.ports, let range = limits.portRange else { return }
        let fewest = sources.map { max(min($0.four, $0.six), 1) } ?? 1
        guard workers * plan.instances > ports * fewest else { return }
        // A name that cannot be resolved shows up as an outcome.
        let found = SocketAddress.resolve(plan.target.host, port: plan.target.port)
        guard !found.isEmpty else { return }
        let pairs = found.reduce(0) { sum, address in
            sum + (sources.map { address.family == AF_INET6 ? $0.six : $0.four } ?? 1)
        }
        guard workers * plan.instances > ports * pairs else { return }
        let needed = workers * openAtOncePerWorker
        guard needed > ports * pairs else { return }
        guard ports > 0 else {
            throw PlanError(
                "there is no local port: all of net.ipv4.ip_local_port_range (\(range.lowerBound)-\(range.upperBound)) is in "
                    + "net.ipv4.ip_local_reserved_ports", at: "instances")
        }
        let enough = (needed + ports - 1) / ports
        let isLoopback = found.allSatisfy { $0.text.hasPrefix("127.") }
        let example =
            isLoopback && enough < 1 << 16
            ? ", such as 127.0.1.1-\(AddressRange.text(0x7F00_0100 + UInt128(enough), isIPv6: false))" : ""
        let widen =
            range.count < 64_000
            ? ", or widen the range: sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"" : ""
        throw PlanError(
            "\(PlanText.count(needed)) connections from one machine (\(workers) × \(PlanText.count(plan.instances))) need "
                + "as many local ports; there are \(PlanText.count(ports * pairs)): \(PlanText.count(ports)) "
                + "(net.ipv4.ip_local_port_range \(range.lowerBound)-\(range.upperBound)) on each of \(pairs) source "
                + "address\(pairs == 1 ? "" : "es"). Use \(enough) (source_addresses\(example))\(widen)",
            at: "instances")
    }
}
