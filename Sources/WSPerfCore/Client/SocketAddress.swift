internal import CLinux
internal import Glibc

/// An IPv4 or IPv6 address and port.
struct SocketAddress: @unchecked Sendable {
    // Plain bytes without references, but the importer does not know this for `sockaddr_storage`.
    private var storage: sockaddr_storage
    private let length: socklen_t

    var family: Int32 { Int32(storage.ss_family) }

    /// The address without its port.
    var text: String {
        withUnsafeBytes(of: storage) { bytes in
            if family == AF_INET6 {
                let address = bytes.loadUnaligned(as: sockaddr_in6.self).sin6_addr
                let value = withUnsafeBytes(of: address) { UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)) }
                return AddressRange.text(value, isIPv6: true)
            }
            let value = UInt32(bigEndian: bytes.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr)
            return AddressRange.text(UInt128(value), isIPv6: false)
        }
    }

    /// All stream addresses of a name, in the resolver's order. Blocks, so don't call it on a loop's thread unless
    /// `isLiteral`.
    static func resolve(_ host: String, port: UInt16, isLiteral: Bool = false) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV | (isLiteral ? AI_NUMERICHOST : 0)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var entry = list
        while let info = entry {
            if let address = info.pointee.ai_addr, Int(info.pointee.ai_addrlen) <= MemoryLayout<sockaddr_storage>.size {
                var storage = sockaddr_storage()
                withUnsafeMutableBytes(of: &storage) {
                    $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(info.pointee.ai_addrlen)))
                }
                found.append(SocketAddress(storage: storage, length: info.pointee.ai_addrlen))
            }
            entry = info.pointee.ai_next
        }
        return found
    }

    /// The address that a literal stands for; nil if `host` is a name.
    static func literal(_ host: String, port: UInt16) -> SocketAddress? {
        resolve(host, port: port, isLiteral: true).first
    }

    /// An address without a port.
    init(_ value: UInt128, isIPv6: Bool) {
        storage = sockaddr_storage()
        length = socklen_t(isIPv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size)
        withUnsafeMutableBytes(of: &storage) { bytes in
            if isIPv6 {
                var address = sockaddr_in6()
                address.sin6_family = sa_family_t(AF_INET6)
                withUnsafeMutableBytes(of: &address.sin6_addr) { $0.storeBytes(of: value.bigEndian, as: UInt128.self) }
                bytes.storeBytes(of: address, as: sockaddr_in6.self)
            } else {
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_addr.s_addr = UInt32(truncatingIfNeeded: value).bigEndian
                bytes.storeBytes(of: address, as: sockaddr_in.self)
            }
        }
    }

    private init(storage: sockaddr_storage, length: socklen_t) {
        self.storage = storage
        self.length = length
    }

    /// Binds a socket to this address and leaves the port to `connect`, so that connections to different destinations
    /// can share ports. Returns 0 or errno.
    func bind(_ descriptor: Int32) -> Int32 {
        withUnsafePointer(to: storage) { clinux_bind_address(descriptor, $0, length) }
    }

    /// Starts connecting a non-blocking socket. Returns 0, EINPROGRESS or another errno.
    func connect(_ descriptor: Int32) -> Int32 {
        withUnsafePointer(to: storage) { clinux_connect(descriptor, $0, length) }
    }
}
