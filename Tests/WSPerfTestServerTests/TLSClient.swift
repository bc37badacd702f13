import COpenSSL
import Synchronization

/// The client's side of one TLS connection: OpenSSL between two pieces of memory. It does no I/O.
final class TLSClient: @unchecked Sendable {
    // Owned from init to deinit; used by one thread at a time, which `lock` sees to. The connection owns both BIOs.
    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer
    private let lock = Mutex(())

    struct Files {
        var authority: String
        var certificate: String?
        var key: String?
    }
    struct Failed: Error { var code: UInt }

    /// The result of some bytes from the socket.
    struct Arrival {
        var plaintext: [UInt8] = []
        /// Bytes to send now.
        var ciphertext: [UInt8] = []
        var isEstablished = false
        /// The server sent close_notify: it sends nothing more.
        var isClosed = false
    }

    init(_ files: Files) throws {
        func check(_ result: Int32) throws { if result != 1 { throw Failed(code: ERR_get_error()) } }
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw Failed(code: ERR_get_error()) }
        // The connection keeps the context alive.
        defer { SSL_CTX_free(context) }
        try check(SSL_CTX_load_verify_file(context, files.authority))
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        if let certificate = files.certificate, let key = files.key {
            try check(SSL_CTX_use_certificate_chain_file(context, certificate))
            try check(SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM))
        }
        guard let ssl = SSL_new(context), let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem()) else {
            throw Failed(code: ERR_get_error())
        }
        SSL_set_bio(ssl, input, output)
        SSL_set_connect_state(ssl)
        self.ssl = ssl
        self.input = input
        self.output = output
        try check(SSL_set1_host(ssl, "localhost"))
    }

    deinit { SSL_free(ssl) }

    /// Takes bytes from the socket, in any pieces. Without bytes, begins the handshake.
    func receive(_ bytes: [UInt8]) throws -> Arrival {
        try lock.withLock { _ in
            ERR_clear_error()
            if !bytes.isEmpty { BIO_write(input, bytes, Int32(bytes.count)) }
            var arrival = Arrival()
            var space = [UInt8](repeating: 0, count: 16 << 10)
            while true {
                let count = SSL_read(ssl, &space, Int32(space.count))
                if count > 0 {
                    arrival.plaintext += space[..<Int(count)]
                    continue
                }
                switch SSL_get_error(ssl, count) {
                case SSL_ERROR_WANT_READ: break
                case SSL_ERROR_ZERO_RETURN: arrival.isClosed = true
                default: throw Failed(code: ERR_get_error())
                }
                arrival.isEstablished = SSL_is_init_finished(ssl) != 0
                arrival.ciphertext = takeOutput()
                return arrival
            }
        }
    }

    func encrypt(_ bytes: [UInt8]) throws -> [UInt8] {
        try lock.withLock { _ in
            ERR_clear_error()
            guard bytes.isEmpty || SSL_write(ssl, bytes, Int32(bytes.count)) == Int32(bytes.count) else {
                throw Failed(code: ERR_get_error())
            }
            return takeOutput()
        }
    }

    /// A close_notify: the client sends nothing more.
    func goodbye() -> [UInt8] {
        lock.withLock { _ in
            SSL_shutdown(ssl)
            return takeOutput()
        }
    }

    private func takeOutput() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(output))
        let count = BIO_read(output, &bytes, Int32(bytes.count))
        return Array(bytes.prefix(Int(max(0, count))))
    }
}
