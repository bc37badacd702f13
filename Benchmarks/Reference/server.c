// A WebSocket echo server (RFC 6455) for benchmarks: one thread and one epoll. It is so cheap that it does not limit
// the client, and so small that one process can hold as many idle connections as it has descriptors.
//
// It echoes frames as they arrive. A connection keeps only a header that two reads split, and bytes that the socket has
// not taken yet.
#include "common.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/signalfd.h>

enum { BUFFER = 512 * 1024, HEADER_ROOM = 64, REQUEST_LIMIT = 8192, ACCEPT_BATCH = 64, EVENTS = 1024 };
enum phase { CLOSED, TLS_HANDSHAKE, REQUEST, OPEN, CLOSING };

struct connection {
    SSL *ssl;
    // Until the upgrade: the request so far. After it: bytes that the socket has not taken yet.
    uint8_t *kept;
    uint32_t kept_start, kept_length;
    // The frame that is being echoed: its remaining payload bytes, and its masking key, rotated to the next of them.
    uint64_t remaining;
    uint8_t mask[4];
    uint8_t header[14];
    uint8_t header_length;
    uint8_t opcode;
    uint8_t phase;
    uint8_t waits_to_write;
};

static struct connection *connections;
static long connection_limit;
static int poller, listener;
static bool listener_paused;
static SSL_CTX *context;
static uint64_t accepted, refused, messages, payload_bytes;
static long open_now, open_most;
// The last opening phase: from the first connection accepted while none was open to the last upgrade since.
static uint64_t opening_began, opening_ended, opened;
// Reads leave HEADER_ROOM bytes free in front, because the echo may be one header longer than the bytes read: the
// header of its frame may have come with an earlier read.
static uint8_t buffer[HEADER_ROOM + BUFFER];

static void watch(int descriptor, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data.fd = descriptor};
    if (epoll_ctl(poller, operation, descriptor, &event) != 0) end_of("epoll_ctl");
}

static void drop(int descriptor) {
    struct connection *connection = &connections[descriptor];
    if (connection->ssl) {
        if (connection->phase >= REQUEST) SSL_shutdown(connection->ssl);
        SSL_free(connection->ssl);
        ERR_clear_error();
    }
    free(connection->kept);
    memset(connection, 0, sizeof *connection);
    close(descriptor);
    open_now--;
    if (listener_paused) {
        listener_paused = false;
        watch(listener, EPOLLIN, EPOLL_CTL_MOD);
    }
}

// Returns the number of bytes written; 0 if it would block; -1 if the connection is dead.
static ssize_t put(int descriptor, struct connection *connection, const uint8_t *bytes, size_t length) {
    if (!connection->ssl) {
        ssize_t written = send(descriptor, bytes, length, MSG_NOSIGNAL);
        if (written >= 0) return written;
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    int written = SSL_write(connection->ssl, bytes, (int)length);
    if (written > 0) return written;
    int error = SSL_get_error(connection->ssl, written);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? 0 : -1;
}

// Writes all bytes, or keeps the rest; while it keeps some, nothing is read. Returns false if the connection is dead.
static bool reply(int descriptor, struct connection *connection, const uint8_t *bytes, size_t length) {
    size_t done = 0;
    while (done < length) {
        ssize_t written = put(descriptor, connection, bytes + done, length - done);
        if (written < 0) return false;
        if (written == 0) break;
        done += (size_t)written;
    }
    if (done == length) return true;
    uint8_t *kept = malloc(length - done);
    if (!kept) return false;
    memcpy(kept, bytes + done, length - done);
    connection->kept = kept;
    connection->kept_start = 0;
    connection->kept_length = (uint32_t)(length - done);
    connection->waits_to_write = 1;
    watch(descriptor, EPOLLOUT, EPOLL_CTL_MOD);
    return true;
}

static void unmask(uint8_t *bytes, size_t length, uint8_t mask[4]) {
    uint64_t wide;
    uint8_t twice[8] = {mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]};
    memcpy(&wide, twice, 8);
    size_t index = 0;
    for (; index + 8 <= length; index += 8) {
        uint64_t word;
        memcpy(&word, bytes + index, 8);
        word ^= wide;
        memcpy(bytes + index, &word, 8);
    }
    for (; index < length; index++) bytes[index] ^= mask[index & 3];
    uint8_t turned[4];
    for (size_t i = 0; i < 4; i++) turned[i] = mask[(length + i) & 3];
    memcpy(mask, turned, 4);
}

static size_t header_size(const uint8_t *header) {
    uint8_t length = header[1] & 0x7f;
    return 2u + (length == 126 ? 2 : length == 127 ? 8 : 0) + (header[1] & 0x80 ? 4 : 0);
}

// Echoes the frames in `length` bytes at `bytes`, in place. The echo is at most one header longer, if that came with an
// earlier read, and there is room for it in front. Returns false if the connection is dead.
static bool echo(int descriptor, struct connection *connection, uint8_t *bytes, size_t length) {
    uint8_t *in = bytes, *limit = bytes + length;
    uint8_t *start = bytes - HEADER_ROOM / 2, *out = start;
    bool closes = false;
    while (in < limit && !closes) {
        if (connection->remaining == 0) {
            while (in < limit &&
                   (connection->header_length < 2 || connection->header_length < header_size(connection->header))) {
                connection->header[connection->header_length++] = *in++;
            }
            const uint8_t *header = connection->header;
            if (connection->header_length < 2 || connection->header_length < header_size(header)) break;
            uint8_t opcode = header[0] & 0x0f, code = header[1] & 0x7f;
            size_t extra = code == 126 ? 2 : code == 127 ? 8 : 0;
            uint64_t payload = extra ? 0 : code;
            for (size_t i = 0; i < extra; i++) payload = payload << 8 | header[2 + i];
            // RFC 6455 §5: clients mask, reserved bits and opcodes are unused, control frames are short and whole.
            bool control = opcode & 8;
            if (!(header[1] & 0x80) || header[0] & 0x70 || (opcode & 7) > 2 || payload >> 63 ||
                (control && (payload > 125 || !(header[0] & 0x80)))) {
                return false;
            }
            memcpy(connection->mask, header + 2 + extra, 4);
            connection->header_length = 0;
            connection->opcode = opcode;
            connection->remaining = payload;
            if (opcode != 10) {
                *out++ = opcode == 9 ? 0x8a : header[0];
                *out++ = code;
                memcpy(out, header + 2, extra);
                out += extra;
            }
            if (opcode < 3 && header[0] & 0x80) messages++;
            if (opcode == 8 && payload == 0) closes = true;
        }
        size_t here = (size_t)(limit - in);
        if (here > connection->remaining) here = (size_t)connection->remaining;
        if (connection->opcode != 10) {
            unmask(in, here, connection->mask);
            if (out != in) memmove(out, in, here);
            out += here;
        }
        in += here;
        connection->remaining -= here;
        payload_bytes += here;
        if (connection->opcode == 8 && connection->remaining == 0) closes = true;
    }
    if (out > start && !reply(descriptor, connection, start, (size_t)(out - start))) return false;
    if (closes) connection->phase = CLOSING;
    return !closes || connection->kept_length > 0;
}

// The value of Sec-WebSocket-Key in a request that ends in a blank line.
static bool key_of(const char *request, char key[25]) {
    for (const char *line = strstr(request, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n")) {
        static const char name[] = "sec-websocket-key:";
        if (strncasecmp(line + 2, name, sizeof name - 1) != 0) continue;
        const char *value = line + 2 + sizeof name - 1;
        while (*value == ' ' || *value == '\t') value++;
        if (strcspn(value, " \t\r") != 24) return false;
        memcpy(key, value, 24);
        key[24] = 0;
        return true;
    }
    return false;
}

// Handles `length` bytes of the request at `bytes`. Returns false if the connection is dead.
static bool upgrade(int descriptor, struct connection *connection, uint8_t *bytes, size_t length) {
    char request[REQUEST_LIMIT + 1], key[25];
    size_t before = connection->kept_length;
    size_t taken = length < REQUEST_LIMIT - before ? length : REQUEST_LIMIT - before;
    if (before) memcpy(request, connection->kept, before);
    memcpy(request + before, bytes, taken);
    free(connection->kept);
    connection->kept = NULL;
    connection->kept_length = 0;
    char *blank = memmem(request, before + taken, "\r\n\r\n", 4);
    if (!blank) {
        if (before + taken == REQUEST_LIMIT || !(connection->kept = malloc(before + taken))) return false;
        memcpy(connection->kept, request, before + taken);
        connection->kept_length = (uint32_t)(before + taken);
        return true;
    }
    blank[4] = 0;
    // Earlier reads had no end of the request, so any frames after it are at the end of these bytes.
    size_t rest = before + length - ((size_t)(blank - request) + 4);
    char answer[256];
    if (strncmp(request, "GET ", 4) != 0 || !key_of(request, key)) {
        static const char bad[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        put(descriptor, connection, (const uint8_t *)bad, sizeof bad - 1);
        return false;
    }
    uint8_t digest[SHA_DIGEST_LENGTH];
    unsigned char accept[32];
    char text[64];
    int text_length = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    SHA1((const uint8_t *)text, (size_t)text_length, digest);
    EVP_EncodeBlock(accept, digest, sizeof digest);
    int answer_length = snprintf(
        answer, sizeof answer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: %s\r\n\r\n",
        (const char *)accept);
    connection->phase = OPEN;
    opened++;
    opening_ended = now_nanoseconds();
    // The socket's buffer is empty, so if it does not take the whole answer, the connection is dead.
    if (put(descriptor, connection, (const uint8_t *)answer, (size_t)answer_length) != answer_length) return false;
    return rest == 0 || echo(descriptor, connection, bytes + length - rest, rest);
}

// Reads into `buffer` and returns the number of bytes; 0 if nothing is there; -1 at the end of the connection.
static ssize_t get(int descriptor, struct connection *connection) {
    uint8_t *into = buffer + HEADER_ROOM;
    if (!connection->ssl) {
        ssize_t count = recv(descriptor, into, BUFFER, 0);
        if (count > 0) return count;
        return count < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    }
    // A frame may be split into records. Read all that are here, to answer it in one piece.
    size_t filled = 0;
    do {
        int count = SSL_read(connection->ssl, into + filled, (int)(BUFFER - filled));
        if (count > 0) {
            filled += (size_t)count;
            continue;
        }
        int error = SSL_get_error(connection->ssl, count);
        ERR_clear_error();
        if (filled > 0 || error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) break;
        return -1;
    } while (SSL_has_pending(connection->ssl) && filled < BUFFER);
    return (ssize_t)filled;
}

// Returns false if the connection is dead.
static bool read_ready(int descriptor, struct connection *connection) {
    if (connection->phase == TLS_HANDSHAKE) {
        int result = SSL_do_handshake(connection->ssl);
        if (result != 1) {
            int error = SSL_get_error(connection->ssl, result);
            ERR_clear_error();
            return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
        }
        connection->phase = REQUEST;
        if (!SSL_has_pending(connection->ssl)) return true;
    }
    do {
        ssize_t count = get(descriptor, connection);
        if (count < 0) return false;
        if (count == 0) return true;
        uint8_t *bytes = buffer + HEADER_ROOM;
        bool alive = connection->phase == REQUEST ? upgrade(descriptor, connection, bytes, (size_t)count)
                                                  : echo(descriptor, connection, bytes, (size_t)count);
        if (!alive) return false;
        // epoll does not report what OpenSSL has read ahead.
    } while (connection->ssl && !connection->waits_to_write && SSL_has_pending(connection->ssl));
    return true;
}

static bool write_ready(int descriptor, struct connection *connection) {
    while (connection->kept_length > 0) {
        ssize_t written =
            put(descriptor, connection, connection->kept + connection->kept_start, connection->kept_length);
        if (written < 0) return false;
        if (written == 0) return true;
        connection->kept_start += (uint32_t)written;
        connection->kept_length -= (uint32_t)written;
    }
    free(connection->kept);
    connection->kept = NULL;
    connection->waits_to_write = 0;
    if (connection->phase == CLOSING) return false;
    watch(descriptor, EPOLLIN, EPOLL_CTL_MOD);
    return !connection->ssl || read_ready(descriptor, connection);
}

static void accept_some(void) {
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor < 0) {
            if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
            if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) end_of("accept");
            // There is no free descriptor. The connection waits in the backlog until another one ends.
            refused++;
            listener_paused = open_now > 0;
            if (!listener_paused) end_of("accept");
            watch(listener, 0, EPOLL_CTL_MOD);
            return;
        }
        if (descriptor >= connection_limit) end(1, "descriptor %d is over the limit %ld", descriptor, connection_limit);
        set_no_delay(descriptor);
        struct connection *connection = &connections[descriptor];
        connection->phase = REQUEST;
        accepted++;
        if (open_now == 0) {
            opening_began = now_nanoseconds();
            opened = 0;
        }
        if (++open_now > open_most) open_most = open_now;
        watch(descriptor, EPOLLIN, EPOLL_CTL_ADD);
        if (context) {
            connection->phase = TLS_HANDSHAKE;
            connection->ssl = SSL_new(context);
            if (!connection->ssl || SSL_set_fd(connection->ssl, descriptor) != 1) {
                drop(descriptor);
                continue;
            }
            SSL_set_accept_state(connection->ssl);
        }
    }
}

static SSL_CTX *tls_context(const char *certificate, const char *key) {
    SSL_CTX *made = SSL_CTX_new(TLS_server_method());
    if (!made) end_tls("TLS");
    SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(made, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_num_tickets(made, 0);
    SSL_CTX_set_read_ahead(made, 1);
    if (SSL_CTX_use_certificate_chain_file(made, certificate) != 1) end_tls(certificate);
    if (SSL_CTX_use_PrivateKey_file(made, key, SSL_FILETYPE_PEM) != 1) end_tls(key);
    return made;
}

static int listen_on(struct sockaddr_in address, int backlog, bool reuse_port) {
    int one = 1;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) end_of("socket");
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (reuse_port && setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0) end_of("SO_REUSEPORT");
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0) end_of("bind");
    if (listen(descriptor, backlog) != 0) end_of("listen");
    return descriptor;
}

static void print_counts(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf(
        "{\"accepted\": %llu, \"open\": %ld, \"open_most\": %ld, \"out_of_descriptors\": %llu, \"opened\": %llu, "
        "\"opening_seconds\": %.6f, \"messages\": %llu, \"payload_bytes\": %llu, \"rss_peak_kib\": %ld, "
        "\"user_seconds\": %.6f, \"system_seconds\": %.6f}\n",
        (unsigned long long)accepted, open_now, open_most, (unsigned long long)refused, (unsigned long long)opened,
        opening_ended > opening_began ? (double)(opening_ended - opening_began) / 1e9 : 0, (unsigned long long)messages,
        (unsigned long long)payload_bytes, status_kib("VmHWM:"), seconds_of(used.ru_utime), seconds_of(used.ru_stime));
    fflush(stdout);
}

static const char usage[] =
    "usage: server [--address 127.0.0.1] [--port 0] [--backlog 4096] [--reuseport] [--cert PEM --key PEM]\n"
    "Echoes WebSocket messages. Prints its port, and serves until SIGTERM or SIGINT. Prints its counts when it ends,\n"
    "and on SIGUSR1.\n";

int main(int count, char **arguments) {
    program = "server";
    const char *address = "127.0.0.1", *certificate = NULL, *key = NULL;
    long port = 0, backlog = 4096;
    int reuse_port = 0, option;
    const struct option options[] = {
        {"address", 1, 0, 'a'}, {"port", 1, 0, 'p'}, {"backlog", 1, 0, 'b'}, {"reuseport", 0, &reuse_port, 1},
        {"cert", 1, 0, 'c'},    {"key", 1, 0, 'k'},  {"help", 0, 0, 'h'},    {0},
    };
    while ((option = getopt_long(count, arguments, "", options, NULL)) != -1) {
        switch (option) {
        case 0: break;
        case 'a': address = optarg; break;
        case 'p': port = whole("port", optarg, 0, 65535); break;
        case 'b': backlog = whole("backlog", optarg, 1, 1 << 20); break;
        case 'c': certificate = optarg; break;
        case 'k': key = optarg; break;
        case 'h': fputs(usage, stdout); return 0;
        default: fputs(usage, stderr); return 2;
        }
    }
    if (optind < count) end(2, "'%s': no such argument", arguments[optind]);
    if (!certificate != !key) end(2, "--cert and --key belong together");

    die_with_parent();
    signal(SIGPIPE, SIG_IGN);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int signals_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals_fd < 0) end_of("signalfd");

    connection_limit = raise_descriptor_limit();
    // The pages of unused entries are never touched, so they take no memory.
    connections = calloc((size_t)connection_limit, sizeof *connections);
    if (!connections) end(1, "out of memory");
    if (certificate) context = tls_context(certificate, key);
    struct sockaddr_in bound = address_of(address, port);
    listener = listen_on(bound, (int)backlog, reuse_port);
    socklen_t size = sizeof bound;
    if (getsockname(listener, (struct sockaddr *)&bound, &size) != 0) end_of("getsockname");
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) end_of("epoll_create1");
    watch(listener, EPOLLIN, EPOLL_CTL_ADD);
    watch(signals_fd, EPOLLIN, EPOLL_CTL_ADD);
    printf("%d\n", ntohs(bound.sin_port));
    fflush(stdout);

    static struct epoll_event events[EVENTS];
    for (bool serving = true; serving;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR) end_of("epoll_wait");
        for (int i = 0; i < ready; i++) {
            int descriptor = events[i].data.fd;
            if (descriptor == listener) {
                accept_some();
            } else if (descriptor == signals_fd) {
                struct signalfd_siginfo signal;
                if (read(signals_fd, &signal, sizeof signal) != sizeof signal) continue;
                serving = signal.ssi_signo == SIGUSR1;
                if (serving) print_counts();
            } else {
                struct connection *connection = &connections[descriptor];
                if (connection->phase == CLOSED) continue;
                bool alive = connection->waits_to_write ? write_ready(descriptor, connection)
                                                        : read_ready(descriptor, connection);
                if (!alive) drop(descriptor);
            }
        }
    }
    print_counts();
    return 0;
}
