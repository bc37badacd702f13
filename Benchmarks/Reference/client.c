// The reference client for comparison with the engine. It does the least that any WebSocket client must do: one thread,
// one epoll, and one frame that was built and masked beforehand. It times no messages, keeps no deadlines, and only
// counts the bytes that it receives.
//
// Prints one line of JSON. Messages and processor time are those of one window, which begins when all connections are
// open and the warm-up is over.
#include "common.h"

#include <sys/timerfd.h>

enum { BUFFER = 512 * 1024, EVENTS = 1024, TIMER = -1 };
enum mode { CLOSED_LOOP, PACED, OPENING, IDLE };
enum phase { CONNECTING, TLS_HANDSHAKE, UPGRADING, OPEN };

struct connection {
    SSL *ssl;
    int descriptor;
    // Until it is open: how much of the blank line after the response head has arrived. Then: bytes of the reply so
    // far.
    uint32_t got;
    // Bytes of the frame or request that the socket has not taken yet.
    uint32_t unsent;
    uint8_t phase;
    uint8_t waits_to_write;
};

static enum mode mode;
static long count = 200, length = 20, at_once = 64;
static double seconds = 3, warm_up = 1, interval = 1, tick = 0.001, opening_limit = 60;
static struct sockaddr_in server;
static SSL_CTX *context;
static const char *server_name = "localhost";

static struct connection *connections;
static int poller, timer;
static long started, open_count;
static uint8_t *frame;
static uint32_t frame_length, reply_length;
static char request[512];
static uint32_t request_length;
static uint8_t buffer[BUFFER];

static uint64_t opening_began, opening_ended, window_began, pacing_began;
static struct rusage opening_usage, opened_usage, window_usage;
static uint64_t sent, received, received_before;
static bool in_window, over;
static double rss_before;

static void watch(struct connection *connection, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data.fd = (int)(connection - connections)};
    if (epoll_ctl(poller, operation, connection->descriptor, &event) != 0) end_of("epoll_ctl");
}

// Resident memory, bytes, counted page by page (VmRSS may lag behind).
static double resident_bytes(void) {
    char line[256];
    long kib = -1;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Rss: %ld", &kib) == 1) break;
    if (file) fclose(file);
    return 1024.0 * (double)(kib >= 0 ? kib : status_kib("VmRSS:"));
}

// MARK: - Bytes

static void failed(struct connection *connection, const char *what) {
    end(1, "connection %ld of %ld: %s", (long)(connection - connections), count, what);
}

// Writes the last `connection->unsent` bytes of `bytes`.
static void put(struct connection *connection, const uint8_t *bytes, uint32_t total) {
    while (connection->unsent > 0) {
        const uint8_t *from = bytes + (total - connection->unsent);
        ssize_t written;
        if (connection->ssl) {
            written = SSL_write(connection->ssl, from, (int)connection->unsent);
            if (written <= 0) {
                int error = SSL_get_error(connection->ssl, (int)written);
                if (error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ) failed(connection, "writing failed");
                written = 0;
            }
        } else {
            written = send(connection->descriptor, from, connection->unsent, MSG_NOSIGNAL);
            if (written < 0) {
                if (errno != EAGAIN && errno != EINTR) failed(connection, strerror(errno));
                written = 0;
            }
        }
        connection->unsent -= (uint32_t)written;
        if (written == 0) {
            if (!connection->waits_to_write) watch(connection, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            connection->waits_to_write = 1;
            return;
        }
    }
    if (connection->waits_to_write) {
        connection->waits_to_write = 0;
        watch(connection, EPOLLIN, EPOLL_CTL_MOD);
    }
}

static void send_message(struct connection *connection) {
    connection->unsent = frame_length;
    put(connection, frame, frame_length);
}

// Reads into `buffer` and returns the number of bytes; 0 if nothing is there.
static size_t get(struct connection *connection) {
    if (!connection->ssl) {
        ssize_t taken = recv(connection->descriptor, buffer, BUFFER, 0);
        if (taken > 0) return (size_t)taken;
        if (taken == 0) failed(connection, "closed by the server");
        if (errno != EAGAIN && errno != EINTR) failed(connection, strerror(errno));
        return 0;
    }
    int taken = SSL_read(connection->ssl, buffer, BUFFER);
    if (taken > 0) return (size_t)taken;
    int error = SSL_get_error(connection->ssl, taken);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) failed(connection, "ended by the server");
    return 0;
}

// MARK: - Opening

static void start(struct connection *connection) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) end_of("socket");
    set_no_delay(descriptor);
    // Close with a reset, so that no state is left on either side.
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (connect(descriptor, (struct sockaddr *)&server, sizeof server) != 0 && errno != EINPROGRESS) end_of("connect");
    connection->descriptor = descriptor;
    watch(connection, EPOLLOUT, EPOLL_CTL_ADD);
}

static void set_timer(double first, double every) {
    struct itimerspec times = {
        .it_value = {(time_t)first, (long)((first - (double)(time_t)first) * 1e9)},
        .it_interval = {(time_t)every, (long)((every - (double)(time_t)every) * 1e9)},
    };
    if (first <= 0) times.it_value.tv_nsec = 1;
    if (timerfd_settime(timer, 0, &times, NULL) != 0) end_of("timerfd_settime");
}

static void all_are_open(void) {
    opening_ended = now_nanoseconds();
    getrusage(RUSAGE_SELF, &opened_usage);
    switch (mode) {
    case CLOSED_LOOP:
        for (long i = 0; i < count; i++) send_message(&connections[i]);
        set_timer(warm_up, seconds);
        break;
    case PACED:
        pacing_began = opening_ended;
        set_timer(tick, tick);
        break;
    case OPENING:
    case IDLE: over = true; break;
    }
}

static void has_opened(struct connection *connection) {
    connection->phase = OPEN;
    connection->got = 0;
    open_count++;
    if (started < count) start(&connections[started++]);
    if (open_count == count) all_are_open();
}

static void ask(struct connection *connection) {
    connection->phase = UPGRADING;
    connection->unsent = request_length;
    put(connection, (const uint8_t *)request, request_length);
}

static void shake_hands(struct connection *connection) {
    int result = SSL_do_handshake(connection->ssl);
    if (result == 1) return ask(connection);
    int error = SSL_get_error(connection->ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) end_tls("TLS handshake");
}

static void connected(struct connection *connection) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(connection->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) failed(connection, strerror(error));
    watch(connection, EPOLLIN, EPOLL_CTL_MOD);
    if (!context) return ask(connection);
    connection->ssl = SSL_new(context);
    if (!connection->ssl || SSL_set_fd(connection->ssl, connection->descriptor) != 1) end_tls("SSL_new");
    SSL_set_tlsext_host_name(connection->ssl, server_name);
    SSL_set1_host(connection->ssl, server_name);
    SSL_set_connect_state(connection->ssl);
    connection->phase = TLS_HANDSHAKE;
    shake_hands(connection);
}

static void answered(struct connection *connection, size_t taken) {
    static const char expected[] = "HTTP/1.1 101";
    if (connection->got == 0 && (taken < sizeof expected - 1 || memcmp(buffer, expected, sizeof expected - 1) != 0))
        failed(connection, "the upgrade was refused");
    // Two reads may split the blank line. `got` is the number of its bytes that have arrived, plus one.
    uint32_t matched = connection->got ? connection->got - 1 : 0;
    for (size_t i = 0; i < taken && matched < 4; i++) {
        matched = buffer[i] == "\r\n\r\n"[matched] ? matched + 1 : buffer[i] == '\r';
    }
    connection->got = matched + 1;
    if (matched == 4) has_opened(connection);
}

// MARK: - Messages

static void ready(struct connection *connection, uint32_t events) {
    switch (connection->phase) {
    case CONNECTING: connected(connection); return;
    case TLS_HANDSHAKE: shake_hands(connection); return;
    default: break;
    }
    if (events & EPOLLOUT && connection->waits_to_write) {
        if (connection->phase == UPGRADING) put(connection, (const uint8_t *)request, request_length);
        else put(connection, frame, frame_length);
    }
    if (!(events & ~(uint32_t)EPOLLOUT)) return;
    do {
        size_t taken = get(connection);
        if (taken == 0) return;
        if (connection->phase == UPGRADING) {
            answered(connection, taken);
        } else {
            connection->got += (uint32_t)taken;
            while (connection->got >= reply_length) {
                connection->got -= reply_length;
                received++;
                if (mode == CLOSED_LOOP) send_message(connection);
            }
        }
        // epoll does not report what OpenSSL has read ahead.
    } while (connection->ssl && SSL_has_pending(connection->ssl));
}

static void edge_of_window(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    uint64_t now = now_nanoseconds();
    if (!in_window) {
        in_window = true;
        window_began = now;
        window_usage = usage;
        received_before = received;
        return;
    }
    over = true;
    double elapsed = (double)(now - window_began) / 1e9, messages = (double)(received - received_before);
    double user = seconds_of(usage.ru_utime) - seconds_of(window_usage.ru_utime);
    double system = seconds_of(usage.ru_stime) - seconds_of(window_usage.ru_stime);
    printf(
        "{\"client\": \"reference\", \"mode\": \"%s\", \"tls\": %s, \"connections\": %ld, \"length\": %ld, "
        "\"seconds\": %.6f, \"messages\": %.0f, \"user_seconds\": %.6f, \"system_seconds\": %.6f, "
        "\"messages_per_second\": %.1f, \"cpu_us_per_message\": %.4f}\n",
        mode == PACED ? "paced" : "closed", context ? "true" : "false", count, length, elapsed, messages, user, system,
        messages / elapsed, messages > 0 ? (user + system) * 1e6 / messages : 0);
}

static void timer_fired(void) {
    uint64_t times;
    if (read(timer, &times, sizeof times) < 0) return;
    if (mode == CLOSED_LOOP) return edge_of_window();
    // Paced: at each tick, sends what is due by now of an even stream over all connections in turn.
    double elapsed = (double)(now_nanoseconds() - pacing_began) / 1e9;
    if (elapsed >= (in_window ? warm_up + seconds : warm_up)) edge_of_window();
    uint64_t due = (uint64_t)(elapsed * (double)count / interval);
    while (sent < due) {
        struct connection *connection = &connections[sent++ % (uint64_t)count];
        if (connection->unsent == 0) send_message(connection);
    }
}

// MARK: - Running

static void build_frame(void) {
    static const uint8_t mask[4] = {0x9c, 0x41, 0x7e, 0x23};
    frame = malloc((size_t)length + 14);
    if (!frame) end(1, "out of memory");
    uint32_t size = 0;
    frame[size++] = 0x81;
    if (length < 126) {
        frame[size++] = (uint8_t)(0x80 | length);
    } else {
        int extra = length < 65536 ? 2 : 8;
        frame[size++] = (uint8_t)(0x80 | (extra == 2 ? 126 : 127));
        for (int i = extra - 1; i >= 0; i--) frame[size++] = (uint8_t)((uint64_t)length >> (8 * i));
    }
    reply_length = size + (uint32_t)length;
    memcpy(frame + size, mask, 4);
    size += 4;
    for (long i = 0; i < length; i++) frame[size++] = 'x' ^ mask[i & 3];
    frame_length = size;
}

static void took_too_long(int signal) {
    (void)signal;
    static const char text[] = "client: the deadline passed\n";
    if (write(2, text, sizeof text - 1) < 0) _exit(1);
    _exit(1);
}

static const char usage[] =
    "usage: client closed|paced|open|idle --port PORT [--address 127.0.0.1] [--connections 200] [--length 20]\n"
    "              [--seconds 3] [--warm-up 1] [--interval 1] [--tick 0.001] [--at-once 64] [--deadline 60]\n"
    "              [--ca PEM [--server-name localhost]]\n"
    "closed: one message in flight on each connection. paced: a message every --interval seconds on each, sent at\n"
    "ticks of --tick seconds. open: opens as fast as it can, --at-once at a time. idle: opens, and reads its own\n"
    "memory. --ca: wss, trusting that authority. --deadline: seconds that opening may take.\n";

int main(int argument_count, char **arguments) {
    program = "client";
    const char *address = "127.0.0.1", *authority = NULL;
    long port = 0;
    int option;
    const struct option options[] = {
        {"address", 1, 0, 'a'}, {"port", 1, 0, 'p'},     {"connections", 1, 0, 'n'}, {"length", 1, 0, 'l'},
        {"seconds", 1, 0, 's'}, {"warm-up", 1, 0, 'w'},  {"interval", 1, 0, 'i'},    {"tick", 1, 0, 't'},
        {"at-once", 1, 0, 'k'}, {"deadline", 1, 0, 'd'}, {"ca", 1, 0, 'c'},          {"server-name", 1, 0, 'v'},
        {"help", 0, 0, 'h'},    {0},
    };
    while ((option = getopt_long(argument_count, arguments, "", options, NULL)) != -1) {
        switch (option) {
        case 'a': address = optarg; break;
        case 'p': port = whole("port", optarg, 1, 65535); break;
        case 'n': count = whole("connections", optarg, 1, 1000000); break;
        case 'l': length = whole("length", optarg, 0, 16 << 20); break;
        case 's': seconds = number("seconds", optarg, 0.01, 3600); break;
        case 'w': warm_up = number("warm-up", optarg, 0, 3600); break;
        case 'i': interval = number("interval", optarg, 0.001, 3600); break;
        case 't': tick = number("tick", optarg, 0.00001, 1); break;
        case 'k': at_once = whole("at-once", optarg, 1, 100000); break;
        case 'd': opening_limit = number("deadline", optarg, 1, 3600); break;
        case 'c': authority = optarg; break;
        case 'v': server_name = optarg; break;
        case 'h': fputs(usage, stdout); return 0;
        default: fputs(usage, stderr); return 2;
        }
    }
    static const char *const modes[] = {"closed", "paced", "open", "idle"};
    if (optind != argument_count - 1) end(2, "give one mode: closed, paced, open or idle");
    while (mode <= IDLE && strcmp(arguments[optind], modes[mode]) != 0) mode++;
    if (mode > IDLE) end(2, "'%s' is not a mode: closed, paced, open or idle", arguments[optind]);
    if (port == 0) end(2, "--port is missing");
    server = address_of(address, port);

    die_with_parent();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, took_too_long);
    alarm((unsigned)(opening_limit + (mode < OPENING ? warm_up + seconds + 10 : 0)) + 1);
    long limit = raise_descriptor_limit();
    if (count + 8 > limit) end(1, "%ld connections need more than the %ld descriptors of a process", count, limit);
    if (authority) {
        context = SSL_CTX_new(TLS_client_method());
        if (!context) end_tls("TLS");
        SSL_CTX_set_mode(
            context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_read_ahead(context, 1);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        if (SSL_CTX_load_verify_locations(context, authority, NULL) != 1) end_tls(authority);
    }
    build_frame();
    request_length = (uint32_t)snprintf(
        request, sizeof request,
        "GET / HTTP/1.1\r\nHost: %s:%ld\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        authority ? server_name : address, port);
    connections = calloc((size_t)count, sizeof *connections);
    poller = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (!connections || poller < 0 || timer < 0) end_of("setting up");
    struct epoll_event timed = {.events = EPOLLIN, .data.fd = TIMER};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, timer, &timed) != 0) end_of("epoll_ctl");
    // Read it once before, so that the first figure also includes the memory for reading and printing.
    resident_bytes();
    rss_before = resident_bytes();

    getrusage(RUSAGE_SELF, &opening_usage);
    opening_began = now_nanoseconds();
    while (started < count && started < at_once) start(&connections[started++]);
    static struct epoll_event events[EVENTS];
    while (!over) {
        int number_ready = epoll_wait(poller, events, EVENTS, -1);
        if (number_ready < 0 && errno != EINTR) end_of("epoll_wait");
        for (int i = 0; i < number_ready && !over; i++) {
            if (events[i].data.fd == TIMER) timer_fired();
            else ready(&connections[events[i].data.fd], events[i].events);
        }
    }
    if (mode >= OPENING) {
        double elapsed = (double)(opening_ended - opening_began) / 1e9, rss = resident_bytes();
        double user = seconds_of(opened_usage.ru_utime) - seconds_of(opening_usage.ru_utime);
        double system = seconds_of(opened_usage.ru_stime) - seconds_of(opening_usage.ru_stime);
        printf(
            "{\"client\": \"reference\", \"mode\": \"%s\", \"tls\": %s, \"connections\": %ld, \"seconds\": %.6f, "
            "\"user_seconds\": %.6f, \"system_seconds\": %.6f, \"upgrades_per_second\": %.1f, "
            "\"cpu_us_per_upgrade\": %.3f, \"rss_before\": %.0f, \"rss_after\": %.0f, "
            "\"rss_bytes_per_connection\": %.1f}\n",
            modes[mode], context ? "true" : "false", count, elapsed, user, system, (double)count / elapsed,
            (user + system) * 1e6 / (double)count, rss_before, rss, (rss - rss_before) / (double)count);
    }
    return 0;
}
