import Foundation
import Synchronization
import Testing
import WSPerfCore
import WSPerfTestServer

/// Where connections come from, as the server sees it.
@Suite struct SourceAddressTests {
    /// Accepts connections, records where they come from, and drops them on command.
    private final class Listener: Sendable {
        let descriptor: Int32
        let port: UInt16
        private let accepted = Mutex<[(peer: String, descriptor: Int32)]>([])

        init(host: String = "127.0.0.1") throws {
            let isIPv6 = host.contains(":")
            descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var storage = sockaddr_storage()
            var length = socklen_t(isIPv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size)
            let socket = descriptor
            let status = withUnsafeMutableBytes(of: &storage) { bytes -> Int32 in
                guard let base = bytes.baseAddress else { return -1 }
                if isIPv6 {
                    var address = sockaddr_in6()
                    address.sin6_family = sa_family_t(AF_INET6)
                    inet_pton(AF_INET6, host, &address.sin6_addr)
                    bytes.storeBytes(of: address, as: sockaddr_in6.self)
                } else {
                    var address = sockaddr_in()
                    address.sin_family = sa_family_t(AF_INET)
                    inet_pton(AF_INET, host, &address.sin_addr)
                    bytes.storeBytes(of: address, as: sockaddr_in.self)
                }
                let address = base.assumingMemoryBound(to: sockaddr.self)
                guard bind(socket, address, length) == 0, listen(socket, 1024) == 0 else { return -1 }
                return getsockname(socket, address, &length)
            }
            guard status == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
            port = withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
            Thread.detachNewThread { [self] in
                while true {
                    let (peer, descriptor) = Self.accept(socket)
                    guard descriptor >= 0 else { return }
                    accepted.withLock { $0.append((peer, descriptor)) }
                }
            }
        }

        private static func accept(_ socket: Int32) -> (String, Int32) {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            var host = [CChar](repeating: 0, count: 64)
            let descriptor = withUnsafeMutableBytes(of: &storage) { bytes -> Int32 in
                guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
                let descriptor = Glibc.accept(socket, address, &length)
                getnameinfo(address, length, &host, 64, nil, 0, NI_NUMERICHOST)
                return descriptor
            }
            return (String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self), descriptor)
        }

        var peers: [String] { accepted.withLock { $0.map(\.peer).sorted() } }

        func drop() { accepted.withLock { for (_, descriptor) in $0 { Glibc.close(descriptor) } } }

        func close() { shutdown(descriptor, Int32(SHUT_RDWR)) }

        deinit { Glibc.close(descriptor) }
    }

    private func waitForPeers(_ count: Int, _ listener: Listener) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while listener.peers.count < count, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(listener.peers.count == count)
    }

    @Test func everyAddressGetsItsShare() async throws {
        let listener = try Listener()
        defer { listener.close() }
        var plan = try LoadRun.plan("ws://127.0.0.1:\(listener.port)/", connections: 40)
        plan.threads = 2
        plan.sourceAddresses = [try AddressRange("127.0.3.1-127.0.3.3"), try AddressRange("127.0.9.9")]
        let statistics = try await LoadRun.run(plan) { _ in
            try await waitForPeers(40, listener)
            listener.drop()
        }
        #expect(statistics.outcomes == [.upgradeClosed: 40])
        let counts = Dictionary(grouping: listener.peers) { $0 }.mapValues(\.count)
        #expect(counts == ["127.0.3.1": 10, "127.0.3.2": 10, "127.0.3.3": 10, "127.0.9.9": 10])
    }

    @Test func aNameIsReachedFromTheAvailableFamily() async throws {
        let listener = try Listener()
        defer { listener.close() }
        var plan = try LoadRun.plan("ws://localhost:\(listener.port)/", connections: 4)
        plan.sourceAddresses = [try AddressRange("127.0.3.1-127.0.3.2")]
        let statistics = try await LoadRun.run(plan) { _ in
            try await waitForPeers(4, listener)
            listener.drop()
        }
        #expect(statistics.outcomes == [.upgradeClosed: 4])
        #expect(listener.peers == ["127.0.3.1", "127.0.3.1", "127.0.3.2", "127.0.3.2"])
    }

    @Test func anIPv6AddressIsBoundToo() async throws {
        guard let listener = try? Listener(host: "::1") else { return print("skipped: no IPv6 on this machine") }
        defer { listener.close() }
        var plan = try LoadRun.plan("ws://[::1]:\(listener.port)/", connections: 4)
        plan.sourceAddresses = [try AddressRange("::1")]
        let statistics = try await LoadRun.run(plan) { _ in
            try await waitForPeers(4, listener)
            listener.drop()
        }
        #expect(statistics.outcomes == [.upgradeClosed: 4])
        #expect(listener.peers == ["::1", "::1", "::1", "::1"])
    }

    @Test func messagesRoundTripFromOtherAddresses() async throws {
        let server = try await TestServer.start()
        var plan = try LoadRun.plan(server.url, connections: 20, messages: 2)
        plan.sourceAddresses = [try AddressRange("127.0.3.0/29")]
        plan.congestionControl = "reno"
        let statistics = try await LoadRun.run(plan)
        #expect(statistics.outcomes == [.succeeded: 20])
        await server.stop()
    }

    // MARK: Errors before the run

    private func refusal(_ url: String = "ws://127.0.0.1:9/", _ change: (inout Plan) throws -> Void) throws -> String {
        var plan = try LoadRun.plan(url)
        try change(&plan)
        let share = WorkerShare(workerIndex: 0)
        let error = #expect(throws: PlanError.self) { _ = try LoadEngine(plan: plan, share: share) }
        return error.map(\.description) ?? ""
    }

    // TEST-NET-1 (RFC 5737): no machine has it.
    @Test func aMissingAddressIsNamed() throws {
        let text = try refusal { $0.sourceAddresses = [try AddressRange("127.0.0.2"), try AddressRange("192.0.2.7")] }
        #expect(
            text
                == "source_addresses: 192.0.2.7 is not an address of this machine (ip addr add 192.0.2.7/32 dev lo, "
                + "or the network's device)")
    }

    /// Machines have different addresses, and each uses its own.
    @Test func oneOfSeveralMachinesUsesTheAddressesItHas() throws {
        var plan = try LoadRun.plan("ws://127.0.0.1:9/")
        plan.machines = 2
        plan.sourceAddresses = [try AddressRange("192.0.2.7"), try AddressRange("127.0.0.2")]
        _ = try LoadEngine(plan: plan, share: WorkerShare(workerIndex: 1))
        let text = try refusal {
            $0.machines = 2
            $0.sourceAddresses = [try AddressRange("192.0.2.7")]
        }
        #expect(text.hasPrefix("source_addresses: none of them is an address of this machine: 192.0.2.7"))
    }

    @Test func anUnknownCongestionControlIsNamed() throws {
        let text = try refusal("ws://127.0.0.1:9/") { $0.congestionControl = "no-such-thing" }
        #expect(
            text.hasPrefix(
                "congestion_control: 'no-such-thing' is not a congestion control of this machine, which has "))
        #expect(text.contains("cubic") || text.contains("reno"))
    }

    @Test func tooManyConnectionsForOneProcess() throws {
        let text = try refusal {
            $0.instances = 9_000_000
            $0.messages = nil
            $0.duration = .seconds(36_000)
        }
        #expect(text.hasPrefix("instances: 9,000,000 connections need 9,000,"))
        #expect(text.contains("(hard limit)"))
    }

    /// The sockets themselves, seen from this process.
    @Test(arguments: ["reno", nil]) func socketsUseThePlansCongestionControl(name: String?) async throws {
        let listener = try Listener()
        defer { listener.close() }
        var plan = try LoadRun.plan("ws://127.0.0.1:\(listener.port)/", connections: 4)
        plan.congestionControl = name
        let found = Mutex<[String]>([])
        _ = try await LoadRun.run(plan) { _ in
            try await waitForPeers(4, listener)
            found.withLock { $0 = Self.congestionControls(ofPeersAt: listener.port) }
            listener.drop()
        }
        let standard = try String(contentsOfFile: "/proc/sys/net/ipv4/tcp_congestion_control", encoding: .utf8)
        let expected = name ?? standard.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(found.withLock { $0 } == Array(repeating: expected, count: 4))
    }

    private static func congestionControls(ofPeersAt port: UInt16) -> [String] {
        (Int32(0)..<4096).compactMap { descriptor -> String? in
            var address = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let status = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &length) }
            }
            guard status == 0, UInt16(bigEndian: address.sin_port) == port else { return nil }
            var name = [UInt8](repeating: 0, count: 16)
            var size = socklen_t(16)
            guard getsockopt(descriptor, Int32(IPPROTO_TCP), 13, &name, &size) == 0 else { return nil }
            return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
