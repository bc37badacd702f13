internal import CLinux
internal import COpenSSL
internal import Glibc

/// A connected socket's bytes, plain or through TLS. Owns the descriptor and the TLS state; confined to a loop.
struct SocketStream: ~Copyable {
    enum Result {
        /// This many bytes were transferred; more than 0.
        case moved(Int)
        /// No progress now; try again when the socket is ready: readable for a read, writable for a write.
        case wouldBlock
        /// No progress now, because TLS must do the opposite first: a read waits until the socket is writable, a write
        /// waits until reads have finished a handshake. Both happen in a renegotiation; a read also waits until a TLS
        /// 1.3 key update is written. Never on a plain socket.
        case crossed
        /// The peer ended its side. Only for reads.
        case end
        case failed(Outcome)
    }

    private(set) var descriptor: Int32
    // Invariant: nil, or an SSL whose socket is `descriptor`, freed before the socket is closed. The thread's OpenSSL
    // error queue, which SSL_get_error reads, is empty between calls: code that sees a failure clears it.
    private var ssl: OpaquePointer?

    init(descriptor: Int32) { self.descriptor = descriptor }

    deinit {
        if let ssl { SSL_free(ssl) }
        if descriptor >= 0 { close(descriptor) }
    }

    /// Makes the next close send a reset, so that no state is left on either side.
    func resetOnClose() { clinux_reset_on_close(descriptor) }

    var isSecure: Bool { ssl != nil }

    mutating func secure(_ context: TLSContext) -> Bool {
        ssl = context.makeConnection(descriptor)
        return ssl != nil
    }

    /// Continues the TLS handshake: `moved` when it is over, `wouldBlock` until the socket is readable, `crossed` until
    /// it is writable.
    func handshake() -> Result {
        guard let ssl else { return .moved(1) }
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 { return .moved(1) }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .wouldBlock
        case SSL_ERROR_WANT_WRITE: return .crossed
        case SSL_ERROR_SYSCALL:
            let error = errno
            ERR_clear_error()
            return .failed(.securing(error: error))
        default:
            // OpenSSL checks the certificate even if not asked to, and then continues.
            let isVerified = SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER != 0
            let isCertificate = isVerified && SSL_get_verify_result(ssl) != Int(X509_V_OK)
            // OpenSSL's error for bytes that do not begin like a TLS record.
            let isNotTLS = wsperf_err_reason(ERR_peek_error()) == SSL_R_WRONG_VERSION_NUMBER
            ERR_clear_error()
            return .failed(isCertificate ? .tlsCertificate : isNotTLS ? .notTLS : .tls)
        }
    }

    func read(into bytes: UnsafeMutableRawPointer, capacity: Int) -> Result {
        guard let ssl else {
            let count = clinux_receive(descriptor, bytes, capacity)
            if count > 0 { return .moved(count) }
            if count == 0 { return .end }
            return Self.classify(Int32(-count))
        }
        let count = SSL_read(ssl, bytes, Int32(clamping: capacity))
        return count > 0 ? .moved(Int(count)) : failure(ssl, count, expected: SSL_ERROR_WANT_READ)
    }

    /// Whether another read has work that the poller cannot see: buffered bytes, or a renegotiation that only a read
    /// starts.
    var hasPending: Bool {
        ssl.map { SSL_has_pending($0) == 1 || SSL_renegotiate_pending($0) == 1 } ?? false
    }

    /// Whether the server has asked for a renegotiation that is not finished. Only reads perform it: within a write,
    /// OpenSSL treats data that arrives at that time as an error.
    var isRenegotiating: Bool { ssl.map { SSL_renegotiate_pending($0) == 1 } ?? false }

    /// - Parameter isBegun: the previous write would have blocked. TLS must finish the record that it has begun, even
    ///   if a renegotiation waits for that.
    func write(_ bytes: UnsafeRawPointer, _ count: Int, isBegun: Bool = false) -> Result {
        guard let ssl else {
            let taken = clinux_send(descriptor, bytes, count)
            return taken >= 0 ? .moved(taken) : Self.classify(Int32(-taken))
        }
        if !isBegun, SSL_renegotiate_pending(ssl) == 1 { return .crossed }
        let taken = SSL_write(ssl, bytes, Int32(clamping: count))
        return taken > 0 ? .moved(Int(taken)) : failure(ssl, taken, expected: SSL_ERROR_WANT_WRITE)
    }

    private func failure(_ ssl: OpaquePointer, _ result: Int32, expected: Int32) -> Result {
        switch SSL_get_error(ssl, result) {
        case expected: return .wouldBlock
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .crossed
        case SSL_ERROR_ZERO_RETURN: return .end
        case SSL_ERROR_SYSCALL:
            let error = errno
            ERR_clear_error()
            return error == 0 ? .end : Self.classify(error)
        default:
            ERR_clear_error()
            return .failed(.tls)
        }
    }

    private static func classify(_ error: Int32) -> Result {
        switch error {
        case EAGAIN, EINTR: .wouldBlock
        default: .failed(.open(error: error))
        }
    }
}
