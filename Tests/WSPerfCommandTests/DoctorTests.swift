import Foundation
import Testing
import WSPerfCore

@testable import WSPerfCommand

/// What the doctor prints about simulated machines, whose /proc and /sys are files in a directory.
@Suite struct DoctorTests {
    /// A machine with usual settings.
    private static let usual = [
        "proc/self/limits": "Max open files            1024                 4096                 files\n",
        "proc/sys/fs/nr_open": "1048576\n", "proc/sys/fs/file-nr": "1000\t0\t2000000\n",
        "proc/sys/fs/file-max": "2000000\n", "proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
        "proc/sys/net/ipv4/ip_local_reserved_ports": "\n", "proc/sys/net/ipv4/tcp_tw_reuse": "2\n",
        "proc/sys/net/ipv4/tcp_mem": "1000 2000 262144\n", "proc/sys/net/ipv4/tcp_congestion_control": "bbr\n",
        "proc/sys/net/ipv4/tcp_available_congestion_control": "reno bbr\n",
        "proc/sys/net/core/somaxconn": "128\n", "proc/sys/net/ipv4/tcp_max_syn_backlog": "4096\n",
        "proc/meminfo": "MemTotal: 2097152 kB\nMemAvailable: 1048576 kB\n",
        "proc/self/status": "Cpus_allowed_list:\t0-1\n", "proc/self/cgroup": "0::/a\n",
        "sys/fs/cgroup/a/memory.max": "536870912\n", "sys/fs/cgroup/a/memory.current": "0\n",
        "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
    ]

    private func onMachine(_ changes: [String: String] = [:], _ body: (MachineLimits) -> Void) throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("wsperf-doctor-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: root) }
        for (path, text) in Self.usual.merging(changes, uniquingKeysWith: { $1 }) {
            let file = URL(fileURLWithPath: "\(root)/\(path)")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: false, encoding: .utf8)
        }
        body(MachineLimits(root: root))
    }

    @Test func printsTheLimitsAndHowToRaiseThem() throws {
        try onMachine { limits in
            let expected = """
                File descriptors
                  of a process                     4,096 (hard limit; the soft limit of 1,024 is raised automatically)
                    allows                         4,032 connections in each worker process
                  fs.nr_open                       1,048,576
                  fs.file-max                      2,000,000, of which 1,000 are in use

                Local ports
                  net.ipv4.ip_local_port_range     32768-60999
                    allows                         28,232 connections from each source address to one server port: a million need 36 source addresses
                  net.ipv4.tcp_tw_reuse            2 (ports of closed connections are reused on loopback only)

                Memory and processors
                  memory                           1 GiB free of 2 GiB
                  control group                    512 MiB, of which 0 bytes are in use
                    allows                         about 100,000 idle ws connections (5 KiB each), or 14,000 wss (36 KiB each)
                                                   a server on this machine needs memory too
                  net.ipv4.tcp_mem                 1000 2000 262144 pages: 1 GiB of data in sockets
                  processors                       2, of which the control group allows 1.5
                    allows                         as many worker threads (processes × threads) at full load

                Sockets
                  net.ipv4.tcp_congestion_control  bbr (available: reno, bbr)
                                                   limits its own send rate, also on loopback; to avoid that in a run: --congestion-control cubic
                  net.core.somaxconn               128 (matters on the server's machine: connections that wait for accept)
                  net.ipv4.tcp_max_syn_backlog     4,096 (matters on the server's machine: half-open connections)

                To raise the limits, as root
                  sysctl -w fs.file-max=8388608
                  sysctl -w net.ipv4.ip_local_port_range="1024 65535"
                  sysctl -w net.ipv4.tcp_tw_reuse=1
                  sysctl -w net.core.somaxconn=65535
                  to make this permanent, put it into /etc/sysctl.d/90-wsperf.conf and run sysctl --system:
                    fs.file-max = 8388608
                    net.ipv4.ip_local_port_range = 1024 65535
                    net.ipv4.tcp_tw_reuse = 1
                    net.core.somaxconn = 65535
                  LimitNOFILE=1048576 in the [Service] section of a systemd unit; for logins,
                    '* - nofile 1048576' and 'root - nofile 1048576' in /etc/security/limits.d/90-wsperf.conf
                    (at most fs.nr_open); or use more processes

                """
            #expect(MachineReport(limits).description == expected)
        }
    }

    /// If no limit can be read, the report is empty and nothing crashes.
    @Test func aMachineWithoutReadableLimits() {
        let limits = MachineLimits(root: "/nonexistent")
        #expect(!MachineReport(limits).description.contains("sysctl"))
        #expect(
            ConnectionsVerdict(1_000_000, processes: nil, sources: 0, isSecure: false, limits: limits).isAllowed)
    }

    static let questions:
        [(Int, processes: Int?, sources: Int, isSecure: Bool, changes: [String: String], no: [String])] =
            [
                (4032, nil, 0, false, [:], []),
                (28_232, nil, 0, false, [:], []),
                (28_233, nil, 0, false, [:], ["ports"]),
                (28_233, nil, 2, false, [:], []),
                (4033, 1, 0, false, [:], ["descriptors"]),
                (8064, 2, 0, false, [:], []),
                (104_857, nil, 4, false, [:], []),
                (104_858, nil, 4, false, [:], ["memory"]),
                (14_563, nil, 1, true, [:], []),
                (14_564, nil, 1, true, [:], ["memory"]),
                (5000, nil, 0, false, ["proc/sys/fs/file-max": "5999"], ["open files"]),
                (
                    5000, nil, 0, false,
                    [
                        "proc/sys/net/netfilter/nf_conntrack_max": "5000",
                        "proc/sys/net/netfilter/nf_conntrack_count": "1",
                    ], ["packet filter"]
                ),
                // The module is loaded, but no rule uses it.
                (5000, nil, 0, false, ["proc/sys/net/netfilter/nf_conntrack_max": "100"], []),
                (
                    1000, nil, 0, false, ["proc/self/limits": "Max open files  64  64  files\n"],
                    ["descriptors", "processes"]
                ),
                (1_000_000_000, nil, 1, true, [:], ["descriptors", "open files", "ports", "memory", "processes"]),
            ]

    @Test(arguments: questions)
    func checksEveryLimit(
        connections: Int, processes: Int?, sources: Int, isSecure: Bool, changes: [String: String], no: [String]
    ) throws {
        try onMachine(changes) { limits in
            let verdict = ConnectionsVerdict(
                connections, processes: processes, sources: sources, isSecure: isSecure, limits: limits)
            #expect(verdict.isAllowed == no.isEmpty)
            let refused = verdict.description.split(separator: "\n").dropFirst().filter { $0.contains(" no   ") }
            #expect(
                refused.map { String($0.dropFirst(2).prefix { $0 != "\t" }.split(separator: "  ")[0]) } == no,
                "\(verdict)")
        }
    }

    @Test func aVerdictContainsTheRemedy() throws {
        try onMachine { limits in
            let verdict = ConnectionsVerdict(100_000, processes: nil, sources: 0, isSecure: false, limits: limits)
            let expected = """
                100,000 ws connections in 25 processes: no
                  descriptors    yes  4,000 in each process, whose limit is 4,096
                  open files     yes  2,000,000 on the machine, 1,000 in use
                  ports          no   28,232 on each of 1 source address: use 4 (--source-address), or widen net.ipv4.ip_local_port_range
                  memory         yes  488.3 MiB while idle, of 512 MiB free

                """
            #expect(verdict.description == expected)
        }
    }
}
