"""Watches memory for minutes while connections live for seconds and reconnect; see Scripts/soak."""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import machine
from machine import Failure, grouped, mebibytes

MIB = 1 << 20
# Memory samples count from this time, seconds after the load began.
SETTLED = 60
# Memory is flat if the line fitted to the samples (least squares) rises by at most `DRIFT` of their mean from end to
# end, and no sample exceeds the mean by more than `ABOVE` of it. `ALLOWED` bytes are allowed in any case.
DRIFT, ABOVE, ALLOWED = 0.05, 0.10, MIB
# Seconds a connection lives.
LIVES = (1, 5)


class Series:
    """Resident memory of one process over time."""

    def __init__(self, name):
        self.name, self.times, self.values = name, [], []

    def add(self, time, value):
        self.times.append(time)
        self.values.append(value)

    def judge(self):
        """Returns (whether it is flat, a description)."""
        settled = [(time, value) for time, value in zip(self.times, self.values) if time >= SETTLED]
        if len(settled) < 20:
            return False, f"{self.name}: only {len(settled)} samples after the first minute"
        times, values = zip(*settled)
        mean_time, mean = sum(times) / len(times), sum(values) / len(values)
        spread = sum((time - mean_time) ** 2 for time in times)
        slope = sum((time - mean_time) * (value - mean) for time, value in settled) / spread
        drift = slope * (times[-1] - times[0])
        above = max(values) - mean
        flat = drift <= max(DRIFT * mean, ALLOWED) and above <= max(ABOVE * mean, ALLOWED)
        return flat, (
            f"{self.name}: {'flat' if flat else 'NOT FLAT'}: mean {mebibytes(mean)}, from {mebibytes(min(values))} to "
            f"{mebibytes(max(values))}; the fitted line {'rises' if drift > 0 else 'falls'} by {abs(drift) / MIB:.2f} MiB "
            f"({100 * abs(drift) / mean:.1f} %) in {times[-1] - times[0]:.0f} s")  # fmt: skip


class Progress(threading.Thread):
    """Keeps the last progress line of the controller, and its phase."""

    def __init__(self, stream, log):
        super().__init__(daemon=True)
        self.stream, self.log = stream, log
        self.line, self.phase = "", ""

    def run(self):
        for line in self.stream:
            self.log.write(line)
            found = re.match(r"(waiting for|launching|connecting|sending|draining|collecting|done)\b", line)
            if found:
                self.phase, self.line = found[1], line.strip()


def plan(options, port):
    seconds = options.minutes * 60
    return {
        "name": "soak",
        "target": f"ws://127.0.0.1:{port}/fault/expire?min={LIVES[0]}s&max={LIVES[1]}s&code=1001",
        "machines": 1, "processes": options.workers, "instances": options.connections // options.workers,
        # The time that a connection is open, over all its attempts.
        "duration": f"{seconds:.0f}s", "time_limit": f"{seconds * 1.5 + 120:.0f}s",
        "schedule": {"kind": "periodic", "interval": "2s"}, "payload": {"kind": "random", "length": 240},
        # `max_opening` limits reconnects too. A slower machine opens more slowly.
        "ramp": {"over": "5s", "max_opening": 500},
        # Reconnect within a tenth of a second, any number of times.
        "reconnect": {"backoff": {"initial": "100ms", "max": "100ms", "jitter": 1}, "limit": "none", "schedule": "continue"},
        "timeouts": {"connect": "30s", "reply": "30s", "close": "30s"},
        "fleet": {"liveness": "20s"},
    }  # fmt: skip


def start_target(processes, binaries):
    target = processes.start(
        [os.path.join(binaries, "wsperf-controller"), "target", "--port", "0"], stdout=subprocess.PIPE, text=True)  # fmt: skip
    found = re.search(r":(\d+)", target.stdout.readline())
    if not found:
        raise Failure("the target did not start", 3)
    return target, int(found[1])


def conduct(options, directory):
    """Runs the plan. Returns the series by process id, whether it was interrupted, and the controller's exit status."""
    processes = machine.Processes()
    # A script that is started in the background ignores SIGINT, so set the handlers explicitly.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    interrupted = False
    try:
        target, port = start_target(processes, options.binaries)
        path = os.path.join(directory, "plan.json")
        with open(path, "w") as file:
            json.dump(plan(options, port), file, indent=2)
        with open(os.path.join(directory, "controller.txt"), "w") as log:
            controller = processes.start(
                [os.path.join(options.binaries, "wsperf-controller"), "run", path, "--local",
                 "--output", os.path.join(directory, "run")],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=directory)  # fmt: skip
            progress = Progress(controller.stderr, log)
            progress.start()
            series = {controller.pid: Series("controller"), target.pid: Series("target")}
            began, shown = None, 0
            deadline = time.monotonic() + options.minutes * 90 + 300
            while controller.poll() is None:
                try:
                    time.sleep(1)
                    now = time.monotonic()
                    if now > deadline:
                        controller.send_signal(signal.SIGINT)
                        raise Failure("the run's deadline passed", 3)
                    if progress.phase not in ("connecting", "sending"):
                        continue
                    if began is None:
                        began = now
                        for pid, name in processes.below(controller).items():
                            if name in ("wsperf-listener", "wsperf-worker"):
                                series[pid] = Series(f"{name.removeprefix('wsperf-')} {pid}")
                    # Stop sampling before the load ends, because then connections free their memory.
                    if now - began < options.minutes * 60 - 2:
                        for pid, one in series.items():
                            found = machine.resident(pid)
                            if found:
                                one.add(now - began, found[0])
                    if now - shown >= options.every:
                        shown = now
                        show(now - began, series, progress.line)
                except KeyboardInterrupt:
                    if interrupted:
                        controller.kill()
                    interrupted = True
                    controller.send_signal(signal.SIGINT)
            progress.join(10)
        return series, interrupted, controller.returncode
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        processes.end()


def show(elapsed, series, line):
    memory = ", ".join(f"{one.name.split()[0]} {one.values[-1] / MIB:.1f}" for one in series.values() if one.values)
    print(f"{elapsed:5.0f} s  {line}\n         MiB: {memory}; {grouped(machine.tcp_sockets()[1])} in TIME_WAIT", flush=True)


def judge(series, directory, status, interrupted):
    """Prints the results. Returns what is wrong."""
    try:
        with open(os.path.join(directory, "run", "summary.json")) as file:
            summary = json.load(file)
    except (OSError, ValueError):
        raise Failure(f"the controller left no report (status {status}); see {directory}", 3) from None
    connections = summary["connections"]
    outcomes, interruptions = connections["outcomes"], connections["interruptions"]
    attempts = connections["planned"] + sum(interruptions.values())
    wrong = []
    print()

    def listed(counts):
        return ", ".join(f"{name} {grouped(count)}" for name, count in counts.items()) or "none"

    print(f"  connections   {grouped(connections['planned'])}: {listed(outcomes)}")
    print(f"  attempts      {grouped(attempts)}, of which opened {grouped(connections['opened'])}; "
          f"followed by a new one: {listed(interruptions)}")  # fmt: skip
    print(f"  messages      {grouped(summary['messages']['sent'])} sent, {grouped(summary['messages']['received'])} received")
    if sum(outcomes.values()) != connections["planned"]:
        wrong.append("the outcomes do not add up to the connections planned")
    # The outcomes of attempts that had opened.
    died = re.compile(r"succeeded|closed_|reset|protocol_error|message_too_big|idle_|reply_|send_|close_")
    opened = sum(count for found in (outcomes, interruptions) for name, count in found.items() if died.match(name))
    # An aborted attempt may or may not have opened.
    if not 0 <= connections["opened"] - opened <= outcomes.get("aborted", 0):
        wrong.append(f"{grouped(opened)} attempts ended after they had opened, but {grouped(connections['opened'])} had opened")
    if not interrupted and attempts < 2 * connections["planned"]:
        wrong.append("connections did not come back")
    wrong += summary["run"]["invalid_because"]
    for one in series.values():
        flat, text = one.judge()
        # The target is not under test.
        print("  " + text)
        if not flat and one.name != "target" and not interrupted:
            wrong.append(text)
    figures = {one.name: {"seconds": [round(time, 1) for time in one.times], "bytes": one.values} for one in series.values()}
    with open(os.path.join(directory, "memory.json"), "w") as file:
        json.dump(figures, file)
    print(f"  kept in       {directory}")
    for text in wrong:
        print(f"soak: {text}", file=sys.stderr)
    return wrong


def arguments():
    parser = argparse.ArgumentParser(prog="soak", description=(
        f"Watches the memory of controller, listener and workers while connections live {LIVES[0]} to {LIVES[1]} s and "
        "reconnect. Exit status: 0 flat after the first minute and all accounted for, 1 not, 3 no result, 130 interrupted."))  # fmt: skip
    parser.add_argument("minutes", nargs="?", type=float, default=10, metavar="MINUTES", help="(10; at least 1.5)")
    parser.add_argument("--connections", type=int, default=10_000, metavar="N", help="(10,000)")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="(2)")
    parser.add_argument("--every", type=float, default=10, metavar="SECONDS", help="between two lines of progress (10)")
    parser.add_argument("--output", metavar="DIR", help="where to keep report and samples (a new one in /tmp)")
    parser.add_argument("--binaries", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    for name, least, most in (("minutes", 1.5, 1440), ("connections", 1, 1_000_000), ("workers", 1, 1000), ("every", 1, 3600)):
        if not least <= getattr(options, name) <= most:
            parser.error(f"{name} must be from {least:,} to {most:,}, not {getattr(options, name):,}")
    if options.connections % options.workers:
        parser.error("connections must be a multiple of workers")
    options.binaries = os.path.abspath(options.binaries)
    return options


def main():
    options = arguments()
    directory = os.path.abspath(options.output) if options.output else tempfile.mkdtemp(prefix="wsperf-soak-")
    os.makedirs(directory, exist_ok=True)
    series, interrupted, status = conduct(options, directory)
    wrong = judge(series, directory, status, interrupted)
    return 130 if interrupted else 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"soak: {failure}", file=sys.stderr)
        sys.exit(failure.status)
    except KeyboardInterrupt:
        print("soak: interrupted", file=sys.stderr)
        sys.exit(130)
