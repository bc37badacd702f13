"""Runs WSPerf against servers with calculable delays, and compares its report with them; see Scripts/overload."""

import argparse
import csv
import json
import math
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time

import machine
from machine import Failure, grouped

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TIMED_SERVER = os.path.join(REPOSITORY, "Tests", "Interop", "timed_server.py")
# Seconds that a run may take in addition to its load and its waits: launching, closing, reporting.
OVERHEAD = 60


class Figures:
    """The expected and measured figures of one case, one line each."""

    def __init__(self, case):
        self.case, self.rows = case, []

    def add(self, name, expected, measured, holds):
        self.rows.append({"case": self.case, "figure": name, "expected": expected, "measured": measured, "holds": holds})
        print(f"{self.case:<22} {name:<36} {expected:<26} {measured:<26} {'ok' if holds else 'WRONG'}", flush=True)

    def near(self, name, expected, share, measured, unit="ms"):
        """`share`: the allowed deviation, as a share of the expected value."""
        holds = measured is not None and abs(measured - expected) <= share * expected
        self.add(name, f"{expected:,.1f} {unit} ±{100 * share:g} %", worded(measured, unit), holds)

    def within(self, name, least, most, measured, unit=""):
        holds = measured is not None and least <= measured <= most
        text = f"at most {most:,g}" if least == 0 else f"{least:,g} to {most:,g}" if most < math.inf else f"at least {least:,g}"
        self.add(name, f"{text} {unit}".strip(), worded(measured, unit), holds)

    def exactly(self, name, expected, measured):
        self.add(name, worded(expected), worded(measured), measured == expected)


def worded(value, unit=""):
    if isinstance(value, dict):
        value = ", ".join(f"{key} {grouped(count)}" for key, count in value.items()) or "none"
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        value = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return "not reported" if value is None else f"{value} {unit}".strip()


def look_up(document, path):
    """The value at a path of keys separated by dots; None if there is none."""
    for key in path.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document


class Run:
    """A server and one run against it."""

    def __init__(self, context, name):
        self.context, self.name = context, name
        self.directory = os.path.join(context.directory, name)
        os.makedirs(self.directory, exist_ok=True)
        self.server = None

    def serve(self, arguments):
        """Starts the server. Returns its port, which it prints on its first line."""
        self.server = self.context.processes.start(arguments, stdout=subprocess.PIPE, text=True)
        ready, _, _ = select.select([self.server.stdout], [], [], 30)
        line = self.server.stdout.readline().strip() if ready else ""
        if not line.isdigit():
            raise Failure(f"{self.name}: the server did not start ({line or 'no port'})", 3)
        return int(line)

    def serve_timed(self, *arguments):
        return self.serve([sys.executable, TIMED_SERVER, *map(str, arguments)])

    def load(self, plan, seconds):
        """Runs the plan and reads its summary. `seconds`: how long load and waits take by the plan."""
        path, output = os.path.join(self.directory, "plan.json"), os.path.join(self.directory, "run")
        with open(path, "w") as file:
            json.dump({"name": self.name, **plan}, file, indent=2)
        with open(os.path.join(self.directory, "controller.txt"), "w") as log:
            controller = self.context.processes.start(
                [os.path.join(self.context.binaries, "wsperf-controller"), "run", path, "--local", "--quiet", "--output", output],
                stdout=log, stderr=log, cwd=self.directory)  # fmt: skip
            try:
                self.status = controller.wait(seconds + OVERHEAD)
            except subprocess.TimeoutExpired:
                raise Failure(f"{self.name}: the run was not over within {seconds + OVERHEAD:.0f} s", 3) from None
        try:
            with open(os.path.join(output, "summary.json")) as file:
                self.summary = json.load(file)
            with open(os.path.join(output, "timeline.csv")) as file:
                self.timeline = list(csv.DictReader(file))
        except (OSError, ValueError):
            raise Failure(f"{self.name}: the controller left no report (status {self.status}); see {self.directory}", 3) from None

    def end_server(self):
        """Ends the server. Returns the figures that it prints as JSON."""
        self.server.terminate()
        try:
            text, _ = self.server.communicate(timeout=30)
            return json.loads(text.strip().splitlines()[-1])
        except (subprocess.TimeoutExpired, ValueError, IndexError):
            raise Failure(f"{self.name}: the server did not end properly", 3) from None

    def get(self, path):
        return look_up(self.summary, path)


def all_succeeded(figures, run, connections):
    figures.exactly("outcomes", {"succeeded": connections}, run.get("connections.outcomes"))


def is_valid(figures, run):
    figures.exactly("exit status", 0, run.status)
    for reason in run.get("run.invalid_because"):
        print(f"{'':<22} not valid: {reason}")


def server_kept_time(figures, seen):
    # If the machine is too busy for the server, the figures prove nothing about the client.
    figures.within("the server's own lateness, mean", 0, 5, seen["late_ms_mean"], "ms")


# The cases. -------------------------------------------------------------------------------------------------------

def queue_truth(offered, served, count):
    """The response times of `count` messages, in ms, sorted, and the longest queue. `offered` messages per second arrive
    at an empty queue, which serves `served` per second."""
    free, times, most, left = 0.0, [], 0, 0
    departures = []
    for index in range(count):
        arrival = index / offered
        free = max(free, arrival) + 1 / served
        departures.append(free)
        times.append((free - arrival) * 1e3)
        while departures[left] <= arrival:
            left += 1
        most = max(most, index + 1 - left)
    return sorted(times), most


def percentile(ordered, percent):
    """The value that `percent` per cent of all values do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def capacity(context, figures, offered, served, seconds, max_unanswered=None):
    """Offers more than the server serves, on one connection."""
    count = offered * seconds
    truth, waiting = queue_truth(offered, served, count)
    run = Run(context, figures.case)
    plan = {
        "target": f"ws://127.0.0.1:{run.serve_timed('capacity', '--rate', served)}/", "instances": 1, "messages": count,
        "schedule": {"kind": "periodic", "interval": f"{10**9 // offered}ns", "phase": "aligned"},
        "payload": {"kind": "random", "length": 32}, "timeouts": {"reply": "60s"},
    }  # fmt: skip
    if max_unanswered:
        plan["max_unanswered"] = max_unanswered
    run.load(plan, count / served)
    seen = run.end_server()
    for percent, key in ((50, "p50"), (99, "p99"), (100, "max")):
        figures.near(f"response {key}", percentile(truth, percent), 0.02, run.get(f"rtt_ms.response.{key}"))
    figures.exactly("responses timed", count, run.get("rtt_ms.response.count"))
    figures.exactly("untimed", 0, run.get("messages.untimed"))
    figures.exactly("received", count, run.get("messages.received"))
    all_succeeded(figures, run, 1)
    is_valid(figures, run)
    figures.near("most that waited in the server", waiting, 0.02, seen["waiting_most"], "messages")
    server_kept_time(figures, seen)


def stall(context, figures, in_flight, connections, rate, every, pause, seconds):
    """The server answers nothing during `pause` of every `every` seconds."""
    run = Run(context, figures.case)
    # The first pause begins half of the time between two pauses after the first message. So the load, which lasts a
    # whole number of periods, begins and ends while the server answers, and covers one whole pause per period.
    port = run.serve_timed("stall", "--every", every, "--pause", pause, "--after", (every - pause) / 2)
    # The connections open evenly over one interval and start sending at once, so that messages are due evenly over each
    # pause. With random phases, the percentiles would vary with the seed by some per cent. The last message is due half
    # an interval before `duration` ends.
    interval = 1000 // rate
    plan = {
        "target": f"ws://127.0.0.1:{port}/", "instances": connections, "duration": f"{seconds * 1000 - interval // 2:.0f}ms",
        "ramp": {"rate": f"{connections * rate}/s"},
        "schedule": {"kind": "periodic", "interval": f"{interval}ms", "phase": "aligned"},
        "payload": {"kind": "random", "length": 32}, "timeouts": {"reply": "60s"},
    }  # fmt: skip
    if in_flight:
        plan["in_flight"] = in_flight
    run.load(plan, seconds + pause)
    seen = run.end_server()
    # A message that is due x before the end of a pause waits for x. Other messages do not wait.
    for percent in (90, 95, 99):
        expected = (pause - (1 - percent / 100) * every) * 1e3
        figures.near(f"response p{percent}", expected, 0.03, run.get(f"rtt_ms.response.p{percent}"))
    figures.exactly("offered (received and unsent)", connections * rate * seconds,
                    run.get("messages.received") + (run.get("messages.unsent") or 0))  # fmt: skip
    all_succeeded(figures, run, connections)
    is_valid(figures, run)
    server_kept_time(figures, seen)


def held_back(context, figures, connections, interval_ms, seconds, delay_ms):
    """`in_flight: 1`, with far more messages due than the server's delay permits."""
    run = Run(context, figures.case)
    port = run.serve_timed("delay", "--by", delay_ms / 1e3)
    run.load({
        "target": f"ws://127.0.0.1:{port}/", "instances": connections, "duration": f"{seconds}s", "in_flight": 1,
        "schedule": {"kind": "periodic", "interval": f"{interval_ms}ms"}, "ramp": {"over": "0"},
        "payload": {"kind": "random", "length": 32}, "timeouts": {"reply": "60s"},
    }, seconds + 1)  # fmt: skip
    seen = run.end_server()
    due = connections * seconds * 1000 // interval_ms
    # A connection sends again when its reply arrives: after the delay, and at most a tenth of it later.
    least, most = (connections * math.floor(seconds * 1000 / each) for each in (1.1 * delay_ms, delay_ms))
    sent, unsent = run.get("messages.sent"), run.get("messages.unsent")
    all_succeeded(figures, run, connections)
    figures.within("sent", least, most, sent)
    figures.within("unsent", due - most, due - least, unsent)
    figures.exactly("sent and unsent", due, None if unsent is None else sent + unsent)
    figures.exactly("received", sent, run.get("messages.received"))
    # In whole seconds. The last reply arrives one delay after the last message.
    last = run.timeline[-1]
    figures.within("the run ends within", 0, seconds + 2, int(last["second"]) + int(last["width_s"]), "s")
    is_valid(figures, run)
    server_kept_time(figures, seen)


def tls_ramp(context, figures, rate, connections, lives):
    """Opens more TLS connections per second than one loop can handle, while open connections send."""
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if descriptors != resource.RLIM_INFINITY:
        connections = min(connections, descriptors - 200)
    run = Run(context, figures.case)
    certificates = os.path.join(context.directory, "certificates")
    made = subprocess.run(
        [os.path.join(REPOSITORY, "Scripts", "make-test-certificates"), certificates], timeout=120,
        stdin=subprocess.DEVNULL, capture_output=True, text=True)  # fmt: skip
    if made.returncode != 0:
        raise Failure(f"{run.name}: no certificates: {made.stderr.strip()}", 3)
    port = run.serve([context.reference, "--cert", f"{certificates}/server.pem", "--key", f"{certificates}/server.key"])
    # Each connection sends as soon as it has opened, while the ramp goes on. There are four source addresses, because
    # beyond half of the ports of one, the search for a free port is the slowest part (Docs/Tuning.md).
    run.load({
        "target": f"wss://127.0.0.1:{port}/", "instances": connections, "duration": f"{lives}s", "ramp": {"rate": f"{rate}/s"},
        "schedule": {"kind": "periodic", "interval": "500ms"}, "payload": {"kind": "random", "length": 64},
        "tls": {"ca": f"{certificates}/ca.pem", "server_name": "localhost"}, "source_addresses": "127.0.1.1-127.0.1.4",
        "timeouts": {"connect": "60s", "reply": "30s", "close": "30s"},
    }, connections / 200 + lives + 60)  # fmt: skip
    run.end_server()
    all_succeeded(figures, run, connections)
    opening = [row for row in run.timeline if int(row["opened"])]
    ended = int(opening[-1]["second"]) if opening else 0
    during = sum(int(row["sent"]) for row in run.timeline if int(row["second"]) <= ended)
    sent = run.get("messages.sent")
    figures.within("messages sent while it opened", 25, 100, 100 * during / sent if sent else None, "%")
    figures.within("send lag p99", 0, 5, run.get("send_lag_ms.p99"), "ms")
    figures.near("planned openings", rate, 0.001, run.get("connections.opening.asked_per_s"), "/s")
    figures.within("opened", 1, 0.9 * rate, run.get("connections.opening.achieved_per_s"), "/s")
    figures.within("open lag p99", 100, math.inf, run.get("open_lag_ms.p99"), "ms")
    figures.exactly("verdict", "too_slow", run.get("generator.verdict"))
    figures.exactly("exit status", 3, run.status)
    reasons = [reason for reason in run.get("run.invalid_because") if "open" in reason]
    figures.add("the reason names the opening", "yes", "yes" if reasons else "no", bool(reasons))
    for reason in reasons:
        print(f"{'':<22} {reason}")


CASES = {
    "capacity-150": lambda context, figures: capacity(context, figures, offered=200, served=150, seconds=30),
    "capacity-900": lambda context, figures: capacity(context, figures, offered=1000, served=900, seconds=120),
    "stall-open-loop": lambda context, figures: stall(
        context, figures, in_flight=None, connections=50, rate=10, every=5, pause=1, seconds=20),
    "stall-in-flight": lambda context, figures: stall(
        context, figures, in_flight=1, connections=50, rate=10, every=5, pause=1, seconds=20),
    "held-back": lambda context, figures: held_back(
        context, figures, connections=20, interval_ms=10, seconds=5, delay_ms=100),
    "tls-ramp": lambda context, figures: tls_ramp(context, figures, rate=30_000, connections=15_000, lives=3),
}  # fmt: skip
QUICK = {
    # More messages must wait than a connection remembers, or the case shows nothing.
    "capacity-150": lambda context, figures: capacity(
        context, figures, offered=800, served=600, seconds=4, max_unanswered=64),
    "capacity-900": lambda context, figures: capacity(
        context, figures, offered=1000, served=900, seconds=5, max_unanswered=64),
    "stall-open-loop": lambda context, figures: stall(
        context, figures, in_flight=None, connections=20, rate=20, every=2.5, pause=0.5, seconds=5),
    "stall-in-flight": lambda context, figures: stall(
        context, figures, in_flight=1, connections=20, rate=20, every=2.5, pause=0.5, seconds=5),
    "held-back": lambda context, figures: held_back(
        context, figures, connections=20, interval_ms=10, seconds=1, delay_ms=100),
    "tls-ramp": lambda context, figures: tls_ramp(context, figures, rate=30_000, connections=5000, lives=2),
}  # fmt: skip


class Context:
    def __init__(self, options, directory):
        self.binaries, self.reference, self.directory = options.binaries, options.reference, directory
        self.processes = None


def arguments():
    parser = argparse.ArgumentParser(prog="overload", description=(
        "Runs WSPerf against overloaded, pausing and slow servers, and compares each reported figure with its calculated "
        "value. Prints a line for each figure. Exit status: 0 all agree, 1 some do not, 2 wrong usage, 3 no result, "
        "130 interrupted."))  # fmt: skip
    parser.add_argument("--case", action="append", default=[], choices=list(CASES), help="only this case; may be repeated")
    parser.add_argument("--quick", action="store_true", help="a few seconds for each case, with the same calculations")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("--output", metavar="DIR", help="where to keep plans, reports and figures (a new one in /tmp)")
    parser.add_argument("--binaries", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--reference", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.binaries, options.reference = os.path.abspath(options.binaries), os.path.abspath(options.reference)
    return options


def listen_for_interrupts(listening):
    # A script that is started in the background ignores SIGINT, so set the handlers explicitly.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if listening else signal.SIG_IGN)


def main():
    options = arguments()
    if options.list:
        print("\n".join(CASES))
        return 0
    directory = os.path.abspath(options.output) if options.output else tempfile.mkdtemp(prefix="wsperf-overload-")
    os.makedirs(directory, exist_ok=True)
    context = Context(options, directory)
    listen_for_interrupts(True)
    rows, failures = [], []
    began = time.monotonic()
    for name, case in (QUICK if options.quick else CASES).items():
        if options.case and name not in options.case:
            continue
        context.processes = machine.Processes()
        figures = Figures(name)
        try:
            case(context, figures)
        except Failure as failure:
            failures.append(failure)
            print(f"overload: {failure}", file=sys.stderr, flush=True)
        finally:
            # Ignore another Ctrl-C until everything has ended.
            listen_for_interrupts(False)
            context.processes.end()
            listen_for_interrupts(True)
        rows += figures.rows
    with open(os.path.join(directory, "figures.json"), "w") as file:
        json.dump(rows, file, indent=1)
    wrong = [row for row in rows if not row["holds"]]
    print(f"\n{len(rows)} figures, {len(wrong)} wrong; {time.monotonic() - began:.0f} s; kept in {directory}")
    return failures[0].status if failures else 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"overload: {failure}", file=sys.stderr)
        sys.exit(failure.status)
    except KeyboardInterrupt:
        print("overload: interrupted", file=sys.stderr)
        sys.exit(130)
