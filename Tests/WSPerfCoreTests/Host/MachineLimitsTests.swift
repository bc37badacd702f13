import Foundation
import Testing

@testable import WSPerfCore

/// A machine of files: `/proc` and `/sys` as a test has them, while `body` runs.
func withMachine(_ files: [String: String], _ body: (MachineLimits) throws -> Void) throws {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("wsperf-machine-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: root) }
    for (path, text) in files {
        let file = URL(fileURLWithPath: "\(root)/\(path)")
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: file, atomically: false, encoding: .utf8)
    }
    try body(MachineLimits(root: root))
}

@Suite struct MachineLimitsTests {
    @Test(arguments: [
        ("32768\t60999\n", "\n", 28_232), ("32768 60999", "40000-40009,50000", 28_221),
        ("100 199", "1-99,150-300,100", 49), ("100 199", "1-1000", 0), ("1024 65535", "", 64_512),
    ])
    func portsAreThoseNotReserved(range: String, reserved: String, count: Int) throws {
        try withMachine([
            "proc/sys/net/ipv4/ip_local_port_range": range, "proc/sys/net/ipv4/ip_local_reserved_ports": reserved,
        ]) { #expect($0.ports == count) }
    }

    @Test func whatIsNotThereIsNil() throws {
        try withMachine(["proc/sys/net/ipv4/ip_local_port_range": "many few"]) { limits in
            #expect(limits.ports == nil && limits.descriptors == nil && limits.memory == nil)
            #expect(limits.groupMemory == nil && limits.groupProcessors == nil && limits.files == nil)
            #expect(limits.tracked == nil && limits.descriptorCeiling == nil && limits.processors == nil)
        }
    }

    @Test func processAndMachine() throws {
        try withMachine([
            "proc/self/limits": """
            Limit                     Soft Limit           Hard Limit           Units
            Max processes             95000                95000                processes
            Max open files            1024                 unlimited            files
            """,
            "proc/sys/fs/file-nr": "734\t0\t2466183\n", "proc/sys/fs/file-max": "2466183\n",
            "proc/sys/fs/nr_open": "1048576\n",
            "proc/meminfo": "MemTotal:       24684096 kB\nMemFree: 1 kB\nMemAvailable:   23990744 kB\n",
            "proc/self/status": "Name:\tx\nCpus_allowed_list:\t0-3,8,10-11\n",
            "proc/sys/net/netfilter/nf_conntrack_max": "262144\n",
        ]) { limits in
            #expect(limits.descriptors?.soft == 1024 && limits.descriptors?.hard == .max)
            #expect(limits.files?.open == 734 && limits.files?.limit == 2_466_183)
            #expect(limits.memory?.total == 24_684_096 << 10 && limits.memory?.available == 23_990_744 << 10)
            #expect(limits.processors == 7)
            #expect(limits.tracked?.count == 0 && limits.tracked?.limit == 262_144)
        }
    }

    @Test(arguments: [
        // The second version: the tightest of the group and those above it counts.
        [
            "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n",
            "sys/fs/cgroup/a/memory.max": "1073741824\n", "sys/fs/cgroup/a/memory.current": "4096\n",
            "sys/fs/cgroup/a/b/cpu.max": "150000 100000\n", "sys/fs/cgroup/a/cpu.max": "max 100000\n",
        ],
        // The first, as a container sees it: its own group is the topmost directory.
        [
            "proc/self/cgroup": "4:memory:/docker/x\n1:cpu,cpuacct:/docker/x\n0::/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "4096\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "150000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        ],
    ])
    func controlGroups(_ files: [String: String]) throws {
        try withMachine(files) { limits in
            #expect(limits.groupMemory?.limit == 1 << 30 && limits.groupMemory?.used == 4096)
            #expect(limits.groupProcessors == 1.5)
        }
    }

    @Test func noLimitIsNone() throws {
        try withMachine([
            "proc/self/cgroup": "4:memory:/\n1:cpu:/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        ]) { #expect($0.groupMemory == nil && $0.groupProcessors == nil) }
    }

    /// The machine the test runs on has them all.
    @Test func thisMachine() {
        let limits = MachineLimits()
        #expect((limits.ports ?? 0) > 0)
        #expect((limits.descriptors?.hard ?? 0) > 0)
        #expect((limits.memory?.available ?? 0) > 0)
        #expect((limits.processors ?? 0) > 0)
    }
}
