#define _GNU_SOURCE
#include "clinux.h"
#include <stdio.h>
#include <stdlib.h>

bool clinux_waits_are_coarse = false;

void clinux_refuse_precise_waits(int error) {
    // Several loops may discover this at the same time.
    if (__atomic_exchange_n(&clinux_waits_are_coarse, true, __ATOMIC_RELAXED)) return;
    dprintf(STDERR_FILENO,
            "wsperf: this system refuses epoll_pwait2 (%s): waits are rounded up to whole milliseconds, so messages may be "
            "sent up to 1 ms late\n",
            strerror(error));
}

enum { most_descriptors = 64 };

int clinux_send_descriptors(int socket, const int *descriptors, int count) {
    if (count < 0 || count > most_descriptors) return EINVAL;
    if (count == 0) return 0;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(most_descriptors * sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    char byte = 'f';
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control};
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? errno : 0;
}

int clinux_receive_descriptors(int socket, int *descriptors, int count) {
    if (count < 0 || count > most_descriptors) return -EINVAL;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(most_descriptors * sizeof(int))];
    } control;
    char byte;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control};
    message.msg_controllen = sizeof control;
    ssize_t received;
    do received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (received < 0 && errno == EINTR);
    if (received < 0) return -errno;
    int taken = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        int arrived = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (int index = 0; index < arrived; index++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(header) + index * sizeof(int), sizeof(int));
            // More than were announced are not kept.
            if (taken < count) descriptors[taken++] = descriptor;
            else close(descriptor);
        }
    }
    return taken;
}

int clinux_unnamed_file(const char *folder) {
    int descriptor = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return descriptor;
    // Some file systems only have files with names.
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/wsperf-XXXXXX", folder);
    if (length < 0 || length >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    descriptor = mkostemp(path, O_CLOEXEC);
    if (descriptor >= 0) unlink(path);
    return descriptor;
}

int clinux_reserve(int descriptor, int64_t size) {
    return size > 0 && fallocate(descriptor, 0, 0, size) != 0 && errno == ENOSPC ? ENOSPC : 0;
}
