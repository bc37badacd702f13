"""Two network namespaces and a wire between them that can be cut, slowed down, and made to lose packets.

The wire is a process that passes packets between two TUN devices. It needs neither netem nor nftables, so it works on
kernels without them. The namespaces have no names: they end with the last process in them. The addresses are of
TEST-NET-1 and exist only inside the two namespaces.
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time

ADDRESSES = ("192.0.2.1", "192.0.2.2")

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000


class Unavailable(Exception):
    """This machine does not permit namespaces, and why."""


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def enter(namespace):
    """For a child between fork and exec."""
    if LIBC.setns(namespace, CLONE_NEWNET) != 0:
        os._exit(126)


def _side(channel, address):
    """Makes one namespace, passes on its TUN device, and keeps it until the other end closes."""
    die_with_parent()
    try:
        if LIBC.unshare(CLONE_NEWNET) != 0:
            raise Unavailable("no network namespaces: " + os.strerror(ctypes.get_errno()))
        try:
            tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"wire", IFF_TUN | IFF_NO_PI))
        except OSError as error:
            raise Unavailable(f"no TUN device: {error}") from None
        for command in (
            f"addr add {address}/24 dev wire",
            "link set lo up",
            "link set wire txqueuelen 1000 up",
        ):
            try:
                subprocess.run(["ip", *command.split()], check=True, capture_output=True, timeout=20)
            except FileNotFoundError:
                raise Unavailable("no iproute2") from None
            except subprocess.CalledProcessError as error:
                raise Unavailable("ip " + command + ": " + error.stderr.decode(errors="replace").strip()) from None
        socket.send_fds(channel, [b"+"], [tun])
        channel.recv(1)
    except Unavailable as error:
        channel.send(("-" + str(error)).encode())
    os._exit(0)


def _carry(tuns, control, rng):
    """The wire itself. Both directions have their own state; index 0 is from the first side to the second."""
    die_with_parent()
    passes, loss, delay = [True, True], [0.0, 0.0], [0.0, 0.0]
    queue, count, pending = [], 0, b""
    while True:
        now = time.monotonic()
        while queue and queue[0][0] <= now:
            _, _, out, packet = heapq.heappop(queue)
            try:
                os.write(out, packet)
            except OSError:
                pass  # The queue is full: the packet is lost.
        timeout = max(0.0, queue[0][0] - now) if queue else None
        readable, _, _ = select.select([*tuns, control], [], [], timeout)
        if control in readable:
            data = control.recv(4096)
            if not data:
                os._exit(0)
            pending += data
            while b"\n" in pending:
                line, pending = pending.split(b"\n", 1)
                which, what, value = line.decode().split()
                for way in {"both": (0, 1), "there": (0,), "back": (1,)}[which]:
                    if what == "pass":
                        passes[way] = value == "1"
                    elif what == "loss":
                        loss[way] = float(value)
                    else:
                        delay[way] = float(value)
                control.send(b".")
        for way, tun in enumerate(tuns):
            if tun not in readable:
                continue
            for _ in range(64):
                try:
                    packet = os.read(tun, 65536)
                except OSError:
                    break
                # Packets that are under way at a cut arrive, as on a real wire.
                if not passes[way] or rng.random() < loss[way]:
                    continue
                count += 1
                heapq.heappush(queue, (time.monotonic() + delay[way], count, tuns[1 - way], packet))


class Wire:
    """`namespaces[0]` and `[1]` are descriptors to enter; `there` is the direction from 0 to 1."""

    def __init__(self, seed=1):
        self._ends, self._children, tuns, self.namespaces = [], [], [], []
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            for address in ADDRESSES:
                ours, theirs = socket.socketpair()
                child = os.fork()
                if child == 0:
                    # Keeps only its own end, so that it notices when ours closes.
                    ours.close()
                    for end in self._ends:
                        end.close()
                    _side(theirs, address)
                theirs.close()
                self._children.append(child)
                self._ends.append(ours)
                ours.settimeout(60)
                message, descriptors, _, _ = socket.recv_fds(ours, 4096, 1)
                if message != b"+":
                    raise Unavailable(message.decode(errors="replace")[1:] or "the namespace's process died")
                tuns += descriptors
                self.namespaces.append(os.open(f"/proc/{child}/ns/net", os.O_RDONLY | os.O_CLOEXEC))
            self._control, theirs = socket.socketpair()
            child = os.fork()
            if child == 0:
                self._control.close()
                for end in self._ends:
                    end.close()
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                _carry(tuns, theirs, random.Random(seed))
            theirs.close()
            self._children.append(child)
            self._ends.append(self._control)
            self._control.settimeout(60)
        except BaseException:
            self.close()
            raise
        finally:
            for tun in tuns:
                os.close(tun)

    def _tell(self, line):
        self._control.send(line.encode() + b"\n")
        self._control.recv(1)

    def cut(self, way="both"):
        self._tell(f"{way} pass 0")

    def heal(self, way="both"):
        self._tell(f"{way} pass 1")

    def loss(self, share, way="both"):
        self._tell(f"{way} loss {share}")

    def delay(self, seconds, way="both"):
        self._tell(f"{way} delay {seconds}")

    def close(self):
        for end in self._ends:
            end.close()
        for namespace in self.namespaces:
            os.close(namespace)
        for child in self._children:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.waitpid(child, 0)
        self._ends, self._children, self.namespaces = [], [], []
