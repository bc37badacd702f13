internal import CLinux
internal import Glibc

/// An IPv4 or IPv6 address and port.
struct SocketAddress: @unchecked Sendable {
    // Plain bytes without references; the importer just doesn't know it for `sockaddr_storage`.
    private var storage: sockaddr_storage
    private let length: socklen_t

    var family: Int32 { Int32(storage.ss_family) }

    /// All stream addresses of a name, in the resolver's order. Waits: not for a loop's thread unless `isLiteral`.
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

    /// The address a literal stands for; nil when `host` is a name.
    static func literal(_ host: String, port: UInt16) -> SocketAddress? {
        resolve(host, port: port, isLiteral: true).first
    }

    /// Starts connecting a non-blocking socket; returns 0, EINPROGRESS or another errno.
    func connect(_ descriptor: Int32) -> Int32 {
        withUnsafePointer(to: storage) { clinux_connect(descriptor, $0, length) }
    }
}
