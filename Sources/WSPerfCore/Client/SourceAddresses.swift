internal import CLinux
internal import Glibc

/// The source addresses of connections: one table for all connections of a client, so that a connection stores none of
/// it. Each address gets an equal share, by the connections' indices.
struct SourceAddresses: Sendable {
    private var four: [UInt128] = []
    private var six: [UInt128] = []

    /// Keeps the addresses of the ranges that this machine has. Tries each with its own socket.
    ///
    /// - Throws: `PlanError` with the first address that this machine does not have. A plan for several machines, whose
    ///   addresses differ, fails only if this machine has none of them.
    init(_ ranges: [AddressRange], isShared: Bool) throws(PlanError) {
        var missing: String?
        for range in ranges {
            var value = range.first
            for _ in 0..<range.count {
                let error = Self.error(binding: SocketAddress(value, isIPv6: range.isIPv6))
                if error == 0 {
                    if range.isIPv6 { six.append(value) } else { four.append(value) }
                } else {
                    let text = AddressRange.text(value, isIPv6: range.isIPv6)
                    guard error == EADDRNOTAVAIL || error == EAFNOSUPPORT else {
                        throw PlanError("\(text) cannot be used: \(String(cString: strerror(error)))", at: Self.key)
                    }
                    if !isShared { throw PlanError(Self.absent(text, isIPv6: range.isIPv6), at: Self.key) }
                    if missing == nil { missing = Self.absent(text, isIPv6: range.isIPv6) }
                }
                value &+= 1
            }
        }
        if four.isEmpty, six.isEmpty, let missing {
            throw PlanError("none of them is an address of this machine: \(missing)", at: Self.key)
        }
    }

    static let key = "source_addresses"

    private static func absent(_ text: String, isIPv6: Bool) -> String {
        "\(text) is not an address of this machine (ip addr add \(text)/\(isIPv6 ? 128 : 32) dev lo, "
            + "or the network's device)"
    }

    func count(family: Int32) -> Int { family == AF_INET6 ? six.count : four.count }

    /// The source address of the connection with this index in the run; nil if there is no address of this family.
    func address(for connection: Int, family: Int32) -> SocketAddress? {
        let table = family == AF_INET6 ? six : four
        guard !table.isEmpty else { return nil }
        return SocketAddress(table[connection % table.count], isIPv6: family == AF_INET6)
    }

    /// Tries to bind a socket to the address. Returns 0 or errno.
    private static func error(binding address: SocketAddress) -> Int32 {
        let descriptor = clinux_tcp_socket(address.family)
        guard descriptor >= 0 else { return -descriptor }
        defer { close(descriptor) }
        return address.bind(descriptor)
    }
}
