"""Shared by the endurance scripts: processes that end with their parent, and memory figures from /proc."""

import ctypes
import os
import re
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
PAGE = os.sysconf("SC_PAGE_SIZE")
_libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """Ends a script early, with `status` as its exit status."""

    def __init__(self, text, status):
        super().__init__(text)
        self.status = status


def read(path, default=""):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return default


def numbers(path):
    return [int(word) for word in read(path).split() if word.lstrip("-").isdigit()]


def number(path, default=None):
    found = numbers(path)
    return found[0] if found else default


def meminfo():
    """Bytes by name."""
    return {name: int(value) * 1024 for name, value in re.findall(r"^(\w+)(?:\(\w+\))?: +(\d+)", read("/proc/meminfo"), re.M)}


def tcp_sockets():
    """(sockets in use, in TIME_WAIT, pages of buffers), TCP over IPv4."""
    found = re.search(r"^TCP: inuse (\d+) orphan \d+ tw (\d+) alloc \d+ mem (\d+)", read("/proc/net/sockstat"), re.M)
    return tuple(int(value) for value in found.groups()) if found else (0, 0, 0)


def kernel_memory():
    """Bytes of the kernel's own memory: slabs (sockets, files, epoll), page tables, stacks, socket buffers."""
    info = meminfo()
    return sum(info.get(name, 0) for name in ("Slab", "PageTables", "KernelStack", "Percpu")) + tcp_sockets()[2] * PAGE


def resident(pid):
    """Resident bytes: (now, peak, now without file-backed pages), or None if the process is gone."""
    found = dict(re.findall(r"^(VmRSS|VmHWM|RssAnon):\s+(\d+)", read(f"/proc/{pid}/status"), re.M))
    return tuple(int(found[name]) * 1024 for name in ("VmRSS", "VmHWM", "RssAnon")) if len(found) == 3 else None


def _stat(pid):
    """Name, parent and start time of a process, or None."""
    line = read(f"/proc/{pid}/stat")
    end = line.rfind(")")
    if end < 0:
        return None
    rest = line[end + 2 :].split()
    return None if rest[0] == "Z" else (line[line.find("(") + 1 : end], int(rest[1]), int(rest[19]))


def processor_time(pid):
    """Seconds of processor time, user and system, or None if it is gone."""
    line = read(f"/proc/{pid}/stat")
    fields = line[line.rfind(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if len(fields) > 12 else None


def descendants(root):
    """Living processes below `root`: {pid: (name, start time)}."""
    below, known = {}, {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            found = _stat(entry)
            if found:
                known[int(entry)] = found
                below.setdefault(found[1], []).append(int(entry))
    result, waiting = {}, [root]
    while waiting:
        for pid in below.get(waiting.pop(), []):
            result[pid] = (known[pid][0], known[pid][2])
            waiting.append(pid)
    return result


class Processes:
    """The processes of a script. They end with the script. If memory is short, the kernel kills them first."""

    def __init__(self):
        self.started = []
        self.seen = {}

    def start(self, arguments, **options):
        def prepare():
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write("900")

        # A new session, so that Ctrl-C reaches only the script, which then ends the processes gracefully.
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=prepare, **options
        )
        self.started.append(process)
        return process

    def below(self, process):
        """The living descendants of one of them, {pid: name}. Remembers them for `end`."""
        found = descendants(process.pid)
        for pid, (name, began) in found.items():
            self.seen[pid] = began
        return {pid: name for pid, (name, began) in found.items()}

    def end(self, patience=10):
        """Ends all processes, and kills those that are left after `patience` seconds."""
        for process in self.started:
            if process.poll() is None:
                self.below(process)
                process.terminate()
        self._wait(patience)
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
        for pid in self._left():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def _left(self):
        # The start time tells our process from a later one with the same number.
        return [pid for pid, began in self.seen.items() if (_stat(pid) or (0, 0, None))[2] == began]

    def _wait(self, patience):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if all(process.poll() is not None for process in self.started) and not self._left():
                return
            time.sleep(0.05)


def grouped(value):
    return f"{value:,.0f}"


def mebibytes(value):
    return f"{value / (1 << 20):,.1f} MiB"


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
