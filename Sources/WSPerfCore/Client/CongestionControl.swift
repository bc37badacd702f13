internal import CLinux
internal import Glibc

/// The congestion control of a client's sockets, by its kernel name (tcp(7), TCP_CONGESTION).
struct CongestionControl: Sendable {
    private let name: String

    /// - Throws: `PlanError` if the kernel does not have it, or does not allow it for this user.
    init(_ name: String) throws(PlanError) {
        self.name = name
        let descriptor = clinux_tcp_socket(AF_INET)
        // Without a descriptor, nothing can be checked here; descriptors are checked elsewhere.
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        switch apply(to: descriptor) {
        case 0: break
        case ENOENT:
            let present = Self.list("available")
            throw PlanError(
                "\(PlanText.quoted(name)) is not a congestion control of this machine\(present) (modprobe tcp_\(name))",
                at: Self.key)
        case EPERM:
            throw PlanError(
                "\(PlanText.quoted(name)) is not allowed for this user\(Self.list("allowed")) "
                    + "(net.ipv4.tcp_allowed_congestion_control)", at: Self.key)
        case let error:
            throw PlanError("\(PlanText.quoted(name)): \(String(cString: strerror(error)))", at: Self.key)
        }
    }

    private static let key = "congestion_control"

    /// Returns 0 or errno.
    func apply(to descriptor: Int32) -> Int32 { name.withCString { clinux_congestion_control(descriptor, $0) } }

    private static func list(_ which: String) -> String {
        let names = MachineLimits().words("net/ipv4/tcp_\(which)_congestion_control")
        return names.isEmpty ? "" : ", which has \(names.joined(separator: ", "))"
    }
}
