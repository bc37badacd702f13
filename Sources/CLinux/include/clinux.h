// The Linux calls that Swift's Glibc module lacks, or whose C macros it cannot import. Everything is inlined. Calls
// that are made for every message go directly to the kernel, because glibc's wrappers are cancellation points: in a
// process with threads, switching cancellation on and off around each call costs as much as the engine's own work on a
// message. Besides, each function around a system call ends with a return that the processor cannot predict.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/// A system call with six arguments, without a function call. Returns what the kernel does: a result, or -errno.
static inline long clinux_call(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#else
    long result = syscall(number, a, b, c, d, e, f);
    return result < 0 ? -errno : result;
#endif
}

/// Nanoseconds of CLOCK_MONOTONIC.
static inline uint64_t clinux_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/// Processor time of the calling thread, nanoseconds.
static inline uint64_t clinux_thread_time(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/// Whether the system has refused epoll_pwait2, for the whole process.
extern bool clinux_waits_are_coarse;

/// Records that epoll_pwait2 was refused with this errno, and says so on stderr, once per process.
void clinux_refuse_precise_waits(int error);

/// Nanoseconds as epoll_wait's milliseconds. Rounded up, so that a wait never ends early and then repeats in a busy
/// loop. An hour at most; negative means no limit.
static inline int clinux_milliseconds(int64_t nanoseconds) {
    if (nanoseconds < 0) return -1;
    int64_t milliseconds = nanoseconds / 1000000 + (nanoseconds % 1000000 != 0);
    return milliseconds > 3600000 ? 3600000 : (int)milliseconds;
}

/// epoll_pwait2 with its timeout in nanoseconds (negative: none), or epoll_wait if the kernel is older than 5.11
/// (ENOSYS) or a container's seccomp profile refuses it (EPERM or ENOSYS). Returns the number of events or -errno.
static inline int clinux_epoll_wait(int epoll, struct epoll_event *events, int capacity, int64_t timeout) {
    int count;
    if (!__atomic_load_n(&clinux_waits_are_coarse, __ATOMIC_RELAXED)) {
        struct timespec time = {timeout / 1000000000, timeout % 1000000000};
        long limit = timeout < 0 ? 0 : (long)&time;
        count = (int)clinux_call(SYS_epoll_pwait2, epoll, (long)events, capacity, limit, 0, 0);
        if (count != -ENOSYS && count != -EPERM) return count;
        clinux_refuse_precise_waits(-count);
    }
    count = epoll_wait(epoll, events, capacity, clinux_milliseconds(timeout));
    return count < 0 ? -errno : count;
}

/// Adds, changes or removes a descriptor. Returns 0 or errno.
static inline int clinux_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t data) {
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = events;
    event.data.u64 = data;
    return epoll_ctl(epoll, operation, descriptor, &event) == 0 ? 0 : errno;
}

static inline uint32_t clinux_event_flags(const struct epoll_event *event) { return event->events; }
static inline uint64_t clinux_event_data(const struct epoll_event *event) { return event->data.u64; }

/// A non-blocking TCP socket without Nagle's delay. Returns the descriptor or -errno.
static inline int clinux_tcp_socket(int family) {
    int descriptor = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (descriptor < 0) return -errno;
    int one = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return descriptor;
}

/// Binds to an address without a port. connect then chooses a port that is free for the whole four-tuple
/// (IP_BIND_ADDRESS_NO_PORT, ip(7)). Returns 0 or errno.
static inline int clinux_bind_address(int descriptor, const struct sockaddr_storage *address, socklen_t length) {
    int one = 1;
    if (setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one) != 0) return errno;
    return bind(descriptor, (const struct sockaddr *)address, length) == 0 ? 0 : errno;
}

/// Returns 0 or errno.
static inline int clinux_congestion_control(int descriptor, const char *name) {
    return setsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) == 0 ? 0 : errno;
}

/// Lets two paths change places in one step (RENAME_EXCHANGE). Returns 0 or errno: EINVAL if the file system cannot.
static inline int clinux_exchange(const char *one, const char *other) {
    return syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 1U << 1) == 0 ? 0 : errno;
}

/// Returns 0, EINPROGRESS or another errno.
static inline int clinux_connect(int descriptor, const struct sockaddr_storage *address, socklen_t length) {
    return connect(descriptor, (const struct sockaddr *)address, length) == 0 ? 0 : errno;
}

/// The pending error of a socket (SO_ERROR), or errno if that cannot be read.
static inline int clinux_socket_error(int descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

/// Returns the bytes received, 0 at the end of the stream, or -errno.
static inline ssize_t clinux_receive(int descriptor, void *bytes, size_t capacity) {
    return clinux_call(SYS_recvfrom, descriptor, (long)bytes, (long)capacity, 0, 0, 0);
}

/// Returns the bytes taken or -errno; never raises SIGPIPE.
static inline ssize_t clinux_send(int descriptor, const void *bytes, size_t count) {
    return clinux_call(SYS_sendto, descriptor, (long)bytes, (long)count, MSG_NOSIGNAL, 0, 0);
}

/// How many more bytes, including the kernel's bookkeeping, a socket takes before a write blocks; 0 if the kernel does
/// not say.
static inline ssize_t clinux_send_room(int descriptor) {
    uint32_t memory[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof memory;
    if (getsockopt(descriptor, SOL_SOCKET, SO_MEMINFO, memory, &length) != 0) return 0;
    ssize_t room = (ssize_t)memory[SK_MEMINFO_SNDBUF] - (ssize_t)memory[SK_MEMINFO_WMEM_QUEUED];
    return room > 0 ? room : 0;
}

/// Makes the next close send a reset, so that an aborted connection leaves no state behind.
static inline void clinux_reset_on_close(int descriptor) {
    struct linger now = {1, 0};
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/// Makes timers of this thread fire when they are due, not up to 50 µs later (the kernel's default slack).
static inline void clinux_precise_timers(void) { prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); }

/// Names the calling thread; the name is cut to 15 bytes.
static inline void clinux_name_thread(const char *name) { prctl(PR_SET_NAME, (unsigned long)name, 0, 0, 0); }

/// Sends up to 64 descriptors over a local socket, with one byte. Returns 0 or an error number.
int clinux_send_descriptors(int socket, const int *descriptors, int count);

/// Receives up to 64 descriptors that were sent together, without waiting. Returns their number, or -errno.
int clinux_receive_descriptors(int socket, int *descriptors, int count);

/// Makes a private file without a name in a folder. Returns its descriptor, or -1 with `errno`.
int clinux_unnamed_file(const char *folder);

/// Reserves room for a file, as far as its file system can. Returns 0, or ENOSPC if there is too little.
int clinux_reserve(int descriptor, int64_t size);
