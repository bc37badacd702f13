"""Opens N connections on this one machine, over loopback; see Scripts/million."""

import argparse
import csv
import json
import math
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import machine
from machine import Failure, grouped, mebibytes

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
# Seconds between the messages of a connection.
PAUSE = (60, 100)
# The plan's deadlines, seconds: of each connection, and of the fleet.
CONNECT, REPLY, CLOSE = 60, 60, 60
JOIN, LAUNCH, COLLECT = 60, 180, 120
# How many connections may be opening at once: as many as open in this many seconds at the planned rate. A machine whose
# handshakes take longer opens more slowly; down to a hundredth of the rate, no handshake takes as long as CONNECT.
OPENING_AT_ONCE = 0.5
# Each connection uses one of these source addresses, so that there are enough local ports.
SOURCES = "127.1.0.0/24"
SOURCE_COUNT = 256
# Descriptors of a process that are not connections. A worker needs 4 for each loop and 32, by its plan's arithmetic.
WORKER_DESCRIPTORS = 64
TARGET_DESCRIPTORS = 32
# Bytes, measured by this script with 20,000 and 1,000,000 connections and rounded up. A run's report has its own
# figures.
KERNEL_EACH = 10.5 * KIB
WORKER_EACH, WORKER_FIXED = 1.0 * KIB, 8 * MIB
TARGET_EACH, TARGET_FIXED = 0.1 * KIB, 3 * MIB
CONTROL_FIXED = 100 * MIB
# Memory that must stay available: with less, the script starts no run, or gives up.
RESERVE = 1 * GIB


class Shape:
    """How N connections are distributed over processes."""

    def __init__(self, wanted, descriptors):
        self.workers = max(2, math.ceil(wanted / max(descriptors - WORKER_DESCRIPTORS, 1)))
        self.instances = math.ceil(wanted / self.workers)
        self.connections = self.workers * self.instances
        # The kernel distributes connections to the targets by a hash, so their numbers differ. Five standard deviations
        # above the mean must still fit.
        room = descriptors - TARGET_DESCRIPTORS
        self.targets = max(2, math.ceil(self.connections / room))
        while (mean := self.connections / self.targets) + 5 * math.sqrt(mean) > room:
            self.targets += 1

    @property
    def memory(self):
        return (
            self.connections * (KERNEL_EACH + WORKER_EACH + TARGET_EACH)
            + self.workers * WORKER_FIXED + self.targets * TARGET_FIXED + CONTROL_FIXED
        )  # fmt: skip


def tracked_connections():
    """How many more connections the firewall can track; None if it does not track loopback."""
    count, most = (machine.number(f"/proc/sys/net/netfilter/nf_conntrack_{name}") for name in ("count", "max"))
    if count is None or most is None:
        return None
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        now = machine.number("/proc/sys/net/netfilter/nf_conntrack_count")
    return most - now if now > count else None


def allowances(wanted, descriptors):
    """What the machine allows, as (resource, number of connections it is enough for, how to raise it)."""
    shape = Shape(wanted, descriptors)
    found = []
    most = machine.number("/proc/sys/fs/file-max", 0)
    used = machine.number("/proc/sys/fs/file-nr", 0)
    processes = shape.workers * WORKER_DESCRIPTORS + shape.targets * TARGET_DESCRIPTORS
    # This limit does not apply to root.
    if os.geteuid() != 0:
        found.append((f"files of the whole system (fs.file-max {grouped(most)}, {grouped(used)} in use, 2 a connection)",
                      (most - used - processes) // 2, "sysctl fs.file-max"))  # fmt: skip
    watches = machine.number("/proc/sys/fs/epoll/max_user_watches", 0)
    found.append((f"epoll watches (fs.epoll.max_user_watches {grouped(watches)}, 2 a connection)", watches // 2,
                  "sysctl fs.epoll.max_user_watches"))  # fmt: skip
    low, high = machine.numbers("/proc/sys/net/ipv4/ip_local_port_range")
    found.append((f"ports ({grouped(high - low + 1)} for each of {SOURCE_COUNT} source addresses, {SOURCES})",
                  (high - low + 1) * SOURCE_COUNT, "sysctl net.ipv4.ip_local_port_range"))  # fmt: skip
    tasks = min(machine.number("/proc/sys/kernel/pid_max", 0), machine.number("/proc/sys/kernel/threads-max", 0))
    each = descriptors - WORKER_DESCRIPTORS
    found.append((f"processes (kernel.pid_max, kernel.threads-max {grouped(tasks)}; about 9 threads for "
                  f"{grouped(each)} connections)", (tasks - 1000) // 9 * each, "sysctl kernel.pid_max"))  # fmt: skip
    # A listener launches at most 1,024 workers.
    found.append((f"workers of one listener (1,024 of {grouped(each)} descriptors)", 1024 * each, "ulimit -Hn"))
    tracked = tracked_connections()
    if tracked is not None:
        found.append(("connections the firewall tracks (net.netfilter.nf_conntrack_max)", tracked,
                      "sysctl net.netfilter.nf_conntrack_max"))  # fmt: skip
    # Only messages in flight take buffers: with 240 bytes each, at most one page.
    buffers = machine.numbers("/proc/sys/net/ipv4/tcp_mem")[1]
    found.append((f"socket buffers (net.ipv4.tcp_mem {grouped(buffers)} pages; one for each message in flight, of which "
                  "there is at most a tenth of a second's)", int(buffers * 10 * sum(PAUSE) / 2), "sysctl net.ipv4.tcp_mem"))  # fmt: skip
    available = machine.meminfo().get("MemAvailable", 0)
    each = KERNEL_EACH + WORKER_EACH + TARGET_EACH + (WORKER_FIXED + TARGET_FIXED) / (descriptors - WORKER_DESCRIPTORS)
    found.append((f"memory ({available / GIB:.1f} GiB available less {RESERVE / GIB:.0f} GiB, "
                  f"{each / KIB:.1f} KiB a connection with its share of the processes)",
                  int(max(available - RESERVE - CONTROL_FIXED, 0) / each), "more memory"))  # fmt: skip
    return shape, found


def check(wanted, descriptors):
    """Prints what the machine allows, and raises Failure if that is too little."""
    shape, found = allowances(wanted, descriptors)
    fitting = min(count for _, count, _ in found)
    print(f"This machine allows, with {grouped(descriptors)} descriptors a process:")
    for what, count, _ in sorted(found, key=lambda item: item[1]):
        print(f"  {grouped(count):>15}  {what}")
    print(flush=True)
    if fitting < shape.connections:
        what, _, how = min(found, key=lambda item: item[1])
        down = 10 ** max(len(str(max(fitting, 1))) - 2, 0)
        raise Failure(
            f"{grouped(wanted)} connections are too many for this machine: {what} are enough for "
            f"{grouped(fitting // down * down)}; to raise that: {how}", 2)  # fmt: skip
    return shape


class Watch:
    """Watches the memory of the run's processes and of the kernel."""

    def __init__(self, processes, controller, targets):
        self.processes, self.controller, self.targets = processes, controller, targets
        self.peaks = {}
        self.before = {"kernel": machine.kernel_memory(), "available": machine.meminfo()["MemAvailable"]}
        self.kernel_peak = self.kernel_now = 0
        self.sockets_peak = 0
        self.buffers_peak = 0
        self.available_least = self.before["available"]
        self.controller_cpu = 0

    def look(self, everything):
        available = machine.meminfo()["MemAvailable"]
        self.available_least = min(self.available_least, available)
        self.kernel_now = machine.kernel_memory()
        self.kernel_peak = max(self.kernel_peak, self.kernel_now)
        sockets, _, pages = machine.tcp_sockets()
        self.sockets_peak = max(self.sockets_peak, sockets)
        self.buffers_peak = max(self.buffers_peak, pages)
        self.controller_cpu = machine.processor_time(self.controller.pid) or self.controller_cpu
        if everything:
            family = {self.controller.pid: "controller", **{process.pid: "target" for process in self.targets}}
            for pid, name in self.processes.below(self.controller).items():
                family[pid] = {"wsperf-listener": "listener", "wsperf-worker": "worker"}.get(name, "other")
            for pid, role in family.items():
                found = machine.resident(pid)
                # Before exec, a process has its parent's name.
                if found and role != "other":
                    _, most, own = self.peaks.get(pid, (role, 0, 0))
                    self.peaks[pid] = (role, max(found[1], most), max(found[2], own))
        return available, sockets, pages

    def memory(self):
        """Peaks of resident memory by role, with and without file-backed pages, which all processes share."""
        result = {}
        for role in ("controller", "listener", "worker", "target"):
            found = [(peak, own) for known, peak, own in self.peaks.values() if known == role]
            result[role] = {
                "processes": len(found), "peak_largest": max((peak for peak, _ in found), default=0),
                "peak_sum": sum(peak for peak, _ in found), "own_sum": sum(own for _, own in found),
            }  # fmt: skip
        return result


def start_targets(processes, server, count):
    """Starts target processes that share one port. Returns the processes and the port."""
    targets, port = [], 0
    for _ in range(count):
        target = processes.start(
            [server, "--reuseport", "--port", str(port), "--backlog", "4096"], stdout=subprocess.PIPE, text=True
        )
        line = target.stdout.readline().strip()
        if not line.isdigit():
            raise Failure(f"a target did not start ({line or 'no port'})", 3)
        port = int(line)
        targets.append(target)
    return targets, port


def plan(shape, port, options, opening):
    # A connection closes after its last message, up to one pause before `duration` ends. So if opening keeps the rate,
    # each is open, and sends, for at least `hold` after the last one opened. If opening takes longer, the time that all
    # are open together is shorter.
    duration = math.ceil(opening + options.hold + PAUSE[1])
    rate = options.rate / shape.workers
    document = {
        "name": "million", "target": f"ws://127.0.0.1:{port}/",
        "machines": 1, "processes": shape.workers, "instances": shape.instances,
        "schedule": {"kind": "randomized", "distribution": "uniform", "min": f"{PAUSE[0]}s", "max": f"{PAUSE[1]}s"},
        "duration": f"{duration}s", "payload": {"kind": "random", "length": options.length},
        # Both are per worker.
        "ramp": {"rate": f"{rate:.3f}/s", "max_opening": options.max_opening or math.ceil(rate * OPENING_AT_ONCE)},
        "source_addresses": SOURCES,
        "timeouts": {"connect": f"{CONNECT}s", "reply": f"{REPLY}s", "close": f"{CLOSE}s"},
        "fleet": {"join": f"{JOIN}s", "launch": f"{LAUNCH}s", "liveness": "30s", "collect": f"{COLLECT}s"},
    }  # fmt: skip
    return document, duration


class Progress:
    """Whether the run still makes progress, according to its controller's stderr.

    How long opening takes depends on the machine, so only the steps have deadlines, not the whole run. Until the first
    connection opens, these are the deadlines of the fleet. After the last one has opened, they are those of its
    connections. (The plan's time limit, which the controller computes from the same deadlines, ends the run in any
    case.)
    """

    def __init__(self, path, duration):
        self.path = path
        self.opened = 0
        # By then, all workers are ready, and the first connections have opened or failed.
        self.deadline = time.monotonic() + JOIN + LAUNCH + CONNECT
        # Next, another connection opens, or all open connections end, and then the run.
        self.patience = CONNECT + duration + REPLY + CLOSE + COLLECT

    def look(self):
        """Whether the deadline has passed."""
        now = time.monotonic()
        with open(self.path, "rb") as file:
            file.seek(max(0, os.path.getsize(self.path) - 4096))
            found = re.findall(r"([\d,]+)/[\d,]+ opened", file.read().decode(errors="replace"))
        if found and (opened := int(found[-1].replace(",", ""))) > self.opened:
            self.opened, self.deadline = opened, now + self.patience
        return now > self.deadline


class Burners:
    """Processes that each use as much of a core as they can get, so that less of the machine is left for the run."""

    def __init__(self, processes, count):
        # Raise the priority if that is permitted, because the run has about a hundred processes.
        code = "import os\ntry: os.setpriority(os.PRIO_PROCESS, 0, -20)\nexcept OSError: pass\nwhile True: pass"
        self.began = time.monotonic()
        self.running = [processes.start([sys.executable, "-c", code]) for _ in range(count)]
        self.cores = None

    def look(self):
        """Calculates how many cores they have used on average."""
        if self.running:
            used = sum(machine.processor_time(process.pid) or 0 for process in self.running)
            self.cores = used / max(time.monotonic() - self.began, 0.001)


def conduct(options, shape, binaries, server, directory):
    processes = machine.Processes()
    interrupted = []
    # A script that is started in the background ignores SIGINT, so set the handlers explicitly.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        opening = shape.connections / options.rate
        burners = Burners(processes, options.burn)
        targets, port = start_targets(processes, server, shape.targets)
        document, duration = plan(shape, port, options, opening)
        run = os.path.join(directory, "run")
        path = os.path.join(directory, "plan.json")
        with open(path, "w") as file:
            json.dump(document, file, indent=2)
        print(
            f"{grouped(shape.connections)} connections: {shape.workers} workers × {grouped(shape.instances)}, "
            f"{shape.targets} targets on port {port}; opening at {grouped(options.rate)}/s takes {opening:.0f} s, or longer "
            f"on a slower machine; the whole run takes about {opening + duration - PAUSE[1] / 2:.0f} s"
            + (f"; {options.burn} burning a core each" if options.burn else ""), flush=True)  # fmt: skip
        watch_from = machine.kernel_memory()
        told = os.path.join(directory, "controller.txt")
        with open(told, "w") as log:
            controller = processes.start(
                [os.path.join(binaries, "wsperf-controller"), "run", path, "--local", "--output", run],
                stdout=subprocess.DEVNULL, stderr=log, cwd=directory)  # fmt: skip
        watch = Watch(processes, controller, targets)
        watch.before["kernel"] = watch_from
        problem = follow(controller, watch, Progress(told, duration), options.every, interrupted)
        if problem:
            end_early(controller, watch, problem)
        status = controller.wait()
        watch.look(False)
        burners.look()
        counts = stop_targets(targets)
        return run, status, watch, counts, burners.cores, problem, bool(interrupted)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        processes.end()


def follow(controller, watch, progress, every, interrupted):
    """Waits for the controller and shows its progress. Returns why the run must be given up, or None."""
    began = time.monotonic()
    turn, shown = 0, 0
    while controller.poll() is None:
        try:
            available, sockets, pages = watch.look(turn % 3 == 0)
            overdue = progress.look()
            turn += 1
            now = time.monotonic()
            if now - shown >= every:
                shown = now
                print(
                    f"{now - began:5.0f} s  {grouped(progress.opened):>9} opened  {grouped(sockets):>9} sockets  "
                    f"kernel {watch.kernel_now / GIB:5.2f} GiB  buffers {pages * machine.PAGE / MIB:6.1f} MiB  "
                    f"available {available / GIB:5.2f} GiB", flush=True)  # fmt: skip
            if available < RESERVE:
                return f"only {available / GIB:.2f} GiB of memory were still available"
            if overdue:
                return (f"the run's deadline passed: {grouped(progress.opened)} connections have opened, and nothing has "
                        "happened since for longer than its plan allows")  # fmt: skip
            time.sleep(1)
        except KeyboardInterrupt:
            if interrupted:
                return "interrupted twice"
            interrupted.append(True)
            print("million: interrupted; ending the load", file=sys.stderr, flush=True)
            controller.send_signal(signal.SIGINT)
    return None


def end_early(controller, watch, problem):
    """Gives the run one minute to end gracefully, and kills it sooner if memory gets even shorter."""
    print(f"million: {problem}: giving up", file=sys.stderr, flush=True)
    controller.send_signal(signal.SIGINT)
    deadline = time.monotonic() + 60
    while controller.poll() is None and time.monotonic() < deadline:
        if watch.look(False)[0] < RESERVE / 2:
            break
        time.sleep(0.5)
    if controller.poll() is None:
        controller.kill()


def stop_targets(targets):
    """Ends the targets. Returns the counts that they print."""
    for target in targets:
        target.terminate()
    counts = []
    for target in targets:
        try:
            text, _ = target.communicate(timeout=30)
            counts.append(json.loads(text.strip().splitlines()[-1]))
        except (subprocess.TimeoutExpired, ValueError, IndexError):
            pass
    return counts


def timeline(run):
    """(seconds that opening took, most connections open at once)."""
    try:
        with open(os.path.join(run, "timeline.csv")) as file:
            rows = list(csv.DictReader(file))
    except OSError:
        return 0, 0
    opened = [row for row in rows if int(row["opened"]) > 0]
    if not opened:
        return 0, 0
    took = int(opened[-1]["second"]) + int(opened[-1]["width_s"]) - int(opened[0]["second"])
    return took, max(int(row["open"]) for row in rows)


def report(options, shape, run, status, watch, counts, burned, problem):
    """Prints the results. Returns whether every connection succeeded."""
    try:
        with open(os.path.join(run, "summary.json")) as file:
            summary = json.load(file)
    except (OSError, ValueError):
        raise Failure(f"the controller left no report (status {status}); see {os.path.dirname(run)}", 3) from None
    connections, messages = summary["connections"], summary["messages"]
    took, most = timeline(run)
    # The rate of all workers together, from the report, or from its timeline if the report has no rate.
    rates = connections.get("opening") or {}
    achieved = rates.get("achieved_per_s") or (connections["opened"] / took if took else None)
    memory = watch.memory()
    kernel = max(0, watch.kernel_peak - watch.before["kernel"])
    opened = max(most, 1)
    figures = {
        "connections": connections, "opened_at_once": most, "opening_s": took,
        "opening_asked_per_s": rates.get("asked_per_s") or options.rate, "opening_per_s": achieved,
        "open_lag_ms": summary.get("open_lag_ms"), "cores_burned": burned,
        "messages": messages, "send_lag_ms": summary["send_lag_ms"], "rtt_ms": summary["rtt_ms"],
        "handshake_ms": summary["handshake_ms"]["total"], "due_to_open_ms": summary["handshake_ms"].get("response"),
        "generator": summary["generator"],
        "valid": summary["run"]["valid"], "invalid_because": summary["run"]["invalid_because"],
        "duration_s": summary["run"]["duration_s"],
        "controller_cpu_s": watch.controller_cpu,
        "memory": memory, "kernel_peak": watch.kernel_peak, "kernel_before": watch.before["kernel"],
        "kernel_per_connection": kernel / opened, "available_least": watch.available_least,
        "sockets_peak": watch.sockets_peak, "buffer_pages_peak": watch.buffers_peak,
        "targets": {
            "accepted": sum(count["accepted"] for count in counts),
            "most_on_one": max((count["open_most"] for count in counts), default=0),
            "cpu_s": sum(count["user_seconds"] + count["system_seconds"] for count in counts),
            "out_of_descriptors": sum(count["out_of_descriptors"] for count in counts),
        },
    }  # fmt: skip
    path = os.path.join(os.path.dirname(run), "million.json")
    with open(path, "w") as file:
        json.dump(figures, file, indent=2)
        file.write("\n")

    def line(name, text):
        print(f"  {name:<15} {text}")

    def times(name, found, extra=""):
        if found["count"]:
            line(name, "  ".join(f"{key} {found[key]:,.3f}" for key in ("p50", "p99", "p999", "max")) + " ms" + extra)

    print()
    outcomes = ", ".join(f"{name} {grouped(count)}" for name, count in connections["outcomes"].items())
    line("outcomes", f"{outcomes} of {grouped(connections['planned'])}")
    line("open at once", f"{grouped(most)}; the kernel counted {grouped(watch.sockets_peak)} sockets")
    if achieved:
        line("opening", f"{grouped(achieved)}/s of {grouped(figures['opening_asked_per_s'])}/s planned, "
             f"in {rates.get('took_s') or took:,.0f} s")  # fmt: skip
    if most < connections["opened"]:
        line("", "the first closed before the last had opened; a longer --hold keeps them open")
    line("messages", f"{grouped(messages['sent'])} sent, {grouped(messages['received'])} received, "
         f"{grouped(messages['unanswered'])} unanswered")  # fmt: skip
    times("open lag", summary.get("open_lag_ms") or {"count": 0})
    times("handshake", summary["handshake_ms"]["total"])
    times("due to open", summary["handshake_ms"].get("response") or {"count": 0})
    times("send lag", summary["send_lag_ms"], f"  ({summary['generator']['verdict']})")
    times("response time", summary["rtt_ms"]["response"])
    generator = summary["generator"]
    line("CPU", f"workers {generator['cpu_user_s'] + generator['cpu_system_s']:.0f} s, "
         f"targets {figures['targets']['cpu_s']:.0f} s, controller {watch.controller_cpu:.1f} s, of "
         f"{summary['run']['duration_s']:.0f} s on {os.cpu_count()} cores")  # fmt: skip
    if burned is not None:
        line("burned beside", f"{burned:.2f} cores, by {options.burn} of --burn")
    line("targets", f"{len(counts)}, {grouped(figures['targets']['most_on_one'])} connections on the fullest, "
         f"{grouped(figures['targets']['out_of_descriptors'])} times out of descriptors")  # fmt: skip
    print("\n  peak memory      processes    largest           sum    unshared sum  a connection")
    for role, found in memory.items():
        each = f"{found['own_sum'] / opened:,.0f} B" if role in ("worker", "target") else ""
        print(f"  {role:<15} {found['processes']:>10} {mebibytes(found['peak_largest']):>12} "
              f"{mebibytes(found['peak_sum']):>14} {mebibytes(found['own_sum']):>14} {each:>13}")  # fmt: skip
    print(f"  {'kernel':<15} {'':>10} {'':>12} {'':>14} {mebibytes(kernel):>14} {kernel / opened:>11,.0f} B")
    line("", f"the kernel's before the run: {mebibytes(watch.before['kernel'])}; socket buffers at most "
         f"{mebibytes(watch.buffers_peak * machine.PAGE)}; least available: {watch.available_least / GIB:.2f} GiB\n")  # fmt: skip
    for reason in summary["run"]["invalid_because"]:
        line("not valid", reason)
    line("kept in", os.path.dirname(run))
    return connections["outcomes"] == {"succeeded": connections["planned"]} and not problem


def arguments():
    parser = argparse.ArgumentParser(
        prog="million", description="Opens hundreds of thousands of connections on this machine, over loopback. Only their "
        "outcomes decide whether it passes: a slower machine opens more slowly, and the report says so.")  # fmt: skip
    parser.add_argument("connections", nargs="?", type=int, default=1_000_000, metavar="N", help="how many (1,000,000)")
    parser.add_argument("--rate", type=float, default=4500.0 * (os.cpu_count() or 1), metavar="PER_SECOND",
                        help="most connections that all workers together open per second (4,500 per core)")  # fmt: skip
    parser.add_argument("--max-opening", type=int, metavar="N",
                        help="most connections of a worker that may be opening at once; with slow handshakes it opens "
                        "more slowly (default: what it opens in half a second)")  # fmt: skip
    parser.add_argument("--burn", type=int, default=0, metavar="N",
                        help="keep N cores busy with other work during the run (0)")  # fmt: skip
    parser.add_argument("--hold", type=float, default=180, metavar="SECONDS",
                        help="how long all stay open together after the last one opened (180)")  # fmt: skip
    parser.add_argument("--length", type=int, default=240, metavar="BYTES", help="of each message (240)")
    parser.add_argument("--every", type=float, default=10, metavar="SECONDS", help="between two lines of progress (10)")
    parser.add_argument("--check", action="store_true", help="print what the machine allows, and exit")
    parser.add_argument("--output", metavar="DIR", help="where to keep plan, report and figures (a new one in /tmp)")
    parser.add_argument("--binaries", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--server", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.binaries, options.server = os.path.abspath(options.binaries), os.path.abspath(options.server)
    for name, least, most in (("connections", 1, 10_000_000), ("rate", 1, 1e6), ("hold", 0, 86_400), ("length", 0, 1 << 20),
                              ("every", 1, 3600), ("max_opening", 1, 10_000_000), ("burn", 0, 1024)):  # fmt: skip
        if getattr(options, name) is None:
            continue
        if not least <= getattr(options, name) <= most:
            parser.error(f"{name.replace('_', '-')} must be from {least:,} to {most:,.0f}, not {getattr(options, name):,}")
    return options


def main():
    options = arguments()
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if descriptors == resource.RLIM_INFINITY:
        descriptors = machine.number("/proc/sys/fs/nr_open", 1 << 20)
    shape = check(options.connections, descriptors)
    if options.check:
        print(f"{grouped(shape.connections)} fit: {shape.workers} workers of {grouped(shape.instances)}, "
              f"{shape.targets} targets, about {shape.memory / GIB:.1f} GiB")  # fmt: skip
        return 0
    directory = os.path.abspath(options.output) if options.output else tempfile.mkdtemp(prefix="wsperf-million-")
    os.makedirs(directory, exist_ok=True)
    run, status, watch, counts, burned, problem, interrupted = conduct(options, shape, options.binaries, options.server, directory)
    succeeded = report(options, shape, run, status, watch, counts, burned, problem)
    if interrupted:
        return 130
    return 3 if problem else 0 if succeeded else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"million: {failure}", file=sys.stderr)
        sys.exit(failure.status)
    except KeyboardInterrupt:
        print("million: interrupted", file=sys.stderr)
        sys.exit(130)
