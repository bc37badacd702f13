import Testing

@testable import WSPerfCore

@Suite struct CapacityCheckTests {
    /// A machine with 100 ports.
    private func onMachine(_ body: (MachineLimits) throws -> Void) throws {
        try withMachine(
            ["proc/sys/net/ipv4/ip_local_port_range": "20000 20099", "proc/sys/fs/nr_open": "20000\n"], body)
    }

    /// All connections are open at once, unless a test says otherwise.
    private func plan(_ instances: Int, target: String = "ws://127.0.0.1:9/") throws -> Plan {
        var plan = Plan(target: try Target(target))
        plan.instances = instances
        plan.duration = .seconds(3600)
        return plan
    }

    private func message(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func ports() throws {
        func ports(_ instances: Int, workers: Int = 1, sources: (four: Int, six: Int)? = nil) throws -> String? {
            var found: String?
            try onMachine { limits in
                let check = CapacityCheck(try plan(instances), limits: limits)
                found = message { try check.checkPorts(workers: workers, sources: sources) }
            }
            return found
        }
        #expect(try ports(100) == nil)
        #expect(
            try ports(101)
                == "instances: 101 connections from one machine (1 × 101) need as many local ports; there are 100: 100 "
                + "(net.ipv4.ip_local_port_range 20000-20099) on each of 1 source address. Use 2 (source_addresses, "
                + "such as 127.0.1.1-127.0.1.2), or widen the range: sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\""
        )
        // The workers of a machine share its ports.
        #expect(try ports(50, workers: 2) == nil)
        #expect(try ports(51, workers: 2)?.contains("102 connections from one machine (2 × 51)") == true)
        #expect(try ports(400, sources: (4, 0)) == nil)
        #expect(try ports(401, sources: (4, 0))?.contains("there are 400: 100") == true)
        #expect(try ports(401, sources: (4, 0))?.contains("Use 5 (") == true)
        // Sources of the other family do not count.
        #expect(try ports(101, sources: (1, 9))?.contains("there are 100") == true)
    }

    @Test func aNameThatCannotBeResolvedIsAnOutcome() throws {
        try onMachine { limits in
            let check = CapacityCheck(try plan(101, target: "ws://nobody.invalid:9/"), limits: limits)
            #expect(message { try check.checkPorts(workers: 1, sources: nil) } == nil)
        }
    }

    /// Connections that are closed again before the last is opened need no port each.
    @Test func connectionsThatDoNotLastAreNotCounted() throws {
        func refusal(of plan: Plan) throws -> String? {
            var found: String?
            try onMachine { limits in
                found = message { try CapacityCheck(plan, limits: limits).checkPorts(workers: 1, sources: nil) }
            }
            return found
        }
        var plan = try plan(1000)
        plan.ramp = .rate(perSecond: 10)
        plan.sendMessages = false
        #expect(try refusal(of: plan) == nil)
        plan.sendMessages = true
        plan.duration = .seconds(9)
        #expect(try refusal(of: plan) == nil)
        plan.duration = .seconds(20)
        #expect(try refusal(of: plan)?.hasPrefix("instances: 200 connections from one machine") == true)
    }

    @Test func descriptors() throws {
        func descriptors(limit: Int) throws -> String? {
            var found: String?
            try onMachine { limits in
                let check = CapacityCheck(try plan(20_000), limits: limits)
                found = message { try check.checkDescriptors(limit: limit, inUse: 10) }
            }
            return found
        }
        #expect(try descriptors(limit: 20_013) == nil)
        #expect(
            try descriptors(limit: 20_000)
                == "instances: 20,000 connections need 20,013 file descriptors, and this process may have 20,000 (hard "
                + "limit). Use more processes with fewer instances, or raise the limit to 20013: ulimit -n as root, nofile "
                + "in limits.conf, or LimitNOFILE= of a systemd unit, after sysctl -w fs.nr_open=20013")
    }

    @Test(
        arguments: [
            (messages: nil, duration: nil, sends: false, expected: 0),
            (messages: nil, duration: 5, sends: true, expected: 500),
            (messages: nil, duration: 60, sends: true, expected: 1000),
            (messages: 1, duration: 60, sends: true, expected: 0),
            (messages: 3, duration: 60, sends: true, expected: 200),
        ] as [(messages: Int?, duration: Int?, sends: Bool, expected: Int)])
    func openAtOnce(messages: Int?, duration: Int?, sends: Bool, expected: Int) throws {
        var plan = Plan(target: try Target("ws://h/"))
        plan.instances = 1000
        plan.ramp = .over(.seconds(10))
        plan.messages = messages
        plan.duration = duration.map { .seconds($0) }
        plan.sendMessages = sends
        #expect(plan.arithmetic.openAtOncePerWorker == expected)
        plan.ramp = .over(.zero)
        #expect(plan.arithmetic.openAtOncePerWorker == 1000)
    }
}
