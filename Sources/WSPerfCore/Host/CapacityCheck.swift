internal import Glibc

/// Finds out before a run whether the plan needs more descriptors than this process may have, or more local ports
/// towards the target than the machine has.
///
/// It reports only what is certain to fail. It does not count connections that the plan closes before it opens the last
/// one, nor ports and descriptors that other processes use. Those shortages show up as outcomes.
package struct CapacityCheck {
    private let plan: Plan
    private let limits: MachineLimits
    private let logs: LoadedLogs

    package init(_ plan: Plan, limits: MachineLimits = MachineLimits()) {
        self.init(plan, limits: limits, logs: LoadedLogs())
    }

    init(_ plan: Plan, limits: MachineLimits = MachineLimits(), logs: LoadedLogs) {
        self.plan = plan
        self.limits = limits
        self.logs = logs
    }

    /// Computed only if the plan's connections are close to a limit, because it may read files.
    private var openAtOncePerWorker: Int { PlanArithmetic(plan, logs: logs).openAtOncePerWorker }

    /// Descriptors of an event loop itself: two pollers and its mailbox.
    private static let perLoop = 3

    /// - Parameters:
    ///   - limit: The number of descriptors that this process may have open.
    ///   - inUse: The number that it has open.
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

    /// The machine's limit. The kernel applies it only to unprivileged processes.
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
    ///   - sources: Source addresses of each family on this machine; nil means that the kernel chooses, which gives
    ///     one.
    /// - Throws: `PlanError` that says what to raise.
    package func checkPorts(
        workers: Int, sources: (four: Int, six: Int)?
    ) throws(PlanError) {
        guard let ports = limits.ports, let range = limits.portRange else { return }
        let fewest = sources.map { max(min($0.four, $0.six), 1) } ?? 1
        guard workers * plan.instances > ports * fewest else { return }
        // A name that cannot be resolved is an outcome.
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
                + "address\(pairs == 1 ? "" : "es"). Give \(enough) (source_addresses\(example))\(widen)",
            at: "instances")
    }
}
