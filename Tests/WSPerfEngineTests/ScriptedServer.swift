import COpenSSL
import Foundation
import Synchronization

/// A server that serves each connection on its own thread, with blocking calls that a test scripts. For what the
/// embedded test server can't do, such as reading on command or starting a TLS renegotiation.
final class ScriptedServer: Sendable {
    let port: UInt16
    private let descriptor: Int32
    private let accepted = Mutex<[Int32]>([])
    private let tls: ScriptedTLS?

    /// - Parameters:
    ///   - receiveBuffer: SO_RCVBUF of all connections; nil leaves it to the kernel.
    ///   - serve: Called once per connection with its number, from 0. The connection is closed when it returns or
    ///     throws.
    init(
        receiveBuffer: Int32? = nil, tls: ScriptedTLS? = nil,
        serve: @escaping @Sendable (Int, ScriptedPeer) throws -> Void
    ) throws {
        self.tls = tls
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if var receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let socket = descriptor
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 && listen(socket, 1024) == 0 ? getsockname(socket, $0, &length) : -1
            }
        }
        guard status == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in
            var number = 0
            while case let descriptor = accept(socket, nil, nil), descriptor >= 0 {
                let index = number
                number += 1
                accepted.withLock { $0.append(descriptor) }
                Thread.detachNewThread { [self] in
                    let peer = ScriptedPeer(descriptor)
                    do {
                        if let tls { try peer.secure(tls) }
                        try serve(index, peer)
                    } catch {}
                    accepted.withLock { $0.removeAll { $0 == descriptor } }
                    peer.close()
                }
            }
        }
    }

    var url: String { "\(tls == nil ? "ws" : "wss")://127.0.0.1:\(port)/" }

    /// Accepts no more connections and ends the existing ones.
    func stop() {
        shutdown(descriptor, Int32(SHUT_RDWR))
        accepted.withLock { for descriptor in $0 { shutdown(descriptor, Int32(SHUT_RDWR)) } }
    }

    deinit { Glibc.close(descriptor) }
}

/// The server's end of a connection. Every call waits at most 30 seconds.
final class ScriptedPeer {
    struct Gone: Error {}

    struct Frame {
        let opcode: UInt8
        let length: Int
        /// Its payload's first bytes.
        let payload: [UInt8]
    }

    let descriptor: Int32
    private var ssl: OpaquePointer?

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        // A `timeval` of 30 s: seconds and microseconds, each a long.
        let limit = [30, 0]
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, limit, socklen_t(2 * MemoryLayout<Int>.size))
        }
    }

    func close() {
        if let ssl { SSL_free(ssl) }
        ssl = nil
        Glibc.close(descriptor)
    }

    // MARK: Bytes

    func read(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var have = 0
        while have < count {
            let taken = bytes.withUnsafeMutableBytes { buffer -> Int in
                guard let base = buffer.baseAddress else { return 0 }
                if let ssl { return Int(SSL_read(ssl, base + have, Int32(count - have))) }
                return recv(descriptor, base + have, count - have, 0)
            }
            guard taken > 0 else { throw Gone() }
            have += taken
        }
        return bytes
    }

    func write(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let taken = bytes.withUnsafeBytes { buffer -> Int in
                guard let base = buffer.baseAddress else { return 0 }
                if let ssl { return Int(SSL_write(ssl, base + sent, Int32(bytes.count - sent))) }
                return Glibc.send(descriptor, base + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard taken > 0 else { throw Gone() }
            sent += taken
        }
    }

    // MARK: WebSocket

    func upgrade() throws {
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) { head += try read(1) }
        let lines = String(decoding: head, as: UTF8.self).components(separatedBy: "\r\n")
        guard let line = lines.first(where: { $0.lowercased().hasPrefix("sec-websocket-key:") }) else { throw Gone() }
        let key = line.dropFirst("sec-websocket-key:".count).trimmingCharacters(in: .whitespaces)
        let text = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        var hash = [UInt8](repeating: 0, count: 20)
        SHA1(text, text.count, &hash)
        try write(
            Array(
                """
                HTTP/1.1 101 Switching Protocols\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Accept: \(Data(hash).base64EncodedString())\r
                \r

                """.utf8))
    }

    /// Opcode and length of the next frame, whose mask and payload are not yet read.
    func header() throws -> (opcode: UInt8, length: Int) {
        let start = try read(2)
        let extra = try read(start[1] & 0x7F == 126 ? 2 : start[1] & 0x7F == 127 ? 8 : 0)
        let length = extra.isEmpty ? Int(start[1] & 0x7F) : extra.reduce(0) { $0 << 8 | Int($1) }
        return (start[0] & 0xF, length)
    }

    /// The payload after a header: reads all of it, and keeps only its beginning.
    func payload(_ header: (opcode: UInt8, length: Int)) throws -> Frame {
        let mask = try read(4)
        var kept: [UInt8] = []
        var left = header.length
        while left > 0 {
            let piece = try read(min(left, 16 << 10))
            if kept.isEmpty { kept = Array(piece.prefix(1024)) }
            left -= piece.count
        }
        for index in kept.indices { kept[index] ^= mask[index & 3] }
        return Frame(opcode: header.opcode, length: header.length, payload: kept)
    }

    func frame() throws -> Frame { try payload(header()) }

    func send(_ opcode: UInt8, _ payload: [UInt8]) throws {
        precondition(payload.count < 126)
        try write([0x80 | opcode, UInt8(payload.count)] + payload)
    }

    /// Reads frames until the close frame and answers it. Returns all the others.
    @discardableResult
    func readToTheClose(_ each: (Frame) throws -> Void = { _ in }) throws -> [Frame] {
        var frames: [Frame] = []
        while true {
            let frame = try frame()
            guard frame.opcode != 8 else {
                try send(8, Array(frame.payload.prefix(2)))
                // The client closes TCP after it has seen the end of the stream.
                shutdown(descriptor, Int32(SHUT_WR))
                return frames
            }
            frames.append(frame)
            try each(frame)
        }
    }

    // MARK: The other end

    /// The client's socket, which is in this process; nil once it is closed.
    private var client: Int32? {
        var peer = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &peer) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &length) }
        }
        return (Int32(3)..<4096).first { other in
            var local = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let status = withUnsafeMutablePointer(to: &local) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(other, $0, &length) }
            }
            return status == 0 && local.sin_family == sa_family_t(AF_INET) && local.sin_port == peer.sin_port
        }
    }

    func setClientOption(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        if let client { setsockopt(client, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) }
    }

    /// Whether the client has read all that was sent to it so far.
    var hasBeenRead: Bool {
        var unacknowledged: Int32 = 0
        var unread: Int32 = 0
        _ = ioctl(descriptor, UInt(TIOCOUTQ), &unacknowledged)
        if let client { _ = ioctl(client, UInt(FIONREAD), &unread) }
        return unacknowledged == 0 && unread == 0
    }

    // MARK: TLS

    func secure(_ tls: ScriptedTLS) throws {
        guard let ssl = SSL_new(tls.context) else { throw Gone() }
        self.ssl = ssl
        SSL_set_fd(ssl, descriptor)
        let status = SSL_accept(ssl)
        ERR_clear_error()
        guard status == 1 else { throw Gone() }
    }

    /// Asks the client for a new handshake (TLS 1.2). It begins when the next bytes are read from the client.
    func renegotiate(clientCertificate: Bool = false) throws {
        if clientCertificate {
            SSL_set_verify(ssl, SSL_VERIFY_PEER) { _, _ in 1 }
            // Its longest list of certificates, bytes: SSL_CTRL_SET_MAX_CERT_LIST.
            SSL_ctrl(ssl, 51, 16 << 20, nil)
        }
        guard SSL_renegotiate(ssl) == 1, SSL_do_handshake(ssl) == 1 else { throw Gone() }
    }

    var isRenegotiated: Bool { SSL_renegotiate_pending(ssl) == 0 }

    /// Changes this side's keys and asks the client to do the same (TLS 1.3, RFC 8446 §4.6.3).
    func updateKeys() throws {
        guard SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1, SSL_do_handshake(ssl) == 1 else { throw Gone() }
    }
}

/// The TLS side of a `ScriptedServer`.
final class ScriptedTLS: @unchecked Sendable {
    // Invariant: a valid SSL_CTX, not changed after init.
    let context: OpaquePointer

    /// - Parameters:
    ///   - version: The only TLS version spoken: 0x0303 for 1.2, 0x0304 for 1.3.
    init(certificate: String, key: String, version: Int, requiresClientCertificate: Bool = false) throws {
        guard let context = SSL_CTX_new(TLS_server_method()),
            SSL_CTX_use_certificate_chain_file(context, certificate) == 1,
            SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1
        else { throw ScriptedPeer.Gone() }
        // SSL_CTRL_SET_MIN_PROTO_VERSION and SSL_CTRL_SET_MAX_PROTO_VERSION.
        for control: Int32 in [123, 124] { SSL_CTX_ctrl(context, control, version, nil) }
        if requiresClientCertificate {
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
        // As the client does: OpenSSL uses write(2), which raises SIGPIPE.
        wsperf_ignore_sigpipe()
        self.context = context
    }

    deinit { SSL_CTX_free(context) }
}
