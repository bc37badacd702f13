internal import Glibc
internal import WSPerfCore

/// Finds out at which address a listener's controller answers, and why the listener has not joined: connects to both
/// ports at each address of the controller's name, and reads what answers there.
///
/// It speaks the beginning of ZMTP 3.0 (https://rfc.zeromq.org/spec/23/): the greeting of 64 bytes, after which the
/// other side says of which type its socket is. This shows whether a port is ZeroMQ's at all, and whether the two ports
/// are swapped.
struct ControllerProbe: Sendable {
    /// What answers on one port.
    enum Answer: Sendable, Equatable {
        /// The name has no address.
        case unresolved(String)
        /// The system's error: connection refused, no route, timed out.
        case unreachable(String)
        /// Something else than ZeroMQ, or nothing in time.
        case other
        /// A ZeroMQ socket of this type: `PUB`, `PULL`.
        case socket(String)
    }

    /// What a look has found.
    struct Finding: Sendable, Equatable {
        /// The address of the controller, in numbers; nil if none answers as a controller does.
        var host: String?
        /// Why the listener has not joined, in words.
        var reason: String
    }

    /// The addresses of a name, in the order in which to try them, or why there are none.
    enum Resolution: Sendable, Equatable {
        case hosts([String])
        case unresolved(String)
    }

    /// How long each port may take.
    static let patience: Duration = .milliseconds(900)
    /// More addresses of a name are not tried.
    static let addresses = 8

    var address: ControllerAddress
    /// The address of an earlier finding, which is tried first.
    var earlier: String?
    var resolve: @Sendable (String) -> Resolution = Self.resolve

    /// Tries all addresses. Blocks for at most the time of a look-up and two times `patience` for each address, so it
    /// needs a thread of its own.
    func look() -> Finding {
        var hosts: [String]
        switch resolve(address.host) {
        case .unresolved(let why):
            let answer = Answer.unresolved(why)
            return Finding(host: nil, reason: Self.reason(address, commands: answer, messages: answer))
        case .hosts(let found): hosts = Array(found.prefix(Self.addresses))
        }
        if let earlier, let index = hosts.firstIndex(of: earlier) { hosts.swapAt(0, index) }
        var best: (commands: Answer, messages: Answer) = (.unreachable("no address"), .unreachable("no address"))
        for (number, host) in hosts.enumerated() {
            let answers = (
                commands: Self.answer(host: host, port: address.publishPort, until: .now + Self.patience),
                messages: Self.answer(host: host, port: address.reportPort, until: .now + Self.patience)
            )
            let isController = answers == (.socket("PUB"), .socket("PULL"))
            // The reason is about the first address at which something answers, or else about the first.
            if isController || number == 0 || !Self.answers(best) && Self.answers(answers) { best = answers }
            if isController {
                return Finding(
                    host: host, reason: Self.reason(address, commands: .socket("PUB"), messages: .socket("PULL")))
            }
        }
        return Finding(host: nil, reason: Self.reason(address, commands: best.commands, messages: best.messages))
    }

    private static func answers(_ pair: (commands: Answer, messages: Answer)) -> Bool {
        if case (.unreachable, .unreachable) = pair { false } else { true }
    }

    /// The reason in words.
    static func reason(_ address: ControllerAddress, commands: Answer, messages: Answer) -> String {
        let (first, second) = (address.publishPort, address.reportPort)
        func place(_ port: UInt16) -> String {
            PlanText.printable("\(address.bracketedHost):\(port)", limit: 300)
        }
        switch (commands, messages) {
        case (.unresolved(let why), _), (_, .unresolved(let why)):
            return "cannot resolve '\(PlanText.printable(address.host, limit: 255))': \(why)"
        case (.unreachable(let why), .unreachable(let other)) where why == other:
            return "cannot connect to \(place(first)) and \(second): \(why)"
        case (.unreachable(let why), _): return "cannot connect to \(place(first)): \(why)"
        case (_, .unreachable(let why)): return "cannot connect to \(place(second)): \(why)"
        case (.socket("PULL"), .socket("PUB")):
            return "the two ports are swapped: \(second) is the controller's port for commands, and \(first) the one "
                + "for messages to it; write \(address.bracketedHost):\(second):\(first)"
        case (.socket("PUB"), .socket("PULL")):
            return "no welcome from the controller, although both of its ports answer"
        case (.socket("PUB"), _): return "\(place(second)) is not a controller's port for messages"
        case (_, .socket("PULL")): return "\(place(first)) is not a controller's port for commands"
        default: return "\(place(first)) and \(second) are not the ports of a controller"
        }
    }

    // MARK: Addresses

    /// The addresses of a name by the system's resolver, in its order (RFC 6724).
    @Sendable static func resolve(_ name: String) -> Resolution {
        var list: UnsafeMutablePointer<addrinfo>?
        let status = addresses(of: name, port: nil, flags: 0, &list)
        guard status == 0 else { return .unresolved(String(cString: gai_strerror(status))) }
        defer { freeaddrinfo(list) }
        var hosts: [String] = []
        var entry = list
        while let info = entry?.pointee {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let status = getnameinfo(
                info.ai_addr, info.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if status == 0, !hosts.contains(host) { hosts.append(host) }
            entry = info.ai_next
        }
        return .hosts(hosts)
    }

    private static func addresses(
        of host: String, port: UInt16?, flags: Int32, _ list: inout UnsafeMutablePointer<addrinfo>?
    ) -> Int32 {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV | flags
        return getaddrinfo(host, port.map(String.init), &hints, &list)
    }

    // MARK: One port

    private static func answer(host: String, port: UInt16, until deadline: FleetInstant) -> Answer {
        var list: UnsafeMutablePointer<addrinfo>?
        let status = addresses(of: host, port: port, flags: AI_NUMERICHOST, &list)
        guard status == 0, let info = list?.pointee else { return .unresolved(String(cString: gai_strerror(status))) }
        defer { freeaddrinfo(list) }
        return answer(of: info, until: deadline)
    }

    private static func answer(of info: addrinfo, until deadline: FleetInstant) -> Answer {
        let descriptor = socket(info.ai_family, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return .unreachable(text(of: errno)) }
        defer { close(descriptor) }
        if connect(descriptor, info.ai_addr, info.ai_addrlen) != 0 {
            guard errno == EINPROGRESS else { return .unreachable(text(of: errno)) }
            guard wait(for: POLLOUT, on: descriptor, until: deadline) else { return .unreachable(text(of: ETIMEDOUT)) }
            var error: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size)
            guard error == 0 else { return .unreachable(text(of: error)) }
        }
        let sent = greeting.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard sent == greeting.count else { return .other }
        var received: [UInt8] = []
        // The greeting and a READY command are shorter than this.
        var chunk = [UInt8](repeating: 0, count: 512)
        while received.count < 1024, wait(for: POLLIN, on: descriptor, until: deadline) {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { break }
            received += chunk[..<count]
            if let type = socketType(in: received) { return .socket(type) }
        }
        return .other
    }

    /// The greeting of a socket without security: signature, version 3.0, mechanism NULL.
    private static let greeting: [UInt8] =
        [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0] + Array("NULL".utf8) + [UInt8](repeating: 0, count: 48)

    /// The socket's type in a greeting and READY command; nil if there is none (yet).
    static func socketType(in bytes: [UInt8]) -> String? {
        let property = Array("\u{0B}Socket-Type".utf8)
        guard bytes.count > 64, bytes[0] == 0xFF, bytes[9] == 0x7F else { return nil }
        let command = Array(bytes[64...])
        guard let start = command.indices.first(where: { command[$0...].starts(with: property) }) else { return nil }
        // A length of four bytes in network order, then the value.
        let value = start + property.count + 4
        guard value <= command.count, command[(value - 4)..<(value - 1)].allSatisfy({ $0 == 0 }) else { return nil }
        let length = Int(command[value - 1])
        guard length <= 16, value + length <= command.count else { return nil }
        return PlanText.printable(String(decoding: command[value..<(value + length)], as: UTF8.self), limit: 16)
    }

    private static func wait(for event: Int32, on descriptor: Int32, until deadline: FleetInstant) -> Bool {
        while true {
            let left = (deadline - .now).milliseconds
            guard left > 0 else { return false }
            var item = pollfd(fd: descriptor, events: Int16(event), revents: 0)
            let count = poll(&item, 1, Int32(clamping: left))
            if count > 0 { return true }
            if count < 0, errno != EINTR { return false }
        }
    }

    private static func text(of error: Int32) -> String { String(cString: strerror(error)).lowercased() }
}
