import COpenSSL
import NIOCore

// This file has all unsafe code of the server's TLS. The object that holds a pointer owns it, and the pointer is valid
// from that object's init to its deinit. A pointer that OpenSSL hands to a callback is used only within the call.

/// The server's side of one TLS connection: an OpenSSL connection that reads from memory and writes to memory. Confined
/// to the event loop of its buffers.
///
/// It does no I/O. `receive` takes the bytes from the socket, and `takeOutput` gives the bytes to send.
final class TLSSession {
    /// The state of the connection after bytes came in.
    enum Standing {
        case open
        /// The peer sent close_notify: it sends nothing more.
        case closedByPeer
        case failed(TLSFailure)
    }

    private let ssl: OpaquePointer
    private let buffers: TLSBuffers

    /// Throws if there is not enough memory.
    init(_ context: TLSServerContext, _ buffers: TLSBuffers) throws(TLSFailure) {
        guard let method = Self.method, let ssl = SSL_new(context.pointer) else { throw TLSFailure.last() }
        guard let bio = BIO_new(method) else {
            SSL_free(ssl)
            throw TLSFailure.last()
        }
        // Not retained: this object holds `buffers` and frees the BIO, with the connection, before it releases them.
        BIO_set_data(bio, Unmanaged.passUnretained(buffers).toOpaque())
        // The connection now owns the BIO.
        SSL_set_bio(ssl, bio, bio)
        SSL_set_accept_state(ssl)
        self.ssl = ssl
        self.buffers = buffers
    }

    deinit { SSL_free(ssl) }

    /// Whether the handshake is over, so that `send` may be called.
    var isEstablished: Bool { SSL_is_init_finished(ssl) != 0 }

    /// Takes bytes from the socket: continues the handshake, and decrypts messages into `buffers.plaintext`, which it
    /// empties first. Afterwards there may be bytes for `takeOutput`, even if it fails (an alert).
    func receive(_ ciphertext: ByteBuffer) -> Standing {
        buffers.input = ciphertext
        // The socket reads into the same storage again if nothing else holds it.
        defer { buffers.input = ByteBuffer() }
        buffers.plaintext.clear()
        ERR_clear_error()
        while true {
            var result: Int32 = 0
            // `space` is valid during the call and has `space.count` bytes; OpenSSL writes `result` of them.
            buffers.plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.recordLimit) { space in
                result = SSL_read(ssl, space.baseAddress, Int32(clamping: space.count))
                return Int(max(0, result))
            }
            guard result <= 0 else { continue }
            switch SSL_get_error(ssl, result) {
            case SSL_ERROR_WANT_READ: return .open
            case SSL_ERROR_ZERO_RETURN: return .closedByPeer
            default: return .failed(TLSFailure.last())
            }
        }
    }

    /// Encrypts bytes for `takeOutput`. The handshake must be over.
    func send(_ plaintext: ByteBuffer) throws(TLSFailure) {
        ERR_clear_error()
        let isDone = plaintext.withUnsafeReadableBytes { bytes in
            var rest = bytes
            while !rest.isEmpty {
                // The output takes everything, so the result is either everything offered or an error.
                let written = SSL_write(ssl, rest.baseAddress, Int32(clamping: rest.count))
                guard written > 0 else { return false }
                rest = UnsafeRawBufferPointer(rebasing: rest[Int(written)...])
            }
            return true
        }
        guard isDone else { throw TLSFailure.last() }
    }

    /// Creates a close_notify (no more data follows) for `takeOutput`.
    func sendCloseNotify() {
        ERR_clear_error()
        // 0: sent, but not received; 1: sent and received; less: the connection failed before, so nothing can be sent.
        _ = SSL_shutdown(ssl)
    }

    /// The bytes to write to the socket now, in order; nil if there are none.
    func takeOutput() -> ByteBuffer? { buffers.takeOutput() }

    /// The most bytes in one TLS record (RFC 8446 §5.1).
    private static let recordLimit = 16 << 10

    // MARK: - Memory instead of a socket

    // An OpenSSL "BIO" whose data is the loop's `TLSBuffers`. Made once for the process, never changed and never freed,
    // so `nonisolated(unsafe)` is safe.
    nonisolated(unsafe) private static let method: OpaquePointer? = {
        guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wsperf") else { return nil }
        BIO_meth_set_read(method) { bio, bytes, count in
            guard let bio, let bytes, count > 0 else { return 0 }
            BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
            let taken = TLSSession.buffers(of: bio).takeInput(
                UnsafeMutableRawBufferPointer(start: bytes, count: Int(count)))
            if taken > 0 { return Int32(taken) }
            // Not the end of the stream: more may come later.
            BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
            return -1
        }
        BIO_meth_set_write(method) { bio, bytes, count in
            guard let bio, let bytes, count > 0 else { return 0 }
            TLSSession.buffers(of: bio).addOutput(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
            return count
        }
        // A flush has nothing to do and succeeds. OpenSSL sends no other command that needs an answer here.
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return method
    }()

    /// Valid, because the session that owns the BIO holds the buffers.
    private static func buffers(of bio: OpaquePointer) -> TLSBuffers {
        Unmanaged<TLSBuffers>.fromOpaque(BIO_get_data(bio).unsafelyUnwrapped).takeUnretainedValue()
    }
}

@available(*, unavailable)
extension TLSSession: Sendable {}

/// Buffers that the TLS connections of one event loop share, so that an idle connection holds none. Confined to its
/// loop.
final class TLSBuffers {
    /// Ciphertext that OpenSSL has not taken yet; empty outside of `receive`.
    fileprivate var input = ByteBuffer()
    /// The data that the last `receive` decrypted.
    fileprivate(set) var plaintext = ByteBuffer()
    /// Ciphertext for the connection that was used last. Every use of a session ends with `takeOutput`.
    private var output = ByteBuffer()
    /// `output` was taken; it is only kept to reuse its storage.
    private var isTaken = false

    /// The most bytes of storage that `output` keeps.
    private static let keptCapacity = 256 << 10

    fileprivate func takeInput(_ space: UnsafeMutableRawBufferPointer) -> Int {
        input.readWithUnsafeReadableBytes { bytes in
            let count = min(bytes.count, space.count)
            space.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            return count
        }
    }

    fileprivate func addOutput(_ bytes: UnsafeRawBufferPointer) {
        if isTaken {
            isTaken = false
            if output.capacity > Self.keptCapacity { output = ByteBuffer() } else { output.clear() }
        }
        output.writeBytes(bytes)
    }

    fileprivate func takeOutput() -> ByteBuffer? {
        guard !isTaken, output.readableBytes > 0 else { return nil }
        isTaken = true
        return output
    }
}

@available(*, unavailable)
extension TLSBuffers: Sendable {}

/// The TLS state that all connections of a server share: its certificate, its key, and the authority for client
/// certificates.
final class TLSServerContext: @unchecked Sendable {
    // Not changed after init. OpenSSL counts its references and lets several threads make connections from it.
    fileprivate let pointer: OpaquePointer

    /// Reads the files. Throws a `TestServerError` (`isCertificate`) that names the file that cannot be used.
    init(_ tls: TestServerTLS) throws {
        guard let pointer = SSL_CTX_new(TLS_server_method()) else {
            throw TestServerError.certificate("cannot set up OpenSSL: \(TLSFailure.last())")
        }
        self.pointer = pointer
        _ = wsperf_ssl_ctx_require_tls12(pointer)
        // An idle connection frees its buffers.
        _ = wsperf_ssl_ctx_set_mode(pointer, Int(SSL_MODE_RELEASE_BUFFERS))
        _ = wsperf_ssl_ctx_disable_session_cache(pointer)
        // A client may resume its session with a ticket. If clients need certificates, OpenSSL requires a session id
        // context.
        _ = SSL_CTX_set_session_id_context(pointer, "wsperf", 6)
        // OpenSSL would ask for a key's password on the terminal. Refuse such a key instead.
        SSL_CTX_set_default_passwd_cb(pointer) { _, _, _, _ in -1 }

        func use(_ path: String, _ body: () -> Int32) throws {
            ERR_clear_error()
            guard body() != 1 else { return }
            throw TestServerError.certificate("cannot use \(path) as PEM: \(TLSFailure.last())")
        }
        try use(tls.certificate) { SSL_CTX_use_certificate_chain_file(pointer, tls.certificate) }
        // This also fails if it is not the certificate's key.
        try use(tls.key) { SSL_CTX_use_PrivateKey_file(pointer, tls.key, SSL_FILETYPE_PEM) }
        if let authority = tls.clientAuthority {
            try use(authority) { SSL_CTX_load_verify_file(pointer, authority) }
            SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
    }

    deinit { SSL_CTX_free(pointer) }
}

/// A failure, described by OpenSSL.
struct TLSFailure: Error, CustomStringConvertible {
    let description: String

    /// The reason of this thread's last failed OpenSSL call. Clears the thread's error queue.
    fileprivate static func last() -> TLSFailure {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return TLSFailure(description: "unknown error") }
        var text = [CChar](repeating: 0, count: 256)
        // Writes at most `text.count` bytes, the last of them 0: "error:NUMBER:LIBRARY:FUNCTION:REASON".
        ERR_error_string_n(code, &text, text.count)
        let words = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return TLSFailure(description: words.split(separator: ":").last.map(String.init) ?? words)
    }
}
