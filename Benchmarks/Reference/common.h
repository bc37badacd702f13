// Shared by server.c and client.c: parsing numeric options, exiting with an error, and resource usage.
#ifndef WSPERF_REFERENCE_COMMON_H
#define WSPERF_REFERENCE_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char *program;

// Exit status 2: wrong usage; 1: anything else.
__attribute__((noreturn, format(printf, 2, 3))) static void end(int status, const char *format, ...) {
    va_list arguments;
    fprintf(stderr, "%s: ", program);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(status);
}

__attribute__((noreturn)) static void end_of(const char *what) { end(1, "%s: %s", what, strerror(errno)); }

__attribute__((noreturn)) static void end_tls(const char *what) {
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    end(1, "%s: %s", what, text);
}

static double number(const char *option, const char *text, double minimum, double maximum) {
    char *rest;
    errno = 0;
    double value = strtod(text, &rest);
    if (errno || rest == text || *rest || !(value >= minimum && value <= maximum))
        end(2, "--%s: '%s' is not a number from %.0f to %.0f", option, text, minimum, maximum);
    return value;
}

static long whole(const char *option, const char *text, long minimum, long maximum) {
    double value = number(option, text, (double)minimum, (double)maximum);
    if (value != (double)(long)value) end(2, "--%s: '%s' is not a whole number", option, text);
    return (long)value;
}

// Lets the process end when its parent ends.
static void die_with_parent(void) {
    pid_t parent = getppid();
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) end_of("prctl");
    if (getppid() != parent) exit(1);
}

// Raises the descriptor limit to the hard limit, and returns it, at most 2^20.
static long raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) end_of("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) end_of("setrlimit");
    return limit.rlim_max > 1 << 20 ? 1 << 20 : (long)limit.rlim_max;
}

static inline double seconds_of(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec / 1e6; }

static inline uint64_t now_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// A field of /proc/self/status in KiB, such as "VmRSS:"; 0 if it does not exist.
static long status_kib(const char *field) {
    char line[256];
    long value = 0;
    FILE *file = fopen("/proc/self/status", "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, field, strlen(field)) == 0) {
            value = strtol(line + strlen(field), NULL, 10);
            break;
        }
    fclose(file);
    return value;
}

static inline int set_no_delay(int descriptor) {
    int one = 1;
    return setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static inline struct sockaddr_in address_of(const char *text, long port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1) end(2, "--address: '%s' is not an IPv4 address", text);
    return address;
}

#endif
