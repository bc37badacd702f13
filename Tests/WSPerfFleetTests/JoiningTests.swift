import Foundation
import Synchronization
import Testing
import WSPerfCore

@testable import WSPerfFleet

/// What a listener says while it has no controller.
@Suite(.timeLimit(.minutes(1))) struct JoiningTests {
    private static let address = ControllerAddress(host: "h", publishPort: 1, reportPort: 2)

    @Test(
        arguments: [
            (
                .unresolved("Name or service not known"), .unresolved("Name or service not known"),
                "cannot resolve 'h': Name or service not known"
            ),
            (
                .unreachable("connection refused"), .unreachable("connection refused"),
                "cannot connect to h:1 and 2: connection refused"
            ),
            (.unreachable("no route to host"), .socket("PULL"), "cannot connect to h:1: no route to host"),
            (.socket("PUB"), .unreachable("connection refused"), "cannot connect to h:2: connection refused"),
            (
                .socket("PULL"), .socket("PUB"),
                "the two ports are swapped: 2 is the controller's port for commands, and 1 the one for messages to it; "
                    + "write h:2:1"
            ),
            (
                .socket("PUB"), .socket("PULL"),
                "no welcome from the controller, although both of its ports answer"
            ),
            (.socket("PUB"), .other, "h:2 is not a controller's port for messages"),
            (.other, .socket("PULL"), "h:1 is not a controller's port for commands"),
            (.other, .other, "h:1 and 2 are not the ports of a controller"),
        ] as [(ControllerProbe.Answer, ControllerProbe.Answer, String)])
    func theReasonInWords(_ commands: ControllerProbe.Answer, _ messages: ControllerProbe.Answer, _ text: String) {
        #expect(ControllerProbe.reason(Self.address, commands: commands, messages: messages) == text)
    }

    @Test func theSocketTypeIsReadFromTheHandshake() {
        let greeting = [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 1] + [UInt8](repeating: 0, count: 52)
        func ready(_ length: [UInt8], _ type: String) -> [UInt8] {
            let body = Array("\u{5}READY\u{B}Socket-Type".utf8) + length + Array(type.utf8)
            return greeting + [4, UInt8(body.count)] + body
        }
        #expect(ControllerProbe.socketType(in: ready([0, 0, 0, 3], "PUB")) == "PUB")
        #expect(ControllerProbe.socketType(in: ready([0, 0, 0, 4], "PUL")) == nil)
        #expect(ControllerProbe.socketType(in: ready([0, 0, 1, 3], "PUB")) == nil)
        #expect(ControllerProbe.socketType(in: ready([0, 0, 0, 200], String(repeating: "x", count: 200))) == nil)
        #expect(ControllerProbe.socketType(in: ready([0, 0, 0, 2], "\u{1b}[")) == "\\u{1b}[")
        #expect(ControllerProbe.socketType(in: ready([0, 0, 0], "")) == nil)
        #expect(ControllerProbe.socketType(in: greeting) == nil)
        #expect(ControllerProbe.socketType(in: Array("HTTP/1.1 400 Bad Request\r\n".utf8)) == nil)
        #expect(ControllerProbe.socketType(in: []) == nil)
    }

    @Test func realPorts() async throws {
        let context = try ZMQContext()
        let (publish, pull) = (try ZMQSocket(.publish, context: context), try ZMQSocket(.pull, context: context))
        let (commands, messages) = (
            try publish.bind(host: "127.0.0.1", port: 0), try pull.bind(host: "127.0.0.1", port: 0)
        )
        func reason(_ first: UInt16, _ second: UInt16, host: String = "127.0.0.1") -> String {
            ControllerProbe(address: ControllerAddress(host: host, publishPort: first, reportPort: second)).look()
                .reason
        }
        #expect(reason(commands, messages).hasPrefix("no welcome from the controller"))
        #expect(reason(messages, commands).hasPrefix("the two ports are swapped"))
        #expect(reason(commands, messages, host: "no-such-host.invalid").hasPrefix("cannot resolve 'no-such-host"))
        withExtendedLifetime((publish, pull)) {}

        // A port without a server, and one whose server says nothing.
        let silent = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(silent) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let bound = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(silent, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(bound == 0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(silent, $0, &size) }
        }
        let port = UInt16(bigEndian: address.sin_port)
        // Bound but not listening: refused.
        #expect(reason(port, port) == "cannot connect to 127.0.0.1:\(port) and \(port): connection refused")
        listen(silent, 8)
        #expect(reason(port, port) == "127.0.0.1:\(port) and \(port) are not the ports of a controller")
    }

    @Test func itLooksOnceASecondThenOnceAMinute() {
        func at(_ seconds: Double) -> FleetInstant { FleetInstant(nanoseconds: Int64(seconds * 1e9)) }
        var watch = JoinWatch(hasAddress: true, now: at(0))
        func isDue(_ hasController: Bool, _ seconds: Double) -> Bool {
            watch.isDue(hasController: hasController, now: at(seconds))
        }
        var looks: [Double] = []
        for tenth in 0..<3000 {
            let now = Double(tenth) / 10
            if isDue(false, now) {
                looks.append(now)
                // No second look while one is under way.
                #expect(!isDue(false, now))
                let isSaid = watch.looked(hasAddress: true, now: at(now))
                #expect(isSaid)
            }
        }
        #expect(Array(looks.prefix(3)) == [1, 2, 3])
        #expect(looks.count { $0 <= 60 } == 60 && looks.count { $0 > 60 } == 3, "\(looks)")
        // After a session, it waits for its next controller.
        #expect(!isDue(true, 400))
        #expect(watch.next == nil)
        #expect(!isDue(false, 500) && !isDue(false, 559))
        #expect(isDue(false, 560))
    }

    /// As long as no address of a name answers, the listener looks once a second, but it does not say so each time.
    @Test func aNameIsLookedUpOnceASecond() {
        func at(_ tenth: Int) -> FleetInstant { FleetInstant(nanoseconds: Int64(tenth) * 100_000_000) }
        var watch = JoinWatch(hasAddress: false, now: at(0))
        var (looks, said) = (0, 0)
        for tenth in 0..<3000 where watch.isDue(hasController: false, now: at(tenth)) {
            looks += 1
            if watch.looked(hasAddress: false, now: at(tenth)) { said += 1 }
        }
        #expect(looks == 300)
        #expect(said == 63)
        // An address that answers is enough.
        for _ in 0..<10 where !watch.isDue(hasController: false, now: at(3000 + looks)) { looks += 1 }
        _ = watch.looked(hasAddress: true, now: at(3000 + looks))
        #expect(watch.next == at(3000 + looks) + .seconds(60))
    }

    /// A name has several addresses, of both families, and the controller listens only on some of them. libzmq takes the
    /// first.
    @Test(arguments: [
        ("127.0.0.1", ["::1", "127.0.0.1"]), ("::1", ["127.0.0.1", "::1"]), ("127.0.0.3", ["127.0.0.2", "127.0.0.3"]),
        ("::", ["127.0.0.1", "::1"]), ("::", ["::1", "127.0.0.1"]), ("0.0.0.0", ["::1", "127.0.0.1"]),
    ])
    func eachAddressOfANameIsTried(_ host: String, _ addresses: [String]) async throws {
        let fleet = try SocketFleet(host: host)
        let (_, status) = try fleet.listener("alpha", resolving: ["controller.test": addresses])
        #expect(try await fleet.run([SocketFleet.plan()]).map(\.end) == [.finished])
        #expect(fleet.record().ready.map(\.machine) == ["alpha", "alpha"])
        #expect(await status.value == 0)
    }

    /// The controller starts after its listener, at an address that the name gets later.
    @Test func aNameIsResolvedAgain() async throws {
        let fleet = try SocketFleet()
        let looks = Mutex(0)
        let (_, status) = try fleet.listener("alpha") { name in
            let count = looks.withLock { count in
                count += 1
                return count
            }
            return count == 1 ? .unresolved("no such name") : count == 2 ? .hosts(["127.0.0.9"]) : .hosts(["127.0.0.1"])
        }
        #expect(try await fleet.run([SocketFleet.plan()]).map(\.end) == [.finished])
        #expect(await status.value == 0)
        #expect(looks.withLock { $0 } >= 3)
    }

    @Test func theReasonIsAboutTheAddressThatAnswers() throws {
        let fleet = try SocketFleet()
        let address = fleet.controller.address
        func look(_ hosts: [String], swapped: Bool = false) -> ControllerProbe.Finding {
            ControllerProbe(
                address: ControllerAddress(
                    host: "c.test", publishPort: swapped ? address.reportPort : address.publishPort,
                    reportPort: swapped ? address.publishPort : address.reportPort)
            ) { _ in .hosts(hosts) }.look()
        }
        #expect(look(["127.0.0.9", "127.0.0.1"]).host == "127.0.0.1")
        #expect(look(["127.0.0.9", "127.0.0.1"], swapped: true).reason.hasPrefix("the two ports are swapped"))
        #expect(look(["127.0.0.1", "127.0.0.9"], swapped: true).reason.hasPrefix("the two ports are swapped"))
        #expect(look(["127.0.0.9", "127.0.0.8"]).host == nil)
        #expect(look([]).reason.hasSuffix("no address"))
        // The system's own resolver.
        #expect(ControllerProbe.resolve("127.0.0.1") == .hosts(["127.0.0.1"]))
        #expect(ControllerProbe.resolve("::1") == .hosts(["::1"]))
        withExtendedLifetime(fleet) {}
    }

    @Test func listenersAreEndedWithoutARun() async throws {
        let fleet = try SocketFleet()
        let listeners = try ["alpha", "beta"].map { try fleet.listener($0) }
        let (ended, remaining) = try await fleet.controller.endListeners(waiting: .seconds(5))
        #expect(ended == ["alpha", "beta"] && remaining == [])
        // If the controller missed one, the test must not wait for it.
        if ended.count < 2 { for (listener, _) in listeners { listener.interrupt() } }
        for (_, end) in listeners { #expect(await end.value == 0) }
        await #expect(throws: FleetError.self) { try await fleet.run([SocketFleet.plan()]) }
    }

    @Test func noListenerToEnd() async throws {
        let (ended, remaining) = try await SocketFleet().controller.endListeners(waiting: .milliseconds(100))
        #expect(ended == [] && remaining == [])
    }
}
