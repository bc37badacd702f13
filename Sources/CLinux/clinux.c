#include "clinux.h"
#include <stdio.h>

bool clinux_waits_are_coarse = false;

void clinux_refuse_precise_waits(int error) {
    // Several loops may discover this at the same time.
    if (__atomic_exchange_n(&clinux_waits_are_coarse, true, __ATOMIC_RELAXED)) return;
    dprintf(STDERR_FILENO,
            "wsperf: this system refuses epoll_pwait2 (%s): waits are rounded up to whole milliseconds, so messages may be "
            "sent up to 1 ms late\n",
            strerror(error));
}
