"""Counts the system calls of a running process between two moments, for Scripts/bench.

Counting slows every system call down, so it needs a separate run, whose times are not used.
"""

import ctypes
import os
import platform
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import time

TRACEPOINT = "events/raw_syscalls/sys_enter/id"
TRACING = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
# System call numbers: perf_event_open, and those that wait for sockets (epoll_wait, epoll_pwait, epoll_pwait2).
NUMBERS = {"x86_64": (298, (232, 281, 441)), "aarch64": (241, (22, 441)), "riscv64": (241, (22, 441))}
WAITS = {"epoll_wait", "epoll_pwait", "epoll_pwait2"}
PERF_TYPE_TRACEPOINT, PERF_FLAG_FD_CLOEXEC, PERF_EVENT_IOC_SET_FILTER = 2, 8, 0x40082406
INHERIT = 1 << 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    pass


class KernelCounter:
    """The kernel's own count, from its tracepoint raw_syscalls:sys_enter, as in `perf stat`."""

    name = "perf_event_open, raw_syscalls:sys_enter"

    def __init__(self, pid):
        self.all, self.waits = [], []
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                self.all.append(self._open(int(task)))
                self.waits.append(self._open(int(task)))
                wanted = " || ".join(f"id == {number}" for number in NUMBERS[platform.machine()][1])
                filter = ctypes.create_string_buffer(wanted.encode())
                if LIBC.ioctl(self.waits[-1], ctypes.c_ulong(PERF_EVENT_IOC_SET_FILTER), filter) != 0:
                    raise Unavailable(f"perf's filter: {os.strerror(ctypes.get_errno())}")
        except (OSError, Unavailable):
            self.close()
            raise

    @staticmethod
    def _open(task):
        identifier = None
        for directory in TRACING:
            try:
                with open(f"{directory}/{TRACEPOINT}") as file:
                    identifier = int(file.read())
                    break
            except OSError:
                pass
        if identifier is None or platform.machine() not in NUMBERS:
            raise Unavailable(f"perf: found no tracepoint for system calls in {TRACING[0]}")
        # The first version of struct perf_event_attr, with 64 bytes.
        attributes = struct.pack("IIQQQQQIIQ", PERF_TYPE_TRACEPOINT, 64, identifier, 0, 0, 0, INHERIT, 0, 0, 0)
        descriptor = LIBC.syscall(NUMBERS[platform.machine()][0], attributes, task, -1, -1, PERF_FLAG_FD_CLOEXEC)
        if descriptor < 0:
            raise Unavailable(f"perf_event_open: {os.strerror(ctypes.get_errno())}")
        return descriptor

    def read(self):
        """The counts so far: (all system calls, those that wait)."""
        return tuple(
            sum(struct.unpack("Q", os.read(descriptor, 8))[0] for descriptor in found) for found in (self.all, self.waits)
        )

    def close(self):
        for descriptor in self.all + self.waits:
            os.close(descriptor)
        self.all, self.waits = [], []


def _by_kernel(pid, seconds, messages):
    counter = KernelCounter(pid)
    try:
        edges = []
        for index in range(2):
            # The query takes a moment, so its answer belongs to the mean of the counts before and after.
            before = counter.read()
            count = messages()
            edges.append((count, *((first + second) / 2 for first, second in zip(before, counter.read()))))
            if index == 0:
                time.sleep(seconds)
        return tuple(after - before for before, after in zip(*edges))
    finally:
        counter.close()


def _by_strace(pid, seconds, messages):
    if not shutil.which("strace"):
        raise Unavailable("strace is not installed")
    with tempfile.NamedTemporaryFile("r") as table:
        tracer = subprocess.Popen(
            ["strace", "-f", "-c", "-U", "name,calls", "-o", table.name, "-p", str(pid)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # fmt: skip
        try:
            ready, _, _ = select.select([tracer.stderr], [], [], 10)
            line = tracer.stderr.readline() if ready else "it did not attach within 10 s"
            if "attached" not in line:
                raise Unavailable(line.strip())
            first = messages()
            time.sleep(seconds)
            count = messages() - first
            # On SIGINT, strace detaches from the process and writes its table.
            tracer.send_signal(signal.SIGINT)
            tracer.wait(10)
        except subprocess.TimeoutExpired:
            raise Unavailable("strace did not end within 10 s") from None
        finally:
            if tracer.poll() is None:
                tracer.kill()
                tracer.wait()
            tracer.stderr.close()
        calls = {name: int(number) for name, number in re.findall(r"^ *([a-z_0-9]+) +(\d+)$", table.read(), re.M)}
    calls.pop("total", None)
    if not calls:
        raise Unavailable("strace counted nothing")
    return count, sum(calls.values()), sum(number for name, number in calls.items() if name in WAITS)


def count(pid, seconds, messages):
    """System calls per message of a process: {"calls_per_message", "waits_per_message", "source"}.

    `messages` returns how many messages it has exchanged so far.
    Raises `Unavailable`, with the reasons, if no method works.
    """
    reasons = []
    for source, way in ((KernelCounter.name, _by_kernel), ("strace -c", _by_strace)):
        try:
            exchanged, calls, waits = way(pid, seconds, messages)
        except (Unavailable, OSError) as reason:
            reasons.append(str(reason))
            continue
        if exchanged <= 0:
            raise Unavailable("no message was exchanged")
        return {"calls_per_message": calls / exchanged, "waits_per_message": waits / exchanged, "source": source}
    raise Unavailable("; ".join(reasons))
