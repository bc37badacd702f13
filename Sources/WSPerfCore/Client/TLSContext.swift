internal import COpenSSL

/// The TLS state that all connections of a worker share: one `SSL_CTX`.
final class TLSContext: @unchecked Sendable {
    // Invariant: a valid SSL_CTX from init to deinit, not changed after init; OpenSSL counts its references and lets
    // several threads make connections from it.
    private let context: OpaquePointer
    private let verifies: Bool
    /// Sent as SNI unless it is an address; the certificate must contain it.
    private let serverName: String
    private let isAddress: Bool

    /// Reads the files that the plan names; throws a `PlanError` with the key of the file that cannot be used.
    init(plan: Plan) throws {
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw PlanError("OpenSSL can't be set up: \(Self.lastError())", at: "tls")
        }
        self.context = context
        verifies = plan.tls.verify
        serverName = plan.tls.serverName ?? plan.target.host
        isAddress = SocketAddress.literal(serverName, port: plan.target.port) != nil
        wsperf_ignore_sigpipe()
        _ = wsperf_ssl_ctx_require_tls12(context)
        _ = wsperf_ssl_ctx_set_mode(
            context,
            Int(SSL_MODE_ENABLE_PARTIAL_WRITE) | Int(SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER)
                | Int(SSL_MODE_RELEASE_BUFFERS))
        _ = wsperf_ssl_ctx_disable_session_cache(context)
        // Without close_notify, a closed connection is just the end of the stream. WebSocket's own closing handshake
        // shows whether it ended properly.
        _ = SSL_CTX_set_options(context, UInt64(1) << 7)
        wsperf_ssl_ctx_read_ahead(context)
        SSL_CTX_set_verify(context, verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        if let ca = plan.tls.ca {
            try trust(plan.contents(ofFile: ca), file: ca)
        } else if verifies {
            _ = SSL_CTX_set_default_verify_paths(context)
        }
        if let certificate = plan.tls.certificate {
            try present(plan.contents(ofFile: certificate), file: certificate)
        }
        if let key = plan.tls.key { try use(key: plan.contents(ofFile: key), file: key) }
    }

    deinit { SSL_CTX_free(context) }

    /// A connection's TLS state over its socket, ready for SSL_connect; nil if out of memory.
    func makeConnection(_ descriptor: Int32) -> OpaquePointer? {
        guard let ssl = SSL_new(context) else { return nil }
        guard SSL_set_fd(ssl, descriptor) == 1 else {
            SSL_free(ssl)
            return nil
        }
        if isAddress {
            if verifies { X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), serverName) }
        } else {
            _ = wsperf_ssl_set_server_name(ssl, serverName)
            if verifies {
                SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
                _ = SSL_set1_host(ssl, serverName)
            }
        }
        SSL_set_connect_state(ssl)
        return ssl
    }

    // MARK: - PEM

    private func trust(_ pem: [UInt8], file: String) throws {
        let store = SSL_CTX_get_cert_store(context)
        var count = 0
        try Self.withBIO(pem) { bio in
            while let certificate = PEM_read_bio_X509(bio, nil, nil, nil) {
                if X509_STORE_add_cert(store, certificate) == 1 { count += 1 }
                X509_free(certificate)
            }
        }
        ERR_clear_error()
        guard count > 0 else { throw PlanError("no certificate in '\(file)'", at: "tls.ca") }
    }

    private func present(_ pem: [UInt8], file: String) throws {
        var count = 0
        try Self.withBIO(pem) { bio in
            while let certificate = PEM_read_bio_X509(bio, nil, nil, nil) {
                if count == 0 {
                    if SSL_CTX_use_certificate(context, certificate) != 1 {
                        throw PlanError("'\(file)': \(Self.lastError())", at: "tls.certificate")
                    }
                    X509_free(certificate)
                } else {
                    _ = wsperf_ssl_ctx_add_chain_certificate(context, certificate)
                }
                count += 1
            }
        }
        ERR_clear_error()
        guard count > 0 else { throw PlanError("no certificate in '\(file)'", at: "tls.certificate") }
    }

    private func use(key pem: [UInt8], file: String) throws {
        try Self.withBIO(pem) { bio in
            // OpenSSL would ask for an encrypted key's password on the terminal, so refuse the key instead.
            guard let key = PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil) else {
                throw PlanError("no unencrypted private key in '\(file)'", at: "tls.key")
            }
            defer { EVP_PKEY_free(key) }
            guard SSL_CTX_use_PrivateKey(context, key) == 1 else {
                throw PlanError("'\(file)' does not match the certificate: \(Self.lastError())", at: "tls.key")
            }
        }
        ERR_clear_error()
    }

    private static func withBIO(_ pem: [UInt8], _ body: (OpaquePointer) throws -> Void) throws {
        try pem.withUnsafeBytes { bytes in
            guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else {
                throw PlanError("out of memory", at: "tls")
            }
            defer { BIO_free(bio) }
            try body(bio)
        }
    }

    private static func lastError() -> String {
        let code = ERR_get_error()
        guard code != 0 else { return "unknown error" }
        var text = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &text, text.count)
        return text.withUnsafeBufferPointer { String(cString: $0.baseAddress.unsafelyUnwrapped) }
    }
}
