"""A large file on its way to two listeners: transfer.py --binaries DIR [--bytes N] [--rate N].

A replay log goes to two listeners of four workers each, through a forwarder that lets pass only so many bytes a second.
Checks that the run completes, that each listener received the log once, that no worker holds more than its share of it in
private memory, and that a second run on the same listeners sends no byte of it.

Prints the figures. Exit status: 0 if all checks hold, 1 if not.
"""

import argparse
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time

import fleet
from fleet import Finding

LISTENERS, WORKERS, INSTANCES = 2, 4, 5
MIB = 1 << 20


class Forwarder:
    """Passes on connections to a port. What comes back is limited to `rate` bytes a second in all."""

    def __init__(self, target, rate):
        self.target, self.rate, self.passed, self.at = target, rate, {}, time.monotonic()
        self.lock = threading.Lock()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def total(self):
        return sum(self.passed.values())

    def _accept(self):
        while True:
            client, _ = self.server.accept()
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            # No buffer of megabytes, in which what is urgent would wait for seconds.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
            for source, sink, back in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._carry, args=(source, sink, back), daemon=True).start()

    def _carry(self, source, sink, back):
        try:
            while data := source.recv(16 << 10):
                if back:
                    with self.lock:
                        self.passed[sink] = self.passed.get(sink, 0) + len(data)
                        self.at = max(self.at, time.monotonic() - 0.02) + len(data) / self.rate
                        wait = self.at - time.monotonic()
                    if wait > 0:
                        time.sleep(wait)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def write_log(path, size):
    """A log with one connection for each of the run's, and messages of 16 KiB over five seconds. Returns their number."""
    connections = LISTENERS * WORKERS * INSTANCES
    text = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=32 << 10))
    count = max(1, size // (16 << 10))
    with open(path, "w") as file:
        for number in range(count):
            start = number * 37 % (16 << 10)
            head = f'{{"t_us": {number * 5_000_000 // count}, "conn": {number % connections}, "data": "'
            file.write(head + text[start : start + (16 << 10) - len(head) - 3] + '"}\n')
    return count


class Watch:
    """The most private memory of each process with this role, as /proc shows it while the run goes on."""

    def __init__(self, token):
        self.token, self.most, self.mapped, self.ends = token, {}, {}, False
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        while not self.ends:
            for one in fleet.processes(self.token):
                if one.role not in ("wsperf-worker", "wsperf-listener"):
                    continue
                try:
                    with open(f"/proc/{one.pid}/smaps_rollup") as file:
                        figures = dict(line.split(":") for line in file.read().splitlines()[1:])
                except (OSError, ValueError):
                    continue
                kilobytes = {key: int(value.split()[0]) for key, value in figures.items()}
                key = (one.role, one.pid)
                private = max(kilobytes["Private_Dirty"], kilobytes["Anonymous"])
                self.most[key] = max(self.most.get(key, 0), private * 1024)
                self.mapped[key] = max(self.mapped.get(key, 0), (kilobytes["Rss"] - private) * 1024)
            time.sleep(0.2)

    def end(self):
        self.ends = True
        self.thread.join()

    def of(self, role):
        return [value for (name, _), value in self.most.items() if name == role]


def check(directory, binaries, size, rate):
    token = f"{os.getpid()}-{directory}"
    run = fleet.Fleet(directory, binaries, token)
    try:
        log = os.path.join(directory, "log.jsonl")
        messages = write_log(log, size)
        size = os.path.getsize(log)
        run.start_target()
        forwarders = [Forwarder(port, rate) for port in (run.publish, run.report)]
        own = run.publish, run.report
        run.publish, run.report = (one.port for one in forwarders)
        for number in range(LISTENERS):
            run.start_listener(f"m{number}")
        run.publish, run.report = own
        plan = {
            "target": f"ws://127.0.0.1:{run.target_port}/", "machines": LISTENERS, "processes": WORKERS,
            "instances": INSTANCES, "schedule": {"kind": "replay", "log": log},
        }  # fmt: skip
        sent, results = [], []
        for number in (1, 2):
            before, began = forwarders[0].total, time.monotonic()
            watch = Watch(token)
            results.append(os.path.join(directory, f"run-{number}"))
            controller, _ = run.start_controller(plan, run=results[-1])
            status = run.wait(controller, 60 + 3 * LISTENERS * size / rate, f"run {number}")
            watch.end()
            sent.append(forwarders[0].total - before)
            if status == 2:
                raise Finding(run.log(f"controller-{number}.err"))
            summary = run.summary(results[-1])
            print(
                f"run {number}: {time.monotonic() - began:.1f} s, exit {status}; {sent[-1] / MIB:.1f} MiB sent to the "
                f"listeners and workers; private memory of a worker at most {max(watch.of('wsperf-worker')) / MIB:.0f} MiB, "
                f"of a listener {max(watch.of('wsperf-listener')) / MIB:.0f} MiB; "
                f"{summary['messages']['sent']} of {messages} messages sent",
                flush=True,
            )
            if status not in (0, 3) or any(worker["lost"] for worker in summary["workers"]):
                raise Finding(f"run {number} must complete: {summary['run']}; {run.log(f'controller-{number}.err')}")
            if summary["messages"]["sent"] != messages:
                raise Finding(f"{summary['messages']['sent']} of {messages} messages were sent")
            # A process needs some memory for itself, and 24 bytes for each of its messages.
            share = size / (LISTENERS * WORKERS) + 48 * MIB
            if max(watch.of("wsperf-worker")) > share:
                raise Finding(f"a worker has more than its share of {share / MIB:.0f} MiB in private memory")
        parts = sorted(forwarders[0].passed.values())[-LISTENERS:]
        print(f"a listener received {' and '.join(f'{part / MIB:.1f}' for part in parts)} MiB of {size / MIB:.1f} MiB")
        # Beacons and headers come on top.
        if not all(size <= part < size * 1.02 + MIB for part in parts):
            raise Finding("each listener must receive the log once")
        if sent[1] > MIB / 2:
            raise Finding(f"the second run sent {sent[1]} bytes, so it sent the log again")
        run.end_listeners(30)
    finally:
        run.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", required=True, type=os.path.abspath)
    parser.add_argument("--bytes", type=float, default=500e6, help="size of the log (500e6)")
    parser.add_argument("--rate", type=float, default=20e6, help="bytes a second through the forwarder (20e6)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    directory = tempfile.mkdtemp(prefix="wsperf-transfer-")
    try:
        check(directory, options.binaries, int(options.bytes), options.rate)
        return 0
    except Finding as finding:
        print(finding)
        return 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
